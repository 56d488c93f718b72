"""Find calls of `load`, `loads`, `dump`, and `dumps` with a file where text belongs, or vice versa."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gate.names.hints import naming
from gate.names.hints.assignments import given_to, is_tested, name_called
from gate.names.hints.file_or_text import FileOrText
from gate.names.hints.naming import Kind
from gate.names.syntax.nodes import Function, last_name, parameters, walk

# Modules whose `load` reads a file and whose `loads` parses text, and likewise for `dump` and `dumps`.
FAMILY = frozenset({"json", "simplejson", "ujson", "rapidjson", "pickle", "cPickle", "marshal", "toml", "tomllib",
                    "tomli", "dill", "cloudpickle", "hjson", "json5", "plistlib"})  # fmt: skip
YAML = "yaml"
"""Its functions read and write both text and files, but only take a file after the value."""
READS_OR_WRITES = frozenset({"load", "loads", "dump", "dumps"})
_PICKLES = frozenset({"pickle", "cPickle", "dill", "cloudpickle", "marshal"})


@dataclass(frozen=True, slots=True)
class WrongJsonCall:
    """A call with a value of the wrong kind. `right` is the intended function, or "" if no other name fixes it."""

    line: int
    column: int
    end_line: int
    message: str
    right: str
    name_line: int = 0
    name_column: int = 0
    """The position of the function's name, if it is looked up in a module."""
    name: str = ""


class LoadAndDump:
    """Checks the calls of these functions in one file."""

    def __init__(self, tree: ast.Module) -> None:
        """Collect what the file imports."""
        self._values = FileOrText(tree)
        self._modules: dict[str, str] = {}
        self._members: dict[str, tuple[str, str]] = {}
        for node in walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    # With fallback imports, several modules may be bound to one name.
                    if self._modules.get(alias.asname or alias.name) not in FAMILY:
                        self._modules[alias.asname or alias.name] = alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._members[alias.asname or alias.name] = (node.module, alias.name)

    def wrong_calls(
        self, callees: Mapping[ast.Call, tuple[str, str]] | None = None
    ) -> Iterator[WrongJsonCall]:
        """Yield each call of the family with an argument that it can't take.

        `callees` maps calls to module and function. By default, they come from the imports of the file.
        """
        callee = self._callee if callees is None else callees.get
        calls = self._values.calls
        yield from filter(None, (self._call(node, callee(node), scopes) for node, scopes in calls))

    def _callee(self, node: ast.Call) -> tuple[str, str] | None:
        """Return the called module and function, or None if the function isn't one of the family."""
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            module, name = self._modules.get(function.value.id, ""), function.attr
        elif isinstance(function, ast.Name):
            module, name = self._members.get(function.id, ("", ""))
        else:
            return None
        if module == YAML and name in {"dump", "safe_dump", "dump_all", "safe_dump_all"}:
            return module, "dump"
        if module not in FAMILY or name not in READS_OR_WRITES:
            return None
        return module, name

    def _call(
        self, node: ast.Call, callee: tuple[str, str] | None, scopes: list[ast.AST]
    ) -> WrongJsonCall | None:
        if callee is None or any(isinstance(argument, ast.Starred) for argument in node.args):
            return None
        module, name = callee
        if name in {"load", "loads"}:
            if not node.args:
                return None
            kind = self._values.kind(node.args[0], scopes)
            if not kind and name == "load" and self._is_hardly_a_file(node.args[0], scopes):
                kind = "text"
            return _reads(node, module, name, kind)
        keywords = {keyword.arg for keyword in node.keywords}
        if None in keywords:
            return None
        second = node.args[1] if len(node.args) > 1 else None
        if name == "dumps":
            to_file = bool(keywords & {"fp", "file", "stream"})
            if second is not None:
                to_file |= module in {"json", "simplejson"} or self._values.kind(second, scopes) == "file"
            if to_file:
                return _wrong(node, f"`{module}.dumps` returns a string and writes no file", f"{module}.dump")
        if name == "dump" and second is not None and self._is_opened(node.args[0], scopes):
            is_swapped = self._values.kind(second, scopes) != "file"
            if is_swapped:
                return _wrong(node, f"`{module}.dump` expects the value first, then the file", "")
        if module == YAML:
            return None
        has_file = second is not None or keywords & {"fp", "file", "f", "stream"}
        if name == "dump" and node.args and (not has_file or (module in _PICKLES and _is_protocol(second))):
            return _wrong(node, f"Missing file to write to in call of `{module}.dump`", f"{module}.dumps")
        return None

    def _is_hardly_a_file(self, node: ast.expr, scopes: list[ast.AST]) -> bool:
        """Return whether a value is known only by its name, or that of its source, and files don't have such names."""
        match node:
            case ast.Call():
                name = name_called(node)
                return bool(name) and name.islower() and not naming.MAY_BE_FILE.search(name)
            case ast.Attribute(attr=name) | ast.Name(id=name) if name in self._values.file_options:
                return False
            case ast.Attribute(attr=name, value=owner):
                return last_name(owner) not in {"self", "cls", "sys"} and not naming.MAY_BE_FILE.search(name)
            case ast.Name(id=name) if not naming.MAY_BE_FILE.search(name):
                for scope in reversed(scopes):
                    if is_tested(name, scope):
                        return False
                    values = list(given_to(name, scope))
                    if values:
                        called = values[0] if len(values) == 1 else None
                        return isinstance(called, ast.Call) and self._is_hardly_a_file(called, scopes)
                    if isinstance(scope, Function):
                        for parameter in parameters(scope.args):
                            if parameter.arg == name:
                                return parameter.annotation is None
        return False

    def _is_opened(self, node: ast.expr, scopes: list[ast.AST]) -> bool:
        """Return whether a name is assigned only by calls of `open`."""
        if not isinstance(node, ast.Name):
            return False
        for scope in reversed(scopes):
            values = list(given_to(node.id, scope))
            if values:
                return all(isinstance(value, ast.Call) and name_called(value) == "open" for value in values)
        return False


def _wrong(node: ast.Call, message: str, correction: str) -> WrongJsonCall:
    position = node.lineno, node.col_offset + 1, node.end_lineno or node.lineno
    function = node.func
    if not isinstance(function, ast.Attribute):
        return WrongJsonCall(*position, message, correction)
    column = (function.end_col_offset or 0) - len(function.attr) + 1
    return WrongJsonCall(*position, message, correction, function.end_lineno or 0, column, function.attr)


def _is_protocol(node: ast.expr | None) -> bool:
    """Return whether `node` is a number, or one of `pickle`'s names for protocol numbers."""
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    if isinstance(node, ast.Constant):
        return isinstance(node.value, int)
    return last_name(node) in {"HIGHEST_PROTOCOL", "DEFAULT_PROTOCOL"}


def _reads(node: ast.Call, module: str, name: str, kind: Kind) -> WrongJsonCall | None:
    if name == "loads" and kind == "file":
        return _wrong(node, f"`{module}.loads` expects a string, got a file", f"{module}.load")
    if kind == "response":
        expected = "a string" if name == "loads" else "a file"
        correction = "" if name == "loads" else f"{module}.loads"
        return _wrong(
            node, f"`{module}.{name}` expects {expected}, got a response: use its `.text`", correction
        )
    if name == "load" and kind == "text":
        return _wrong(node, f"`{module}.load` expects a file, got a string", f"{module}.loads")
    return None
