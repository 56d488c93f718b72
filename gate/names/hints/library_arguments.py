"""Check the arguments of standard library functions: their kinds, and the choices that literals allow."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

from gate.names.hints.argument_kinds import FILE_CLASSES, ArgumentKinds, shown
from gate.names.hints.assignments import name_called
from gate.names.hints.file_modes import WrongArgument, against_mode, wrong_mode
from gate.names.hints.naming import CLEAR_TEXT_NAMES, TEXT_NAMES
from gate.names.infer.calls import fitting, misfit, takes_self
from gate.names.infer.constants import constant_text
from gate.names.infer.values import ClassValue, FunctionValue, Instance, ModuleValue, Value
from gate.names.syntax.nodes import Function
from gate.names.syntax.source import Scope

if TYPE_CHECKING:
    from gate.names.infer.engine import Engine

FAMILY = frozenset({"json", "pickle", "marshal", "tomllib", "plistlib"})
_BINARY = frozenset({"pickle", "marshal", "tomllib", "plistlib"})
SWAPPED = {"dump": "dumps", "load": "loads", "loads": "load", "strftime": "strptime", "strptime": "strftime"}
_TAKE_TEXT_FOR_NUMBERS = frozenset({"port"})
"""Parameters annotated as numbers that the functions pass on to the system, which also takes text."""


class LibraryArguments:
    """Compares the arguments of a standard library function with the kinds that it takes."""

    def __init__(self, engine: Engine) -> None:
        """Use `engine` to infer the kinds of values."""
        self._engine = engine
        self._kinds = ArgumentKinds(engine)

    def wrong(self, node: ast.Call, callee: Value, scope: Scope) -> WrongArgument | None:
        """Return the mistake in the arguments of a call, or None unless it is certain."""
        function = self._function(callee)
        if function is None:
            return None
        if function.called_on is not None and node.args and not isinstance(callee, ClassValue):
            return self._self(node, function, scope)
        name = function.definitions[0].name
        if name in {"open", "fdopen"} and (problem := wrong_mode(node, function)):
            return problem
        if isinstance(function.bound, Instance) and (
            problem := self._against_mode(node, function.bound, scope)
        ):
            return problem
        module = function.scope.source.name.removeprefix("_").partition(".")[0]
        if module in FAMILY and name in {"load", "loads", "dump"}:
            problem = self._of_family(node, module, name, scope)
            if problem is not None:
                return problem
        if module == "fcntl":
            # The stubs say bytes where text is also accepted.
            return None
        definitions = fitting(self._engine, function, node, scope) or self._fitting_but_for_values(
            function, node, scope
        )
        problems = [self._one(node, function, definition, scope) for definition in definitions]
        return problems[0] if problems and all(problems) else None

    def _function(self, callee: Value) -> FunctionValue | None:
        """Return the called function of the standard library, or the constructor of a class of it, else None."""
        if isinstance(callee, ClassValue) and callee.of.origin == "library":
            constructor = self._engine.construction.constructor(callee.of)
            return constructor if constructor is not None and self._is_of_library(constructor) else None
        return callee if isinstance(callee, FunctionValue) and self._is_of_library(callee) else None

    def _is_of_library(self, function: FunctionValue) -> bool:
        return function.scope.source.origin == "library"

    def _against_mode(self, node: ast.Call, owner: Instance, scope: Scope) -> WrongArgument | None:
        is_file = self._engine.classes.is_a(owner.of, *FILE_CLASSES)
        return against_mode(node, scope) if is_file else None

    def _fitting_but_for_values(
        self, function: FunctionValue, node: ast.Call, scope: Scope
    ) -> list[Function]:
        """Return the overloads that a call fits by the number and names of its arguments, if no overload fits."""
        reasons = [
            (definition, misfit(self._engine, function, definition, node, scope))
            for definition in function.definitions
        ]
        return [definition for definition, reason in reasons if reason is not None and reason.kind == "value"]

    def _of_family(self, node: ast.Call, module: str, name: str, scope: Scope) -> WrongArgument | None:
        """Return a mistake if `load`, `loads`, or `dump` gets neither text nor the kind of file that it needs."""
        index = 1 if name == "dump" else 0
        if len(node.args) <= index or any(isinstance(argument, ast.Starred) for argument in node.args):
            return None
        values = self._engine.infer(node.args[index], scope)
        if not values or len(values) != 1 or not isinstance(values[0], Instance):
            return None
        kind = values[0].of
        suggestion = f"did you mean `{module}.{SWAPPED[name]}`?"
        if self._engine.classes.is_a(kind, *FILE_CLASSES):
            binary = self._engine.classes.is_a(kind, "BinaryIO", "BufferedIOBase", "RawIOBase")
            text = self._engine.classes.is_a(kind, "TextIO", "TextIOBase")
            if name == "load" and module in _BINARY and text:
                return WrongArgument(
                    f"`{module}.load` reads bytes, but the file is opened in text mode", 'open it with "rb"'
                )
            if name == "dump" and (text if module in _BINARY else binary):
                expected, opened, mode = (
                    ("bytes", "text", "wb") if module in _BINARY else ("text", "binary", "w")
                )
                return WrongArgument(
                    f"`{module}.dump` writes {expected}, but the file is opened in {opened} mode",
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
            cls.name == "str" or "read" in cls.scope.names or "write" in cls.scope.names for cls, _ in line
        ):
            return None
        if kind.name.endswith("Path"):
            hint = "use its `.read_text()`" if name == "loads" else "open it first"
        else:
            hint = suggestion if name == "dump" else ""
        expected = "a string" if name == "loads" else "a file"
        return WrongArgument(f"`{module}.{name}` expects {expected}, got a `{kind.name}`", hint)

    def _self(self, node: ast.Call, callee: FunctionValue, scope: Scope) -> WrongArgument | None:
        """Return a mistake if a method is called on its class and the first argument isn't an instance."""
        kinds = self._kinds.given(node.args[0], scope)
        kind = callee.called_on
        if (
            not kinds
            and kind is not None
            and kind.name in {"datetime", "date", "time"}
            and _may_be_text(node.args[0])
        ):
            kinds = frozenset({"str"})
        if (
            not kinds
            or kind is None
            or kind.name in {"str", "bytes", "bytearray", "object"}
            or not kinds <= {"str", "bytes"}
        ):
            return None
        name = callee.definitions[0].name
        correction = SWAPPED.get(name, "")
        return WrongArgument(
            f"`{kind.name}.{name}` expects a `{kind.name}` as its first argument, got {shown(kinds)}",
            f"did you mean `{correction}`?" if correction else "",
        )

    def _one(
        self, node: ast.Call, callee: FunctionValue, definition: Function, scope: Scope
    ) -> WrongArgument | None:
        """Return the first argument that one definition of a function doesn't take, or None if it may take them all."""
        if any(isinstance(argument, ast.Starred) for argument in node.args):
            return None
        module, name = callee.scope.source.name.removeprefix("_"), name_called(node) or definition.name
        correction = SWAPPED.get(name, "")
        hint = f"did you mean `{module.partition('.')[0]}.{correction}`?" if correction else ""
        for parameter, value in _matched(node, callee, definition):
            problem = self._mistaken(parameter, value, callee, (name, hint), scope) or self._no_choice(
                parameter, value, callee, name
            )
            if problem is not None:
                return problem
        if name == "strptime" and self._is_format_first(node, scope):
            return WrongArgument(
                f"`{name}` expects the string before the format", hint if module == "time" else ""
            )
        return None

    def _mistaken(
        self,
        parameter: ast.arg,
        value: ast.expr,
        callee: FunctionValue,
        shown_as: tuple[str, str],
        scope: Scope,
    ) -> WrongArgument | None:
        """Return a mistake if an argument is of another kind than the parameter's annotation allows.

        `shown_as` are the name of the function and a hint.
        """
        name, hint = shown_as
        if parameter.arg in {"count", "maxsplit"} and self._is_flag(value, scope):
            return WrongArgument(
                f"`{name}` expects a number as `{parameter.arg}`, got a flag",
                f"did you mean `flags={ast.unparse(value)}`?",
            )
        problem = self._kinds.mistaken(parameter.annotation, value, scope)
        if problem is None or (parameter.arg in _TAKE_TEXT_FOR_NUMBERS and problem[1] == {"str"}):
            return None
        expected, actual = problem
        if _passes_on_to_tcl(callee) and expected | actual <= {"str", "number"}:
            return None
        if actual == {"number"} and "str" in expected and self._is_written_in_python(callee):
            # It may only put the argument into a longer text.
            return None
        if expected == {"bytes"} and actual == {"str"}:
            hint = hint or "add `.encode()`"
        elif actual == {"function"}:
            hint = f"did you mean `{ast.unparse(value)}()`?"
        elif actual == {"coroutine"}:
            hint = "add `await`"
        return WrongArgument(f"`{name}` expects {shown(expected)}, got {shown(actual)}", hint)

    def _is_format_first(self, node: ast.Call, scope: Scope) -> bool:
        """Return whether the first argument of `strptime` is a format, and the second isn't."""
        texts = [constant_text(self._engine, value, scope) for value in node.args[:2]]
        formats = [text is not None and "%" in text for text in texts]
        return formats[:1] == [True] and formats[1:] != [True]

    def _is_written_in_python(self, callee: FunctionValue) -> bool:
        """Return whether a function or the class of a method is in the Python source of its module."""
        node = callee.scope.node
        name = node.name if isinstance(node, ast.ClassDef) else callee.definitions[0].name
        return name in self._engine.modules.beside_stub(callee.scope.source.name)

    def _is_flag(self, value: ast.expr, scope: Scope) -> bool:
        """Return whether a value is one of the flags of `re`, or several of them."""
        match value:
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self._is_flag(left, scope) and self._is_flag(right, scope)
            case ast.Attribute(value=owner, attr=name):
                return name.isupper() and self._engine.infer(owner, scope) == (ModuleValue("re"),)
        return False

    def _no_choice(
        self, parameter: ast.arg, value: ast.expr, callee: FunctionValue, name: str
    ) -> WrongArgument | None:
        """Return a mistake if a literal string is none of the literals that the parameter takes."""
        if not isinstance(value, ast.Constant) or not isinstance(value.value, str):
            return None
        choices = self._engine.annotations.literals(parameter.annotation, callee.scope)
        if not choices or value.value in choices or _passes_on_to_tcl(callee):
            return None
        texts = sorted(f'"{choice}"' for choice in choices if isinstance(choice, str))
        if not texts or len(texts) < len(choices - {None}):
            return None
        listed = ", ".join(texts[:6]) + (", …" if len(texts) > 6 else "")
        return WrongArgument(
            f'`{name}` doesn\'t accept "{value.value}" as `{parameter.arg}`', f"use one of {listed}"
        )


