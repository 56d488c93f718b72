"""Sample values of builtin classes. What an operator or a loop does with such a value, Python itself can say."""

from __future__ import annotations

import ast
import collections
import datetime
import decimal
import fractions
import itertools
import pathlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from gate.names.infer.values import Instance, NoneValue, Tuple, Value
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

Samples = tuple[object, ...]
SAMPLES: Mapping[tuple[str, str], object] = {
    ("builtins", "str"): "a",
    ("builtins", "bytes"): b"a",
    ("builtins", "bytearray"): bytearray(b"a"),
    ("builtins", "int"): 1,
    ("builtins", "float"): 1.0,
    ("builtins", "bool"): True,
    ("builtins", "complex"): 1j,
    ("builtins", "list"): [],
    ("builtins", "dict"): {},
    ("builtins", "set"): set(),
    ("builtins", "frozenset"): frozenset(),
    ("builtins", "range"): range(1),
    ("builtins", "map"): map(str, ()),
    ("builtins", "filter"): filter(str, ()),
    ("builtins", "zip"): zip(),
    ("builtins", "enumerate"): enumerate(()),
    ("builtins", "reversed"): reversed(()),
    ("_collections_abc", "dict_keys"): {}.keys(),
    ("_collections_abc", "dict_values"): {}.values(),
    ("_collections_abc", "dict_items"): {}.items(),
    ("collections", "deque"): collections.deque(),
    ("collections", "Counter"): collections.Counter(),
    ("collections", "OrderedDict"): collections.OrderedDict(),
    ("collections", "defaultdict"): collections.defaultdict(),
    ("itertools", "chain"): itertools.chain(),
    ("datetime", "datetime"): datetime.datetime(2000, 1, 1),  # noqa: DTZ001  it is never compared with a moment
    ("datetime", "date"): datetime.date(2000, 1, 1),
    ("datetime", "time"): datetime.time(),
    ("datetime", "timedelta"): datetime.timedelta(1),
    ("decimal", "Decimal"): decimal.Decimal(1),
    ("fractions", "Fraction"): fractions.Fraction(1),
    ("pathlib", "Path"): pathlib.Path(),
    ("pathlib", "PurePath"): pathlib.PurePath(),
}
"""A value of each class, by its module and name in the stubs of the standard library."""

_SHOWN = {
    "str": "a string",
    "NoneType": "`None`",
    "int": "a number",
    "float": "a number",
    "bool": "a Boolean",
}


def samples_of(node: ast.expr, scope: Scope, engine: Engine) -> Samples:
    """Return a sample for each value that an expression may have, or () if it may have any other.

    Annotations of the project don't count: only what the code does. A constant is its own sample.
    """
    if isinstance(node, ast.Constant):
        return (node.value,)
    name = getattr(node, "id", getattr(node, "attr", ""))
    if name in engine.project.stored_outside:
        return ()
    values = engine.without_annotations.infer(node, scope)
    samples = [_sample(value) for value in values or ()]
    return tuple(itertools.chain(*samples)) if all(samples) else ()


def _sample(value: Value) -> Samples:
    match value:
        case NoneValue():
            return (None,)
        case Tuple():
            return ((),)
        case Instance(of=kind) if kind.origin == "library":
            key = kind.scope.source.name, kind.name
            return (SAMPLES[key],) if key in SAMPLES else ()
    return ()


def kind_of(samples: Samples) -> str:
    """Return what samples are, as text for a message."""
    names = dict.fromkeys(type(one).__name__ for one in samples)
    return " or ".join(dict.fromkeys(_SHOWN.get(name, f"a `{name}`") for name in names))


def fail(
    operation: Callable[..., object], *operands: Samples, errors: tuple[type[Exception], ...] = (TypeError,)
) -> bool:
    """Return whether an operation raises one of `errors` for every combination of samples. False if there are none."""
    combinations = list(itertools.product(*operands))
    return bool(combinations) and all(_fails(operation, one, errors) for one in combinations)


def _fails(
    operation: Callable[..., object], operands: tuple[object, ...], errors: tuple[type[Exception], ...]
) -> bool:
    try:
        operation(*operands)
    except errors:
        return True
    except Exception:  # noqa: BLE001  another value of the same class may do
        return False
    return False
