"""Find what is assigned to names, one function at a time: the part of hints that follows values."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.hints.naming import LINES_CALLS, Kind
from gate.names.syntax.bindings import Binding, bindings_of
from gate.names.syntax.nodes import Function, children, last_name
from gate.names.syntax.type_tests import tested_value


def is_text(node: ast.expr) -> bool:
    """Return whether `node` is a literal string or bytes."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def name_called(node: ast.Call) -> str:
    """Return the last name of the callee."""
    return last_name(node.func)


def is_tested(name: str, scope: ast.AST) -> bool:
    """Return whether the code in `scope` tests the type or the attributes of `name`."""
    values = (tested_value(node) for node in nodes_outside_functions(scope))
    return any(isinstance(value, ast.Name) and value.id == name for value in values)


def nodes_outside_functions(scope: ast.AST) -> Iterator[ast.AST]:
    """Yield the nodes of a scope, except those inside its functions. Class bodies belong to the scope."""
    for child in children(scope):
        yield child
        if not isinstance(child, Function | ast.Lambda):
            yield from nodes_outside_functions(child)


def returned_by(function: Function) -> list[ast.expr]:
    """Return the expressions that a function returns. Empty for a generator."""
    nodes = list(nodes_outside_functions(function))
    if any(isinstance(node, ast.Yield | ast.YieldFrom) for node in nodes):
        return []
    return [node.value for node in nodes if isinstance(node, ast.Return) and node.value is not None]


def given_to(name: str, scope: ast.AST) -> Iterator[ast.expr | Kind]:
    """Yield what a scope assigns to `name`: expressions, or a kind if the statement determines it ("" if unknown).

    Definitions and imports don't count as assignments.
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