def _matched(
    node: ast.Call, callee: FunctionValue, definition: Function
) -> Iterator[tuple[ast.arg, ast.expr]]:
    """Yield the parameters that get an argument, with the argument."""
    arguments = definition.args
    positional = [*arguments.posonlyargs, *arguments.args][1 if takes_self(callee, definition) else 0 :]
    yield from zip(positional, node.args, strict=False)
    if arguments.vararg is not None:
        yield from ((arguments.vararg, value) for value in node.args[len(positional) :])
    by_name = {parameter.arg: parameter for parameter in (*positional, *arguments.kwonlyargs)}
    yield from ((by_name[word.arg], word.value) for word in node.keywords if word.arg in by_name)


def _passes_on_to_tcl(callee: FunctionValue) -> bool:
    """Return whether a function passes its arguments to Tcl, for which everything is text."""
    return callee.scope.source.name.partition(".")[0] == "tkinter"


def _may_be_text(node: ast.expr) -> bool:
    """Return whether names suggest text: `value`, `row["text"]`. The value of another key may be a date."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return isinstance(node.slice.value, str) and bool(CLEAR_TEXT_NAMES.match(node.slice.value))
    return (
        isinstance(node, ast.Name) and bool(TEXT_NAMES.match(node.id)) and node.id not in {"data", "v", "val"}
    )
