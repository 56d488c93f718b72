"""Compare kinds of values, such as text, bytes, files, and numbers, with those that a parameter's annotation allows."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from gate.names.infer.values import ClassValue, Coroutine, FunctionValue, Instance, ModuleValue, Tuple, Value
from gate.names.syntax.nodes import LAMBDA
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

Kinds = frozenset[str]
ANY: Kinds = frozenset()
"""The kinds of a value, or those that a parameter takes, aren't known."""
SHOWN = {"str": "a string", "bytes": "bytes", "file": "a file", "text file": "a text file",
         "binary file": "a binary file", "time": "a time", "tuple": "a tuple", "number": "a number", "list": "a list",
         "dict": "a dictionary", "set": "a set", "function": "a function", "class": "a class", "module": "a module",
         "datetime": "a `datetime`", "date": "a `date`", "timedelta": "a `timedelta`", "coroutine": "a coroutine",
         "pattern": "a pattern"}  # fmt: skip
"""Every kind, as it's called in messages."""

FILE_CLASSES = frozenset({"IO", "TextIO", "BinaryIO", "IOBase", "RawIOBase", "BufferedIOBase", "TextIOBase"})
TEXT_FILES = frozenset({"TextIO", "TextIOBase"})
BINARY_FILES = frozenset({"BinaryIO", "BufferedIOBase", "RawIOBase"})
_FILES = frozenset({"file", "text file", "binary file"})
_EASY = frozenset({"str", "bytes", "time"}) | _FILES
"""Kinds that annotations of the project are trusted about; for others, the code itself has to show the kind."""
_ITERABLE = _FILES | {"str", "bytes", "list", "dict", "set", "tuple", "class"}
_OF_ANNOTATIONS: dict[str, Kinds] = {
    "str": frozenset({"str"}),
    "LiteralString": frozenset({"str"}),
    "bytes": frozenset({"bytes"}),
    "bytearray": frozenset({"bytes"}),
    "ReadableBuffer": frozenset({"bytes"}),
    "Buffer": frozenset({"bytes"}),
    "AnyStr": frozenset({"str", "bytes"}),
    "StrPath": frozenset({"str"}),
    "BytesPath": frozenset({"bytes"}),
    "StrOrBytesPath": frozenset({"str", "bytes"}),
    "FileDescriptorOrPath": frozenset({"str", "bytes", "number"}),
    "SupportsRead": _FILES,
    "SupportsWrite": _FILES,
    "struct_time": frozenset({"time"}),
    "_TimeTuple": frozenset({"tuple"}),
    "int": frozenset({"number"}),
    "float": frozenset({"number"}),
    "complex": frozenset({"number"}),
    "SupportsIndex": frozenset({"number"}),
    "ConvertibleToInt": frozenset({"number", "str", "bytes"}),
    "ConvertibleToFloat": frozenset({"number", "str", "bytes"}),
    "_SupportsFloatOrIndex": frozenset({"number"}),
    "tuple": frozenset({"tuple"}),
    "list": frozenset({"list"}),
    "dict": frozenset({"dict"}),
    "set": frozenset({"set"}),
    "Sized": frozenset({"str", "bytes", "list", "dict", "set", "tuple", "class"}),
    "Iterable": _ITERABLE,
    "Sequence": _ITERABLE,
    "Callable": frozenset({"function", "class"}),
    "Coroutine": frozenset({"coroutine"}),
    "Awaitable": frozenset({"coroutine"}),
    "Pattern": frozenset({"pattern"}),
    "type": frozenset({"class"}),
    "_ClassInfo": frozenset({"class", "tuple"}),
    "datetime": frozenset({"datetime"}),
    "timedelta": frozenset({"timedelta"}),
}
_OF_BUILTINS = {"str": "str", "bytes": "bytes", "bytearray": "bytes", "int": "number", "float": "number",
                "complex": "number", "bool": "number", "list": "list", "dict": "dict", "set": "set",
                "frozenset": "set", "tuple": "tuple"}  # fmt: skip
