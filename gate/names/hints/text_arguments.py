"""Check the kinds of arguments that standard library functions take: text, bytes, files, and times."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gate.names.hints.assignments import name_called
from gate.names.hints.naming import TEXT_KEPT, TEXT_NAMES
from gate.names.infer.calls import fitting, takes_self
from gate.names.infer.values import FunctionValue, Instance, Value, Values
from gate.names.syntax.nodes import Function
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

_FILES = frozenset({"IO", "TextIO", "BinaryIO", "IOBase", "RawIOBase", "BufferedIOBase", "TextIOBase"})
_TEXTS = {"str": "text", "bytes": "bytes", "bytearray": "bytes", "file": "a file"}
_ALIASES = {"ReadableBuffer": {"bytes"}, "Buffer": {"bytes"}, "SupportsRead": {"file"}, "SupportsWrite": {"file"},
            "struct_time": {"time"}, "_TimeTuple": {"time"}, "tuple": {"tuple"}, "StrPath": {"str"},
            "AnyStr": {"str", "bytes"}, "None": set[str]()}  # fmt: skip
FAMILY = frozenset({"json", "pickle", "marshal", "tomllib", "plistlib"})
_BINARY = frozenset({"pickle", "marshal", "tomllib", "plistlib"})
SWAPPED = {"dump": "dumps", "load": "loads", "loads": "load", "strftime": "strptime", "strptime": "strftime"}


@dataclass(frozen=True, slots=True)
class WrongText:
    """An argument of the wrong kind. `hint` says what may be meant."""

    message: str
    hint: str = ""


class TextKinds:
    """Compares the arguments of a standard library function with the kinds that it takes."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer the kinds of values."""
        self._engine = engine

    def wrong(self, node: ast.Call, callee: Value, scope: Scope) -> WrongText | None:
        """Return the mistake in the arguments of a call, or None unless it is certain."""
        if not isinstance(callee, FunctionValue) or callee.scope.source.origin != "library":
            return None
        if callee.called_on is not None and node.args:
            return self._self(node, callee, scope)
        if callee.definitions[0].name in {"open", "fdopen"} and (problem := _wrong_mode(node, callee)):
            return problem
        module = callee.scope.source.name.removeprefix("_").partition(".")[0]
        if module in FAMILY and callee.definitions[0].name in {"load", "loads", "dump"}:
            told = self._of_family(node, module, callee.definitions[0].name, scope)
            if told is not None:
                return told
        if module == "fcntl":
            # The stubs say bytes where text is also accepted.
            return None
        found = [self._one(node, callee, one, scope) for one in fitting(self._engine, callee, node, scope)]
        return found[0] if found and all(found) else None

    def _of_family(self, node: ast.Call, module: str, name: str, scope: Scope) -> WrongText | None:
        """Return a mistake if `load`, `loads`, or `dump` gets neither text nor the kind of file that it needs."""
        place = 1 if name == "dump" else 0
        if len(node.args) <= place or any(isinstance(one, ast.Starred) for one in node.args):
            return None
        values = self._engine.infer(node.args[place], scope)
        if not values or len(values) != 1 or not isinstance(values[0], Instance):
            return None
        kind = values[0].of
        right = f"did you mean `{module}.{SWAPPED[name]}`?"
        if self._engine.classes.is_a(kind, *_FILES):
            binary = self._engine.classes.is_a(kind, "BinaryIO", "BufferedIOBase", "RawIOBase")
            text = self._engine.classes.is_a(kind, "TextIO", "TextIOBase")
            if name == "load" and module in _BINARY and text:
                return WrongText(
                    f"`{module}.load` reads bytes, and this file was opened for text", 'open it with "rb"'
                )
            if name == "dump" and (text if module in _BINARY else binary):
                wanted, mode = ("bytes", "wb") if module in _BINARY else ("text", "w")
                return WrongText(
                    f"`{module}.dump` writes {wanted}, and this file takes the other",
                    f'open it with "{mode}"',
                )
            return None
        if (
            kind.origin != "library"
            or self._engine.classes.is_incomplete(kind)
            or self._engine.classes.is_protocol(kind)
        ):
            return None
        if kind.name in {"str", "bytes", "bytearray", "object", "memoryview", "Any"}:
            return None
        line = self._engine.classes.mro(kind)[0]
        if any(
            one.name == "str" or "read" in one.scope.names or "write" in one.scope.names for one, _ in line
        ):
            return None
        if kind.name.endswith("Path"):
            hint = "use its `.read_text()`" if name == "loads" else "open it first"
        else:
            hint = right if name == "dump" else ""
        wanted = "text" if name == "loads" else "a file"
        return WrongText(f"`{module}.{name}` takes {wanted} here, and this is a `{kind.name}`", hint)

    def _self(self, node: ast.Call, callee: FunctionValue, scope: Scope) -> WrongText | None:
        """Return a mistake if a method is called on its class and the first argument isn't an instance."""
        given = self._kinds(self._engine.infer(node.args[0], scope))
        kind = callee.called_on
        if (
            not given
            and kind is not None
            and kind.name in {"datetime", "date", "time"}
            and _may_be_text(node.args[0])
        ):
            given = {"str"}
        if (
            not given
            or kind is None
            or kind.name in {"str", "bytes", "bytearray", "object"}
            or "file" in given
        ):
            return None
        name = callee.definitions[0].name
        right = SWAPPED.get(name, "")
        return WrongText(
            f"`{kind.name}.{name}` is a method of a `{kind.name}`, and this is {_shown(given)}",
            f"did you mean `{right}`?" if right else "",
        )

    def _one(
        self, node: ast.Call, callee: FunctionValue, definition: Function, scope: Scope
    ) -> WrongText | None:
        arguments = definition.args
        places = [*arguments.posonlyargs, *arguments.args][1 if takes_self(callee, definition) else 0 :]
        if any(isinstance(one, ast.Starred) for one in node.args):
            return None
        module, name = callee.scope.source.name.removeprefix("_"), name_called(node) or definition.name
        right = SWAPPED.get(name, "")
        hint = f"did you mean `{module.partition('.')[0]}.{right}`?" if right else ""
        for parameter, value in zip(places, node.args, strict=False):
            wanted = self._wanted(parameter.annotation)
            given = self._kinds(self._engine.infer(value, scope))
            if wanted and given and not wanted & given:
                said = f"`{name}` takes {_shown(wanted)} here, and this is {_shown(given)}"
                if wanted == {"bytes"} and given == {"str"}:
                    hint = hint or "add `.encode()`"
                return WrongText(said, hint)
        if name == "strptime" and module == "time" and node.args and _is_format(node.args[0]):
            return WrongText("`time.strptime` reads a time from text, and this is a format", hint)
        return None

    def _wanted(self, annotation: ast.expr | None) -> set[str]:
        """Return the kinds that an annotation allows. Empty if it may allow any other kind, too."""
        match annotation:
            case ast.BinOp(op=ast.BitOr(), left=wanted, right=ast.Constant(value=None)):
                # The arguments checked here are never None, so None can't be the wrong kind.
                return self._wanted(wanted)
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                one, other = self._wanted(left), self._wanted(right)
                return one | other if one and other else set()
            case ast.Subscript(value=value):
                return self._wanted(value)
            case ast.Name(id=name) if name in _TEXTS:
                return {"bytes" if name == "bytearray" else name}
            case ast.Name(id=name):
                return _ALIASES.get(name, set())
        return set()

    def _kinds(self, values: Values) -> set[str]:
        """Return the kinds of `values`. Empty if they may be anything."""
        found: set[str] = set()
        for value in values or ():
            if not isinstance(value, Instance) or value.of.origin != "library":
                return set()
            if value.of.name in {"str", "bytes", "bytearray"}:
                found.add("bytes" if value.of.name == "bytearray" else value.of.name)
            elif self._engine.classes.is_a(value.of, *_FILES):
                found.add("file")
            else:
                return set()
        return found


