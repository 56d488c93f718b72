"""Determine whether a value is a file or text: by following the code, and by names if nothing else shows it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.hints import naming
from gate.names.hints.assignments import (
    given_to,
    is_tested,
    is_text,
    name_called,
    nodes_outside_functions,
    returned_by,
)
from gate.names.hints.naming import Kind
from gate.names.syntax.nodes import Function, children, default_of, last_name, parameters, walk

CallInScope = tuple[ast.Call, list[ast.AST]]
"""A call and its enclosing functions, outermost first."""


class FileOrText:
    """Distinguishes files from text in one Python file."""

    def __init__(self, tree: ast.Module) -> None:
        """Collect the calls, the functions, and the values assigned to attributes."""
        self.calls = list(_calls_in(tree, [tree]))
        """Every call in the file."""
        self.file_options: set[str] = set()
        """Command-line options whose values are opened as files."""
        self._functions: dict[str, list[Function]] = {}
        self._attributes: dict[str, list[ast.expr]] = {}
        self._narrowed: dict[ast.AST, Kind] = {}
        """The kinds of names in the body of an `if` that tests their type."""
        self._calls: dict[str, list[CallInScope]] = {}
        self._busy: set[int] = set()
        for call, scopes in self.calls:
            self._calls.setdefault(name_called(call), []).append((call, scopes))
            self.file_options.update(_options_of_files(call))
        for node in walk(tree):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._functions.setdefault(node.name, []).append(node)
                case ast.If():
                    self._narrowed.update(dict.fromkeys(_names_of_text(node), "text"))
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        if isinstance(target, ast.Attribute):
                            self._attributes.setdefault(target.attr, []).append(value)
                case ast.AnnAssign(target=ast.Attribute(attr=name), value=ast.expr() as value):
                    self._attributes.setdefault(name, []).append(value)

    def kind(self, node: ast.expr, scopes: list[ast.AST]) -> Kind:
        """Return the kind of `node`, or "" if the code doesn't show it."""
        if id(node) in self._busy or len(self._busy) > 40:
            return ""
        self._busy.add(id(node))
        try:
            return self._kind(node, scopes)
        finally:
            self._busy.discard(id(node))

    def _kind(self, node: ast.expr, scopes: list[ast.AST]) -> Kind:
        match node:
            case ast.Constant(value=str() | bytes()) | ast.JoinedStr():
                return "text"
            case ast.BinOp(op=ast.Add() | ast.Mod(), left=left):
                return "text" if self.kind(left, scopes) == "text" else ""
            case ast.IfExp(body=one, orelse=other):
                return _agreed([self.kind(one, scopes), self.kind(other, scopes)])
            case ast.NamedExpr(value=value) | ast.Await(value=value):
                return self.kind(value, scopes)
            case ast.Call():
                return self._result(node, scopes)
            case ast.Subscript():
                return self._item(node, scopes)
            case ast.BoolOp(values=values):
                return "text" if "text" in {self.kind(value, scopes) for value in values} else ""
            case ast.Name(id=name):
                return self._narrowed.get(node) or self._name(name, scopes)
            case ast.Attribute():
                return self._attribute(node, scopes)
        return ""

    def _attribute(self, node: ast.Attribute, scopes: list[ast.AST]) -> Kind:
        name, owner = node.attr, node.value
        if name in self.file_options:
            return ""
        if isinstance(owner, ast.Name) and owner.id == "self" and name in self._attributes:
            return _agreed([self.kind(value, scopes) for value in self._attributes[name]])
        if isinstance(owner, ast.Name) and owner.id == "sys":
            return "file" if name == "stdin" else ""
        if name in {"value", "payload", "text"} and not self._attributes.get(name):
            return "text"
        if name in naming.TEXT_ATTRIBUTES and last_name(owner) in naming.ANSWERS:
            return "text"
        if self.kind(owner, scopes) == "response":
            return "text" if name in {"text", "content"} else "file" if name == "raw" else ""
        return "file" if name == "stream" and last_name(owner) == "request" else ""

    def _item(self, node: ast.Subscript, scopes: list[ast.AST]) -> Kind:
        mapping = last_name(node.value)
        if mapping in {"files", "FILES"}:
            return "file" if _is_of_request(node.value) else self._file_attribute(node, scopes)
        if mapping in naming.TEXT_MAPPINGS:
            return "" if _stores_files(self._attributes.get(mapping, [])) else "text"
        match node:
            case ast.Subscript(value=ast.Call() as call) if name_called(call) in naming.LINES_CALLS | {
                "fetchone"
            }:
                return "text"
            case ast.Subscript(value=ast.Name(), slice=ast.Constant(value=int())) if self._is_row(
                node, scopes
            ):
                return "text"
            case ast.Subscript(value=ast.Name() | ast.Attribute(), slice=ast.Constant(value=str(key))):
                uploaded = self._file_attribute(node, scopes)
                # Few files are stored under a key, except for uploads and the responses of some clients.
                odd = naming.FILE_NAMES.match(key.lower()) or key in {"Body", "stream"}
                return uploaded or ("" if odd else "text")
        return ""

    def _file_attribute(self, node: ast.Subscript, scopes: list[ast.AST]) -> Kind:
        """Return the kind of the value that a dict literal has for this key, or "" if unknown."""
        if not (isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant)):
            return ""
        for scope in reversed(scopes):
            for assigned in given_to(node.value.id, scope):
                if isinstance(assigned, ast.Dict):
                    for key, value in zip(assigned.keys, assigned.values, strict=True):
                        if isinstance(key, ast.Constant) and key.value == node.slice.value:
                            return self.kind(value, scopes)
        return ""

    def _is_row(self, node: ast.Subscript, scopes: list[ast.AST]) -> bool:
        """Return whether `node` is an item of a row from a cursor, or of the parts of split text."""
        name = node.value.id if isinstance(node.value, ast.Name) else ""
        for scope in reversed(scopes):
            values = list(given_to(name, scope))
            if values:
                return all(
                    isinstance(value, ast.Call) and name_called(value) in naming.LINES_CALLS | {"fetchone"}
                    for value in values
                )
        return False

    def _result(self, node: ast.Call, scopes: list[ast.AST]) -> Kind:
        function = node.func
        name = name_called(node)
        local = self._functions.get(name)
        owner = function.value if isinstance(function, ast.Attribute) else None
        if local and (owner is None or (isinstance(owner, ast.Name) and owner.id in {"self", "cls"})):
            returns = [value for definition in local for value in returned_by(definition)]
            kinds = [
                self.kind(value, [definition]) for definition in local for value in returned_by(definition)
            ]
            return _agreed(kinds) if returns else ""
        if name in naming.FILE_CALLS:
            return "file"
        if name == "get" and last_name(owner) in {"files", "FILES"}:
            return "file" if _is_of_request(owner) else ""
        if name in naming.VERBS and isinstance(owner, ast.Name) and owner.id in {"requests", "httpx"}:
            return "response"
        if name in naming.VERBS and isinstance(owner, ast.Name) and self._is_session(owner.id, scopes):
            return "response"
        if name in naming.TEXT_CALLS or naming.TEXT_NAMED_CALL.match(name):
            return "text"
        if any(word.arg == "default" and is_text(word.value) for word in node.keywords):
            return "text"
        keyed = name in {"get", "pop"} and node.args and isinstance(node.args[0], ast.Constant)
        if keyed and not (isinstance(owner, ast.Name) and owner.id in naming.CLIENTS):
            return "text"
        return "text" if name in {"get", "hget"} and last_name(owner) in naming.TEXT_STORES else ""

    def _is_session(self, name: str, scopes: list[ast.AST]) -> bool:
        values = [value for scope in scopes for value in given_to(name, scope)]
        return bool(values) and all(
            isinstance(value, ast.Call)
            and ast.unparse(value.func) in {"requests.Session", "requests.session", "Session"}
            for value in values
        )

    def _name(self, name: str, scopes: list[ast.AST]) -> Kind:
        if name in self.file_options:
            return ""
        for scope in reversed(scopes):
            if is_tested(name, scope):
                return ""
            values = list(given_to(name, scope))
            if values:
                kinds = [kind if isinstance(kind, str) else self.kind(kind, scopes) for kind in values]
                if not any(kinds) and len(values) == 1:
                    entered = any(
                        isinstance(node, ast.withitem) and node.context_expr is values[0]
                        for node in nodes_outside_functions(scope)
                    )
                    if not isinstance(values[0], str):
                        if _is_plain(values[0]):
                            return ""
                        return naming.of_name(name, entered=entered)
                return _agreed(kinds)
            if isinstance(scope, Function | ast.Lambda):
                for argument in parameters(scope.args):
                    if argument.arg == name:
                        return self._parameter(argument, scope, scopes)
        return ""

    def _parameter(self, argument: ast.arg, scope: Function | ast.Lambda, scopes: list[ast.AST]) -> Kind:
        default = default_of(argument, scope.args)
        kind = naming.of_parameter(argument, self.kind(default, scopes) if default is not None else "")
        if kind or argument.annotation is not None:
            return kind
        used = {
            node.attr
            for node in nodes_outside_functions(scope)
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == argument.arg
        }
        if used & naming.FILE_METHODS and not used & naming.TEXT_METHODS:
            return "file"
        if used & naming.TEXT_METHODS and not used & naming.FILE_METHODS:
            return "text"
        return self._given(argument, scope) if isinstance(scope, Function) else ""

    def _given(self, argument: ast.arg, function: Function) -> Kind:
        """Return the kind that the file's own calls pass for a parameter, or "" if they disagree."""
        if len(self._functions.get(function.name, [])) != 1:
            return ""
        positional = [*function.args.posonlyargs, *function.args.args]
        if argument not in positional:
            return ""
        index = positional.index(argument) - (positional[0].arg in {"self", "cls"})
        kinds: list[Kind] = []
        for call, scopes in self._calls.get(function.name, []):
            value = call.args[index] if 0 <= index < len(call.args) else None
            kinds.append(self.kind(value, scopes) if value is not None else "")
        return _agreed(kinds)


