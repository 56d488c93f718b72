"""Detect names that are bound in their scope but not where they are used: too early, deleted, or outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

from gate.names.syntax.bindings import Binding
from gate.names.syntax.nodes import ends_before, own_nodes
from gate.names.syntax.source import Scope

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While, *_COMPREHENSIONS, ast.IfExp)
"""Nodes whose parts don't run in source order."""
_BLOCKS = ("body", "orelse", "finalbody")
_ALWAYS = frozenset({"parameter", "rest"})
Place = tuple[int, int]


class Deletion(NamedTuple):
    """A `del` of a name, and the end of its block, up to which it has always run."""

    statement: ast.Delete
    end: Place


class Order:
    """Decides whether names are bound before their uses. In a loop, a later binding counts on the next iteration."""

    def __init__(self) -> None:
        """Start with empty caches."""
        self._loops: dict[Scope, list[ast.AST]] = {}
        self._deletions: dict[Scope, dict[str, list[Deletion]]] = {}

    def is_bound_later(self, node: ast.Name, scope: Scope) -> bool:
        """Return whether every binding of a name in its scope comes after this use, or gives it no value here."""
        if any(binding.how in _ALWAYS for binding in scope.names[node.id]):
            return False
        bindings = [binding for binding in scope.names[node.id] if _gives_value(binding, node)]
        if any(binding.inside is not None or ends_before(binding.node, node) for binding in bindings):
            return False
        around = [loop for loop in self._loops_of(scope) if _repeats(loop, node)]
        return not any(contains(loop, binding.node) for loop in around for binding in bindings)

    def is_outside(self, node: ast.Name, scope: Scope) -> bool:
        """Return whether a name is bound only inside comprehensions and handlers that don't contain this use."""
        return all(
            binding.inside is not None and not is_seen(binding, node) for binding in scope.names[node.id]
        )

    def is_hidden(self, node: ast.Name, scope: Scope) -> bool:
        """Return whether a comprehension in a class body reads a name of the class, which it can't see.

        Only the iterable of the first `for` is evaluated in the class itself.
        """
        if node.id not in scope.names or node.id in scope.type_parameters | scope.nonlocals:
            return False
        if any(is_seen(binding, node) for binding in scope.names[node.id]):
            return False
        return any(
            contains(loop, node) and not contains(loop.generators[0].iter, node)
            for loop in self._loops_of(scope)
            if isinstance(loop, _COMPREHENSIONS)
        )

    def deletion(self, node: ast.Name, scope: Scope) -> ast.Delete | None:
        """Return the `del` that has always run before this use, with no binding in between, or None."""
        if scope not in self._deletions:
            by_name = self._deletions[scope] = dict[str, list[Deletion]]()
            for name, deleted in _deletions(scope):
                by_name.setdefault(name, []).append(deleted)
        for deletion in self._deletions[scope].get(node.id, ()):
            deletion_end = _end(deletion.statement)
            if deletion_end <= start(node) < deletion.end and not any(
                is_seen(binding, node)
                if binding.inside
                else deletion_end <= start(binding.node) <= start(node)
                for binding in scope.names.get(node.id, ())
            ):
                return deletion.statement
        return None

    def _loops_of(self, scope: Scope) -> list[ast.AST]:
        if scope not in self._loops:
            self._loops[scope] = [loop for loop in own_nodes(scope.node) if isinstance(loop, _LOOPS)]
        return self._loops[scope]


def _deletions(scope: Scope) -> Iterator[tuple[str, Deletion]]:
    for node in (scope.node, *own_nodes(scope.node)):
        for part in (getattr(node, name, None) for name in _BLOCKS):
            block: list[ast.stmt] = part if isinstance(part, list) else []
            for statement in block:
                if isinstance(statement, ast.Delete):
                    for target in statement.targets:
                        if isinstance(target, ast.Name):
                            yield target.id, Deletion(statement, _end(block[-1]))


def _gives_value(binding: Binding, node: ast.Name) -> bool:
    """Return whether a use may see the binding: `x: int` gives no value, and `x += 1` needs one."""
    if binding.how == "added" or isinstance(binding.node, ast.AnnAssign):
        return False
    return binding.inside is None or is_seen(binding, node)


def is_of_comprehension(binding: Binding) -> bool:
    """Return whether a comprehension binds the name, only for itself."""
    return isinstance(binding.inside, _COMPREHENSIONS)


def start(node: ast.AST) -> Place:
    """Return the line and column at which a node begins."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def is_seen(binding: Binding, node: ast.Name) -> bool:
    """Return whether a use is in the handler, or in the part of the comprehension, in which the name is bound."""
    inside = binding.inside
    if inside is None or not contains(inside, node):
        return False
    if not isinstance(inside, _COMPREHENSIONS):
        return True
    for generator in inside.generators:
        if contains(generator.iter, node):
            return False
        if generator.iter is binding.node:
            return True
        if any(contains(test, node) for test in generator.ifs):
            return False
    return True


def _repeats(loop: ast.AST, node: ast.Name) -> bool:
    """Return whether a loop may read a name again after other parts of it. Its iterable is only read once."""
    if not contains(loop, node):
        return False
    if isinstance(loop, ast.For | ast.AsyncFor):
        return not contains(loop.iter, node)
    return not (isinstance(loop, _COMPREHENSIONS) and contains(loop.generators[0].iter, node))


def contains(outer: ast.AST, inner: ast.AST) -> bool:
    """Return whether one node is inside another, by position."""
    return start(outer) <= start(inner) and _end(inner) <= _end(outer)


def _end(node: ast.AST) -> Place:
    return getattr(node, "end_lineno", None) or 0, getattr(node, "end_col_offset", None) or 0