def _wrong_mode(node: ast.Call, callee: FunctionValue) -> WrongText | None:
    """Return a mistake for a mode with which no file can be opened."""
    places = [one.arg for one in (*callee.definitions[0].args.posonlyargs, *callee.definitions[0].args.args)]
    if takes_self(callee, callee.definitions[0]):
        places = places[1:]
    if "mode" not in places or not {"buffering", "encoding", "newline"} <= set(places):
        return None
    given: dict[str, ast.expr] = dict(zip(places, node.args, strict=False))
    if any(isinstance(one, ast.Starred) for one in node.args):
        return None
    given |= {word.arg: word.value for word in node.keywords if word.arg}
    mode = given.get("mode")
    if not isinstance(mode, ast.Constant) or not isinstance(mode.value, str):
        return None
    letters = mode.value
    if set(letters) - set("rwxabt+") or len(set(letters)) < len(letters):
        return WrongText(f'unknown file mode "{letters}"', "use one of r, w, x, and a, and b or + beside it")
    if sum(letter in letters for letter in "rwxa") != 1:
        right = "r+" if set("rw") <= set(letters) else ""
        hint = f'did you mean "{right}"?' if right else "use one of r, w, x, and a"
        return WrongText(f'the file mode "{letters}" needs exactly one of r, w, x, and a', hint)
    if {"b", "t"} <= set(letters):
        return WrongText(f'the file mode "{letters}" is binary and text at once', "leave out b or t")
    for name in ("encoding", "errors", "newline"):
        value = given.get(name)
        if "b" in letters and isinstance(value, ast.Constant) and value.value is not None:
            return WrongText(
                f'a file that is opened with "{letters}" takes no `{name}`', f"leave out `{name}` or the b"
            )
    return None


def _may_be_text(node: ast.expr) -> bool:
    """Return whether names suggest text: `value`, `row["text"]`. The value of another key may be a date."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return isinstance(node.slice.value, str) and bool(TEXT_KEPT.match(node.slice.value))
    return (
        isinstance(node, ast.Name) and bool(TEXT_NAMES.match(node.id)) and node.id not in {"data", "v", "val"}
    )


def _is_format(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "%" in node.value


def _shown(kinds: set[str]) -> str:
    names = {"str": "text", "bytes": "bytes", "file": "a file", "time": "a time", "tuple": "a tuple"}
    return " or ".join(names[kind] for kind in sorted(kinds))
