"""Find the keys of TypedDict classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.names.infer.generated import qualified_name
from gate.names.infer.values import Class, ClassValue

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_TYPED_DICT = frozenset({"typing.TypedDict", "typing_extensions.TypedDict"})


def keys_of(engine: Engine, cls: Class) -> frozenset[str] | None:
    """Return the keys of a TypedDict, including inherited ones, or None for any other class."""
    if cls.origin != "project" or not cls.node.bases:
        return None
    scope = cls.scope.parent or cls.scope
    keys = frozenset(cls.scope.names)
    for base in cls.node.bases:
        if qualified_name(base, scope) in _TYPED_DICT:
            continue
        match engine.infer(base, scope):
            case [ClassValue(of=parent)] if (
                parent is not cls and (inherited := keys_of(engine, parent)) is not None
            ):
                keys |= inherited
            case _:
                return None
    return keys
