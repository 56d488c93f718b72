"""Check whether a file's imports and exports exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gate.names.resolve.modules import Modules
from gate.names.syntax.facts import Use
from gate.names.syntax.object_reference import ObjectReference


def missing_exports(
    module: str, exports: Iterable[ObjectReference], modules: Modules
) -> Iterator[ObjectReference]:
    """Yield the exports that the module lacks. Yields nothing if it may have names that gate can't read."""
    own = modules.module(module)
    if own is None or own.open:
        return
    for name in exports:
        if name.text not in own.names and modules.module(f"{module}.{name.text}") is None:
            yield name


def is_resolved(use: Use, modules: Modules) -> bool:
    """Return whether the imported module or name certainly exists."""
    module = modules.module(use.owner)
    if module is None:
        return False
    return not use.name or use.name in module.names or modules.module(f"{use.owner}.{use.name}") is not None
