"""Names that are bound in their scope and surely not where they are used: too early, or outside of what binds them."""

from __future__ import annotations

import ast

from gate.names.nodes import ends_before
from gate.names.scopes import Binding, Scope, own_nodes

_LOOPS = (
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
    ast.IfExp,
)
"""Where the order of the text is not that in which it runs."""
_ALWAYS = frozenset({"parameter", "rest", "added"})


class Order:
    """Knows the loops of each scope, where what is bound below is bound above the next time."""

    def __init__(self) -> None:
        """No scope has been read yet."""
        self._loops: dict[Scope, list[ast.AST]] = {}

    def is_bound_later(self, node: ast.Name, scope: Scope) -> bool:
        """Whether every binding of a name in a function or a module comes after this use of it."""
        bindings = scope.names[node.id]
        if any(one.how in _ALWAYS or isinstance(one.node, ast.AnnAssign) for one in bindings):
            return False
        if not all(_is_after(one, node) for one in bindings):
            return False
        around = [loop for loop in self._loops_of(scope) if contains(loop, node)]
        return not any(contains(loop, one.node) for loop in around for one in bindings)

    def is_outside(self, node: ast.Name, scope: Scope) -> bool:
        """Whether a name is bound only inside comprehensions and handlers that this use of it is not in."""
        bindings = scope.names[node.id]
        return all(one.inside is not None and not contains(one.inside, node) for one in bindings)

    def _loops_of(self, scope: Scope) -> list[ast.AST]:
        if scope not in self._loops:
            self._loops[scope] = [one for one in own_nodes(scope.node) if isinstance(one, _LOOPS)]
        return self._loops[scope]


def _is_after(binding: Binding, node: ast.Name) -> bool:
    """Whether a binding is complete only after a use of the name."""
    if binding.inside is not None:
        return not contains(binding.inside, node) and not ends_before(binding.inside, node)
    return not ends_before(binding.node, node)


def contains(outer: ast.AST, inner: ast.AST) -> bool:
    """Whether one node is inside another, by their places."""
    return _start(outer) <= _start(inner) and _end(inner) <= _end(outer)


def _start(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _end(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "end_lineno", None) or 0, getattr(node, "end_col_offset", None) or 0