_OF_DATETIME = frozenset({"datetime", "date", "timedelta"})


class ArgumentKinds:
    """Determines kinds of values and parameters."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer values."""
        self._engine = engine

    def mistaken(
        self, annotation: ast.expr | None, value: ast.expr, scope: Scope
    ) -> tuple[Kinds, Kinds] | None:
        """Return the kinds that a parameter takes and those of its argument if these certainly differ, else None."""
        expected = self.wanted(annotation)
        actual = self.given(value, scope) if expected else ANY
        if not actual or expected & actual:
            return None
        if not (expected | actual) <= _EASY:
            by_code = self._kinds(self._engine.without_annotations.infer(value, scope))
            if not by_code or by_code & expected:
                return None
        return expected, actual

    def wanted(self, annotation: ast.expr | None) -> Kinds:
        """Return the kinds that an annotation of the standard library allows, or ANY if it may allow any other kind."""
        match annotation:
            case ast.BinOp(op=ast.BitOr(), left=inner, right=ast.Constant(value=None)):
                # The arguments that are checked are never None, so None can't be the wrong kind.
                return self.wanted(inner)
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                left_kinds, right_kinds = self.wanted(left), self.wanted(right)
                return left_kinds | right_kinds if left_kinds and right_kinds else ANY
            case ast.Subscript(
                value=ast.Name(id="SupportsRead" | "SupportsWrite" | "Iterable"), slice=ast.Name(id=of)
            ):
                without = {"str": {"binary file"}, "bytes": {"text file", "str"}}.get(of, set[str]())
                return self.wanted(annotation.value) - without
            case ast.Subscript(value=value):
                return self.wanted(value)
            case ast.Name(id=name):
                return _OF_ANNOTATIONS.get(name, ANY)
        return ANY

    def given(self, node: ast.expr, scope: Scope) -> Kinds:
        """Return the kinds that an argument may have, or ANY if it may be anything."""
        return self._kinds(self._engine.infer(node, scope))

    def _kinds(self, values: tuple[Value, ...] | None) -> Kinds:
        kinds = [self._kind(value) for value in values or ()]
        return frozenset(kinds) if all(kinds) else ANY

    def _kind(self, value: Value) -> str:
        """Return the kind of one value, or "" if it isn't known."""
        match value:
            case ModuleValue():
                return "module"
            case Tuple():
                return "tuple"
            case ClassValue(of=cls):
                return "class" if cls.origin != "site" and not cls.node.keywords else ""
            case FunctionValue(definitions=[definition, *_]):
                is_plain = value.scope.source.origin != "site" and definition.name != LAMBDA
                return (
                    "function"
                    if is_plain and not self._engine.classes.is_overridden(definition.name, value)
                    else ""
                )
            case Coroutine(overridden_as=""):
                return "coroutine"
            case Instance(of=cls) if cls.origin == "library":
                return self._kind_of_library(value)
        return ""

    def _kind_of_library(self, value: Instance) -> str:
        cls, module = value.of, value.of.scope.source.name
        if module == "builtins" and cls.name in _OF_BUILTINS:
            return _OF_BUILTINS[cls.name]
        if module == "datetime" and cls.name in _OF_DATETIME:
            return cls.name
        is_a = self._engine.classes.is_a
        if is_a(cls, *TEXT_FILES):
            return "text file"
        if is_a(cls, *BINARY_FILES):
            return "binary file"
        return "file" if is_a(cls, *FILE_CLASSES) else ""


def shown(kinds: Kinds) -> str:
    """Return kinds as text for a message, such as "a string or bytes"."""
    if kinds >= _ITERABLE - _FILES:
        return "an iterable"
    if kinds >= _FILES:
        kinds -= {"text file", "binary file"}
    return " or ".join(SHOWN[kind] for kind in sorted(kinds))
