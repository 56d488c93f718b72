"""What names are given, in functions that are looked at by themselves: the part of hints that follows values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.hints.naming import LINES_CALLS, Kind
from gate.names.syntax.bindings import Binding, bindings_of
from gate.names.syntax.nodes import Function, children, last_name
from gate.names.syntax.type_tests import tested_value


def is_text(node: ast.expr) -> bool:
    """Whether it is a literal string or bytes."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def name_called(node: ast.Call) -> str:
    """The last name of what a call calls."""
    return last_name(node.func)


def is_tested(name: str, scope: ast.AST) -> bool:
    """Whether the code tests the type or the attributes of a value before it uses it."""
    values = (tested_value(node) for node in nodes_outside_functions(scope))
    return any(isinstance(value, ast.Name) and value.id == name for value in values)


def nodes_outside_functions(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope, without those of the functions inside it; the bodies of classes belong to it."""
    for child in children(scope):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from nodes_outside_functions(child)


def returned_by(function: Function) -> list[ast.expr]:
    """The values that a function returns; none for a generator."""
    nodes = list(nodes_outside_functions(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return []
    return [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]


def given_to(name: str, scope: ast.AST) -> Iterator[ast.expr | Kind]:
    """What a scope assigns to `name`: expressions, or a kind where the statement decides it; `` if it is unknown.

    Definitions and imports assign nothing in this sense.
    """
    for node in nodes_outside_functions(scope):
        for bound, binding in bindings_of(node):
            if bound == name and binding.how not in _DEFINITIONS:
                yield _given_by(binding)


_DEFINITIONS = frozenset({"module", "member", "function", "class", "parameter", "rest", "deleted"})


def _given_by(binding: Binding) -> ast.expr | Kind:
    value = binding.node
    if not isinstance(value, ast.expr):
        return ""
    if binding.how in {"value", "typed", "entered"} and not binding.path:
        return value
    is_of_lines = isinstance(value, ast.Call) and name_called(value) in LINES_CALLS
    is_line = bool(binding.path) if binding.how == "value" else binding.how == "each" and not binding.path
    return "text" if is_of_lines and is_line else ""