def _calls_in(node: ast.AST, scopes: list[ast.AST]) -> Iterator[CallInScope]:
    for child in children(node):
        if isinstance(child, ast.Call):
            yield child, scopes
        inner = [*scopes, child] if isinstance(child, Function | ast.Lambda) else scopes
        yield from _calls_in(child, inner)


def _names_of_text(node: ast.If) -> list[ast.Name]:
    """Return the uses of a name in the body of `if isinstance(name, str)`, unless the body rebinds it."""
    match node.test:
        case ast.Call(func=ast.Name(id="isinstance"), args=[ast.Name(id=name), kinds]):
            named = kinds.elts if isinstance(kinds, ast.Tuple) else [kinds]
            if not all(last_name(kind) in {"str", "bytes", "bytearray"} for kind in named):
                return []
            inner = [item for statement in node.body for item in walk(statement)]
            uses = [item for item in inner if isinstance(item, ast.Name) and item.id == name]
            return uses if all(isinstance(use.ctx, ast.Load) for use in uses) else []
    return []


def _options_of_files(node: ast.Call) -> Iterator[str]:
    """Yield the names of options that `type=argparse.FileType()` or `type=click.File()` opens as files."""
    kind = next((word.value for word in node.keywords if word.arg == "type"), None)
    if kind is None or not any(
        "File" in last_name(name) or last_name(name) == "open" for name in _names_in(kind)
    ):
        return
    for word in node.keywords:
        if word.arg == "dest" and isinstance(word.value, ast.Constant):
            yield str(word.value.value)
    for argument in node.args:
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            yield argument.value.lstrip("-").replace("-", "_")


def _names_in(node: ast.expr) -> list[ast.expr]:
    return [inner for inner in walk(node) if isinstance(inner, ast.Name | ast.Attribute)]


def _is_of_request(node: ast.expr | None) -> bool:
    """Return whether `node` holds uploaded files: `request.files`, `self.request.FILES`."""
    return isinstance(node, ast.Attribute) and (
        node.attr == "FILES" or last_name(node.value) in {"request", "req"}
    )


def _is_plain(node: ast.expr) -> bool:
    """Return whether an assigned value is a name or a literal, so that the target's name says nothing more."""
    return isinstance(node, ast.Name | ast.Constant | ast.Dict | ast.List | ast.Tuple)


def _stores_files(values: list[ast.expr]) -> bool:
    return any(isinstance(value, ast.Call) and name_called(value) in naming.FILE_CALLS for value in values)


def _agreed(kinds: list[Kind]) -> Kind:
    return kinds[0] if kinds and all(kind == kinds[0] for kind in kinds) else ""
