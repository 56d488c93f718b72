"""Determine which of several bindings a use of a name sees, if the order of the statements decides."""

from __future__ import annotations

import ast
from typing import NamedTuple

from gate.names.syntax.bindings import Binding, bindings_in
from gate.names.syntax.nodes import Function, own_nodes, walk
from gate.names.syntax.source import Scope

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class _Step(NamedTuple):
    """A statement on the path to a use: its place in a block, and the part of it that contains the use."""

    block: list[ast.stmt]
    number: int
    part: str


def reaching(scope: Scope) -> dict[ast.Name, Binding]:
    """Return the binding that each use of a name with several bindings sees, if it can be only one."""
    node = scope.node
    names = {
        name
        for name, bindings in scope.names.items()
        if len(bindings) > 1
        and name not in scope.nonlocals
        and all(binding.how != "typed" for binding in bindings)
    }
    if not names or not isinstance(node, Function | ast.Module):
        return {}
    if scope.kind == "function":
        # A nested function may assign its nonlocal names whenever it is called.
        names.difference_update(*(inner.names for inner in walk(node) if isinstance(inner, ast.Nonlocal)))
    return _Flow(scope, names).read(node.body)


class _Flow:
    def __init__(self, scope: Scope, names: set[str]) -> None:
        self.found: dict[ast.Name, Binding] = {}
        self._scope = scope
        self._names = names
        self._stored: dict[ast.AST, frozenset[str]] = {}

    def read(self, body: list[ast.stmt]) -> dict[ast.Name, Binding]:
        """Walk the statements of the scope, and return the binding that each use sees."""
        self._block(body, [])
        return self.found

    def _block(self, block: list[ast.stmt], way: list[_Step]) -> None:
        for number, statement in enumerate(block):
            if isinstance(statement, _DEFINITIONS):
                continue
            for part, value in ast.iter_fields(statement):
                inner_way = [*way, _Step(block, number, part)]
                if part in {"body", "orelse", "finalbody"} and isinstance(value, list):
                    self._block(value, inner_way)
                elif part == "handlers":
                    for handler in value:
                        self._block(handler.body, inner_way)
                elif part != "cases":
                    self._uses(value if isinstance(value, list) else [value], inner_way)

    def _uses(self, values: list[object], way: list[_Step]) -> None:
        parts = [
            value for value in values if isinstance(value, ast.AST) and not isinstance(value, ast.Lambda)
        ]
        bound = frozenset[str]().union(*map(self._bound, parts))
        for node in (inner for part in parts for inner in (part, *own_nodes(part))):
            if not isinstance(node, ast.Name) or node.id not in self._names or node.id in bound:
                continue
            seen = self._last(node.id, way) if isinstance(node.ctx, ast.Load) else None
            if seen is not None:
                self.found[node] = seen

    def _last(self, name: str, way: list[_Step]) -> Binding | None:
        """Return the last binding on the path, or None if there may be another."""
        for depth, step in enumerate(reversed(way)):
            around = step.block[step.number]
            if name in self._bound(around):
                match around:
                    case ast.While():
                        return None
                    case ast.For() | ast.AsyncFor() if depth:
                        return self._at(name, around) if step.part == "body" else None
                    case ast.With(items=items) | ast.AsyncWith(items=items) if depth:
                        if any(name in self._bound(item) for item in items):
                            return self._at(name, around)
                    case ast.If() if depth and name in self._bound(around.test):
                        return None
                    case ast.Try() | ast.TryStar() if step.part != "body":
                        return None
            for number in range(step.number - 1, -1, -1):
                if name in self._bound(step.block[number]):
                    return self._at(name, step.block[number], is_complete=True)
        return next((binding for binding in self._scope.names[name] if binding.how == "parameter"), None)

    def _at(self, name: str, statement: ast.stmt, *, is_complete: bool = False) -> Binding | None:
        """Return how the statement binds the name, or None unless it does so exactly once and unconditionally.

        `is_complete` says that the whole statement has run.
        """
        match statement:
            case ast.Assign(value=value):
                nodes: list[ast.AST] = [value]
            case (
                ast.Import() | ast.ImportFrom() | ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef()
            ):
                nodes = [statement]
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                if is_complete and any(name in self._bound(inner) for inner in body):
                    return None
                nodes = [item.context_expr for item in items]
            case ast.For(iter=each) | ast.AsyncFor(iter=each) if not is_complete:
                nodes = [each]
            case _:
                return None
        bindings = [
            binding for binding in self._scope.names[name] if any(binding.node is node for node in nodes)
        ]
        return bindings[0] if len(bindings) == 1 and bindings[0].how != "anything" else None

    def _bound(self, node: ast.AST) -> frozenset[str]:
        """Return those of the names that the node, or any node below it, binds."""
        if node not in self._stored:
            self._stored[node] = frozenset(self._names.intersection(name for name, _ in bindings_in(node)))
        return self._stored[node]
