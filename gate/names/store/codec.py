"""Convert dataclasses to plain data for `marshal`: strings, numbers, tuples, lists, sets, and dictionaries.

The annotations of a class decide how, so a new field needs no code here. Stored data is dropped whenever a file of the
check changes, so the format needs no version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Convert = Callable[[Any], Any]
_PLAIN = frozenset({str, int, bool, float, bytes, NoneType})


def to_plain(value: object) -> Any:
    """Convert a dataclass or named tuple to plain data."""
    kind: Any = type(value)
    return _encoder(kind)(value)


def from_plain(kind: type[T], data: Any) -> T:
    """Convert the output of `to_plain` back to the dataclass or named tuple `kind`."""
    hashable: Any = kind
    value: T = _decoder(hashable)(data)
    return value


def _same(value: Any) -> Any:
    return value


@cache
def _fields_of(kind: Any) -> tuple[tuple[str, Any], ...] | None:
    """Return the names and types of the fields of a dataclass or named tuple, or None for any other type."""
    if is_dataclass(kind):
        names = [field.name for field in fields(kind)]
    elif isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields"):
        names = list(kind._fields)
    else:
        return None
    hints = get_type_hints(kind)
    return tuple((name, hints[name]) for name in names)


@cache
def _encoder(kind: Any) -> Convert:
    return _converter(kind, encodes=True)


@cache
def _decoder(kind: Any) -> Convert:
    return _converter(kind, encodes=False)


def _converter(kind: Any, *, encodes: bool) -> Convert:
    convert = _encoder if encodes else _decoder
    if (typed := _fields_of(kind)) is not None:
        steps = [(name, convert(hint)) for name, hint in typed]
        return _of_fields(kind, steps, encodes=encodes)
    origin, arguments = get_origin(kind), get_args(kind)
    if kind in _PLAIN or origin is Literal:
        return _same
    if origin in {Union, UnionType} and all(convert(part) is _same for part in arguments):
        return _same
    if origin is tuple and all(part is Ellipsis or convert(part) is _same for part in arguments):
        return _same
    if origin in {list, set, frozenset}:
        return _of_items(list if encodes else origin, convert(arguments[0]))
    if origin in {dict, Mapping}:
        if all(convert(part) is _same for part in arguments):
            return dict
        key, value = map(convert, arguments)
        return lambda mapping: {key(name): value(item) for name, item in mapping.items()}
    raise TypeError(f"{kind} cannot be stored")


def _of_fields(kind: Any, steps: list[tuple[str, Convert]], *, encodes: bool) -> Convert:
    is_flat = all(step is _same for _, step in steps)
    if encodes:
        if is_flat and issubclass(kind, tuple):
            return tuple
        return lambda value: tuple([step(getattr(value, name)) for name, step in steps])
    if is_flat:
        return lambda data: kind(*data)
    converted = [(index, step) for index, (_, step) in enumerate(steps) if step is not _same]

    def decode(data: Any) -> Any:
        values = list(data)
        for index, step in converted:
            values[index] = step(values[index])
        return kind(*values)

    return decode


def _of_items(container: Any, step: Convert) -> Convert:
    if step is _same:
        # `marshal` supports sets and lists.
        return _same
    # Most collections of most files are empty.
    return lambda items: container([step(item) for item in items] if items else ())
