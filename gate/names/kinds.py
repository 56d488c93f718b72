"""Text or file: what kind of value reaches `load`, `loads`, `dump` and `dumps`, followed through the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gate.names.nodes import children, walk

Kind = Literal["file", "text", "response", ""]
Function = ast.FunctionDef | ast.AsyncFunctionDef

# Modules whose `load` reads a file and whose `loads` reads text; the third part: `dump` and `dumps` likewise.
FAMILY = frozenset({"json", "simplejson", "ujson", "rapidjson", "pickle", "cPickle", "marshal", "toml", "tomllib",
                    "tomli", "dill", "cloudpickle", "hjson", "json5", "plistlib"})  # fmt: skip
FILE_CALLS = frozenset({"open", "urlopen", "TemporaryFile", "NamedTemporaryFile", "SpooledTemporaryFile", "StringIO",
                        "BytesIO", "TextIOWrapper", "fdopen", "makefile", "openfile"})  # fmt: skip
TEXT_CALLS = frozenset({"read", "read_text", "read_bytes", "readline", "decode", "encode", "strip", "lstrip", "rstrip",
                        "getvalue", "dumps", "get_data", "join", "format", "replace", "str", "bytes", "repr",
                        "getenv", "b64decode", "b64encode", "hexdigest", "check_output", "group"})  # fmt: skip
TEXT_ATTRIBUTES = frozenset({"text", "content", "data", "body", "stdout", "stderr"})
FILE_NAMES = re.compile(
    r"(?:fp|fh|fd|fobj|f|file|infile|outfile|fileobj|file_obj|handle|filehandle|\w+_(?:file|fp|fh))$"
)
TEXT_NAMES = re.compile(
    r"(?:text|string|s|str_|raw|line|payload|value|val|v|blob_text|contents?|body|json_?(?:text|str|string|data_str)|\w+_(?:text|str|string))$"
)
TEXT_TYPES = frozenset({"str", "bytes", "bytearray"})
FILE_TYPES = re.compile(
    r"(?:IO|TextIO|BinaryIO|TextIOBase|TextIOWrapper|BufferedReader|IOBase|StringIO|BytesIO)\b"
)
CLIENTS = frozenset({"requests", "session", "client", "http", "httpx", "s", "api"})
VERBS = frozenset({"get", "post", "put", "patch", "delete", "request"})


@dataclass(frozen=True, slots=True)
class WrongKind:
    """A call with a value of the wrong kind; `right` is what was meant, if one word does."""

    line: int
    column: int
    end_line: int
    message: str
    right: str
    name_line: int = 0
    name_column: int = 0
    """Where the name of the function stands, if it is looked up in a module."""
    name: str = ""


def _wrong(node: ast.Call, message: str, right: str) -> WrongKind:
    place = node.lineno, node.col_offset + 1, node.end_lineno or node.lineno
    function = node.func
    if not isinstance(function, ast.Attribute):
        return WrongKind(*place, message, right)
    column = (function.end_col_offset or 0) - len(function.attr) + 1
    return WrongKind(*place, message, right, function.end_lineno or 0, column, function.attr)


class Kinds:
    """The kinds of values in one file."""

    def __init__(self, tree: ast.Module) -> None:
        """Collect what the functions return and what the attributes of `self` are set to."""
        self._functions: dict[str, list[Function]] = {}
        self._attributes: dict[str, list[ast.expr]] = {}
        self._modules: dict[str, str] = {}
        self._members: dict[str, tuple[str, str]] = {}
        self._busy: set[int] = set()
        for node in walk(tree):
            if isinstance(node, Function):
                self._functions.setdefault(node.name, []).append(node)
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    self._modules[alias.asname or alias.name] = alias.name
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._members[alias.asname or alias.name] = (node.module, alias.name)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Attribute):
                        self._attributes.setdefault(target.attr, []).append(node.value)
            elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Attribute):
                self._attributes.setdefault(node.target.attr, []).append(node.value)

    def wrong_calls(self, tree: ast.Module) -> Iterator[WrongKind]:
        """Every call of the family with an argument that it cannot take."""
        yield from self._in(tree, [tree])

    def _in(self, node: ast.AST, scopes: list[ast.AST]) -> Iterator[WrongKind]:
        for child in children(node):
            if isinstance(child, ast.Call):
                wrong = self._call(child, scopes)
                if wrong:
                    yield wrong
            inner = [*scopes, child] if isinstance(child, Function | ast.Lambda) else scopes
            yield from self._in(child, inner)

    def _callee(self, node: ast.Call) -> tuple[str, str] | None:
        """The module and the function that are called, if it is one of the family."""
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            module, name = self._modules.get(function.value.id, ""), function.attr
        elif isinstance(function, ast.Name):
            module, name = self._members.get(function.id, ("", ""))
        else:
            return None
        if module not in FAMILY or name not in {"load", "loads", "dump", "dumps"}:
            return None
        return module, name

    def _call(self, node: ast.Call, scopes: list[ast.AST]) -> WrongKind | None:
        callee = self._callee(node)
        if callee is None or any(isinstance(argument, ast.Starred) for argument in node.args):
            return None
        module, name = callee
        if name in {"load", "loads"}:
            if not node.args:
                return None
            return _reads(node, module, name, self.kind(node.args[0], scopes))
        keywords = {keyword.arg for keyword in node.keywords}
        if None in keywords:
            return None
        if name == "dumps" and len(node.args) > 1 and module in {"json", "simplejson"}:
            return _wrong(node, f"`{module}.dumps` returns text and takes no file", f"{module}.dump")
        file_given = len(node.args) > 1 or keywords & {"fp", "file", "f", "stream"}
        if name == "dump" and node.args and not file_given:
            return _wrong(node, f"`{module}.dump` needs a file to write to", f"{module}.dumps")
        return None

    def kind(self, node: ast.expr, scopes: list[ast.AST]) -> Kind:
        """What `node` is, as far as the code tells; `` where it does not."""
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
                return self._result(node)
            case ast.Subscript(value=ast.Attribute(attr="files")):
                return "file"
            case ast.Subscript(value=ast.Attribute(attr="environ")):
                return "text"
            case ast.Subscript(value=ast.Name() | ast.Attribute(), slice=ast.Constant(value=str(key))):
                # A file is seldom kept under a key, but for uploads and the answers of some clients.
                return "" if FILE_NAMES.match(key.lower()) or key in {"Body", "stream"} else "text"
            case ast.BoolOp(values=values):
                return "text" if "text" in {self.kind(value, scopes) for value in values} else ""
            case ast.Attribute(attr="stdin", value=ast.Name(id="sys")):
                return "file"
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self._attributes:
                return _agreed([self.kind(value, scopes) for value in self._attributes[name]])
            case ast.Attribute(attr="value" | "payload") if not self._attributes.get(node.attr):
                return "text"
            case ast.Attribute(attr=name, value=ast.Name(id="request" | "response" | "resp" | "r" | "res")):
                return "text" if name in TEXT_ATTRIBUTES else ""
            case ast.Name(id=name):
                return self._name(name, scopes)
        return ""

    def _result(self, node: ast.Call) -> Kind:
        function = node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        local = self._functions.get(name)
        owner = function.value if isinstance(function, ast.Attribute) else None
        if local and (owner is None or (isinstance(owner, ast.Name) and owner.id in {"self", "cls"})):
            returns = [value for one in local for value in _returns(one)]
            kinds = [self.kind(value, [one]) for one in local for value in _returns(one)]
            return _agreed(kinds) if returns else ""
        if name in FILE_CALLS:
            return "file"
        if name == "get" and isinstance(owner, ast.Attribute) and owner.attr == "files":
            return "file"
        if name in VERBS and isinstance(owner, ast.Name) and owner.id in {"requests", "httpx"}:
            return "response"
        if name in TEXT_CALLS:
            return "text"
        if any(word.arg == "default" and _is_text(word.value) for word in node.keywords):
            return "text"
        keyed = name in {"get", "pop"} and node.args and isinstance(node.args[0], ast.Constant)
        if keyed and not (isinstance(owner, ast.Name) and owner.id in CLIENTS):
            return "text"
        return ""

    def _name(self, name: str, scopes: list[ast.AST]) -> Kind:
        for scope in reversed(scopes):
            values = list(_assigned(name, scope))
            if values:
                return _agreed(
                    [kind if isinstance(kind, str) else self.kind(kind, scopes) for kind in values]
                )
            if isinstance(scope, Function | ast.Lambda):
                for argument in _arguments(scope.args):
                    if argument.arg == name:
                        return _parameter(argument)
        return ""


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _reads(node: ast.Call, module: str, name: str, kind: Kind) -> WrongKind | None:
    if name == "loads" and kind == "file":
        return _wrong(node, f"`{module}.loads` takes text, and this is a file", f"{module}.load")
    if name == "loads" and kind == "response":
        return _wrong(node, f"`{module}.loads` takes text, and this is a response: use its `.text`", "")
    if name == "load" and kind == "text":
        return _wrong(node, f"`{module}.load` takes a file, and this is text", f"{module}.loads")
    return None


def _agreed(kinds: list[Kind]) -> Kind:
    return kinds[0] if kinds and all(kind == kinds[0] for kind in kinds) else ""


def _parameter(argument: ast.arg) -> Kind:
    """What a parameter is: by its annotation, else by its name, which is all that an untyped one says."""
    if argument.annotation is not None:
        said = ast.unparse(argument.annotation)
        if said.strip("\"'") in TEXT_TYPES or said in {"str | bytes", "bytes | str"}:
            return "text"
        return "file" if FILE_TYPES.search(said) else ""
    if FILE_NAMES.match(argument.arg):
        return "file"
    return "text" if TEXT_NAMES.match(argument.arg) else ""


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the functions inside it."""
    for child in children(scope):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from _own(child)


