"""Walk syntax trees as fast as Python can, because the check spends most of its time here."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

LEAVES: frozenset[type[ast.AST]] = frozenset(
    {ast.Name, ast.Constant, ast.alias, ast.Pass, ast.Global, ast.Nonlocal}
)
"""Node types without children."""
_FIELD = re.compile(r"(\w+)([?*]*) (\w+)(?=[,)])")
"""A field in a node type's grammar, which is its docstring: `Call(expr func, expr* args, keyword* keywords)`."""
_NO_NODES = frozenset({"identifier", "int", "string", "constant", "type_ignore"})
_OPERATORS = frozenset({"boolop", "cmpop", "expr_context", "operator", "unaryop"})
_WITH_GAPS = frozenset({ast.Dict, ast.arguments})
"""Node types with gaps in their lists: `**more` has no key, and a keyword may have no default."""
_READERS: dict[type[ast.AST], Callable[[ast.AST], list[ast.AST]]] = {}


def children(node: ast.AST) -> list[ast.AST]:
    """Return the direct children of a node in the order of the grammar, without operators and contexts."""
    kind = type(node)
    return (_READERS.get(kind) or _reader(kind))(node)


def _reader(kind: type[ast.AST]) -> Callable[[ast.AST], list[ast.AST]]:
    """Create and cache a version of `children` for one kind of node."""
    fields = [
        (name, quantifier)
        for what, quantifier, name in _FIELD.findall(kind.__doc__ or "")
        if what not in _NO_NODES | _OPERATORS
    ]
    expression = ", ".join(f"{'*' * ('*' in quantifier)}node.{name}" for name, quantifier in fields)
    if kind in _WITH_GAPS or any("?" in quantifier for _, quantifier in fields):
        expression = f"child for child in ({expression},) if child is not None"
    reader: Callable[[ast.AST], list[ast.AST]] = eval(f"lambda node: [{expression}]")  # noqa: S307  Python's own grammar
    _READERS[kind] = reader
    return reader


def walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the node and everything below it, in no particular order."""
    stack = [node]
    while stack:
        inner = stack.pop()
        yield inner
        if type(inner) not in LEAVES:
            stack += children(inner)


Function = ast.FunctionDef | ast.AsyncFunctionDef
MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})
"""Decorators that turn a function into a context manager."""


def decorators(node: Function | ast.ClassDef) -> set[str]:
    """Return the last part of the name of each decorator."""
    return {name_of(decorator) for decorator in node.decorator_list}


def name_of(node: ast.expr) -> str:
    """Return the last part of a dotted name, which may be called, or `?` for anything else."""
    if isinstance(node, ast.Call):
        node = node.func
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else "?"


def last_name(node: ast.expr | None) -> str:
    """Return `c` for `a.b.c`, or "" for anything but a name or an attribute."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def ends_before(node: ast.AST, later: ast.expr) -> bool:
    """Return whether a node ends before another one begins."""
    end = getattr(node, "end_lineno", None) or 0, getattr(node, "end_col_offset", None) or 0
    return end <= (later.lineno, later.col_offset)


def is_stub(node: Function) -> bool:
    """Return whether the body of a function is a placeholder: only a docstring, `...`, `pass`, or `raise`."""
    return all(
        isinstance(statement, ast.Pass | ast.Raise)
        or (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant))
        for statement in node.body
    )


LAMBDA = "__lambda__"
"""The name of the function that replaces a lambda."""


def function_with(name: str, arguments: ast.arguments) -> ast.FunctionDef:
    """Return a function with these arguments and an empty body, for one that is generated, or for a lambda."""
    made = ast.FunctionDef(name=name, args=arguments, body=[ast.Pass()], decorator_list=[])
    made.lineno = made.end_lineno = 1
    made.col_offset = made.end_col_offset = 0
    return made


def dotted_name(node: ast.expr) -> str:
    """Return the name of an expression like `a.b.c`, or "" if it isn't made of names alone."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        prefix = dotted_name(node.value)
        return f"{prefix}.{node.attr}" if prefix else ""
    return ""


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return the parameters that take one value each, so not `*args` and `**kwargs`."""
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes below `node`, without those inside nested functions, lambdas, and classes."""
    stack = list(children(node))
    while stack:
        child = stack.pop()
        yield child
        if not isinstance(child, Function | ast.Lambda | ast.ClassDef):
            stack.extend(children(child))


def default_of(argument: ast.arg, arguments: ast.arguments) -> ast.expr | None:
    """Return the default value of a parameter, or None if it has none."""
    positional = [*arguments.posonlyargs, *arguments.args]
    if argument in positional:
        number = positional.index(argument) - len(positional) + len(arguments.defaults)
        return arguments.defaults[number] if number >= 0 else None
    if argument in arguments.kwonlyargs:
        return arguments.kw_defaults[arguments.kwonlyargs.index(argument)]
    return None
