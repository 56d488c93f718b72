"""Coroutines that are used before they are awaited, or thrown away."""

from __future__ import annotations

import ast
import re

from gate.names.infer.engine import Engine
from gate.names.infer.values import Coroutine
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules import missing_await
from gate.names.syntax.nodes import name_of, own_nodes, walk
from gate.names.syntax.source import Scope

_COLLECTS = re.compile(
    r"append|add|extend|put|insert|push|task|future|gather|wait|run|shield|sched|spawn|submit|start|create|coro|async"
    r"|call|send|defer|close|timeout|ensure|set|register"
)
"""What takes a coroutine to await it later: names of functions that say nothing of the kind get one by mistake."""


class AwaitChecks:
    """Looks at what is done with the result of each call in one file."""

    def __init__(self, engine: Engine, found: FileDiagnostics) -> None:
        """What is wrong goes to `found`."""
        self._engine = engine
        self._found = found
        self._awaited: dict[tuple[Scope | None, str], set[Scope]] = {}
        self._thrown_away: list[tuple[tuple[Scope | None, str], ast.Call, Scope]] = []

    def finish(self) -> None:
        """Report what is discarded here and awaited elsewhere."""
        for key, call, scope in self._thrown_away:
            # Who does both in one function knows what the one and the other are.
            if key in self._awaited and scope not in self._awaited[key]:
                missing_await.report_discarded(self._found, call, key[1])

    def awaited(self, call: ast.Call, scope: Scope) -> None:
        """A call whose result is awaited."""
        self._awaited.setdefault(self._known_as(call, scope), set()).add(scope)

    def thrown_away(self, call: ast.Call, scope: Scope) -> None:
        """A call that is a statement."""
        self.used(call, scope)
        if is_asynchronous(scope) and self._engine.infer(call, scope) is None:
            self._thrown_away.append((self._known_as(call, scope), call, scope))

    def used(self, node: ast.expr, scope: Scope) -> None:
        """What is done with a value here cannot be done with a coroutine."""
        if isinstance(node, ast.Await):
            return
        values = self._engine.infer(node, scope) if isinstance(node, ast.Call | ast.Name) else None
        if values and all(isinstance(value, Coroutine) for value in values):
            missing_await.report(self._found, node)

    def truth(self, nodes: list[ast.expr], scope: Scope) -> None:
        """A coroutine is always true, and no operand."""
        for node in nodes:
            self.used(node, scope)

    def chosen(self, node: ast.expr, scope: Scope) -> None:
        """A value that is kept under a name, or chosen among others: a coroutine is seldom meant there."""
        match node:
            case ast.BoolOp(values=parts):
                pass
            case ast.IfExp(body=one, orelse=other):
                parts = [one, other]
            case _:
                return
        for part in parts:
            self.used(part, scope)

    def named(self, name: str, call: ast.Call, scope: Scope) -> None:
        """A coroutine that gets a name, and is then only given to what can do nothing with it."""
        values = self._engine.infer(call, scope)
        if not values or not all(isinstance(value, Coroutine) for value in values):
            return
        body = list(own_nodes(scope.node))
        given = {
            argument: one
            for one in body
            if isinstance(one, ast.Call) and not _COLLECTS.search(name_of(one.func).casefold())
            for argument in one.args
        }
        awaited = {inner for one in body if isinstance(one, ast.Await) for inner in walk(one.value)}
        uses = [
            one
            for one in walk(scope.node)
            if isinstance(one, ast.Name) and one.id == name and isinstance(one.ctx, ast.Load)
        ]
        if uses and all(one in given and given[one] not in awaited and one not in awaited for one in uses):
            missing_await.report(self._found, call)

    def returns(self, node: ast.AsyncFunctionDef, scope: Scope) -> None:
        """A promise of something that gives a coroutine of it instead: whoever awaits it gets a coroutine still."""
        if node.returns is not None and is_awaitable(node.returns):
            return
        for inner in own_nodes(node):
            match inner:
                case (
                    ast.Return(value=ast.Call() as value)
                    | ast.Return(value=ast.ListComp(elt=ast.Call() as value))
                ):
                    self.used(value, scope)

    def _known_as(self, call: ast.Call, scope: Scope) -> tuple[Scope | None, str]:
        """What is called, and the scope for which that name stands for the same."""
        text = ast.unparse(call.func)
        root = text.partition(".")[0]
        around: Scope | None = scope
        if root in {"self", "cls"}:
            while around is not None and around.kind != "class":
                around = around.parent
            return around, text
        found = scope.lookup(root)
        return (found[1] if found else None), text


def is_asynchronous(scope: Scope) -> bool:
    """Whether what stands there can await."""
    return isinstance(scope.node, ast.AsyncFunctionDef)


def is_awaitable(annotation: ast.expr) -> bool:
    """Whether what is annotated so may be a coroutine."""
    text = ast.unparse(annotation)
    return (
        any(word in text for word in ("Any", "object", "Coroutine", "Awaitable", "Future", "Task", "T]"))
        or len(text) < 3
    )