def _returns(function: Function) -> list[ast.expr]:
    generator = any(isinstance(node, ast.Yield | ast.YieldFrom) for node in _own(function))
    if generator:
        return []
    return [node.value for node in _own(function) if isinstance(node, ast.Return) and node.value is not None]


def _assigned(name: str, scope: ast.AST) -> Iterator[ast.expr | Kind]:
    """What `name` is given in a scope: expressions, or a kind where the statement says it; `` for the unknown."""
    for node in _own(scope):
        match node:
            case ast.Assign(targets=targets, value=value):
                if any(isinstance(target, ast.Name) and target.id == name for target in targets):
                    yield value
                elif any(_stores(name, target) for target in targets):
                    yield ""
            case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name:
                yield value if value is not None else ""
            case ast.NamedExpr(target=ast.Name(id=target), value=value) if target == name:
                yield value
            case ast.AugAssign(target=ast.Name(id=target)) if target == name:
                yield ""
            case ast.withitem(context_expr=value, optional_vars=ast.Name(id=target)) if target == name:
                yield value
            case ast.For(target=target) | ast.AsyncFor(target=target) if _stores(name, target):
                yield ""
            case ast.comprehension(target=target) if _stores(name, target):
                yield ""
            case ast.ExceptHandler(name=target) if target == name:
                yield ""
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                yield ""


def _stores(name: str, target: ast.AST) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in walk(target))
