"""The result of one of the project's async functions, used without `await`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from gate.finding import Finding
from gate.names.infer.values import Coroutine, FunctionValue, Instance, Missing, Tuple, Value
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.syntax.nodes import name_of, own_nodes, walk
from gate.names.syntax.source import Scope

ID = "missing-await"
SUMMARY = "The result of one of the project's async functions, used without `await`."
WHY = """\
The function never runs. The value is a coroutine, which has none of the result's attributes and is always true. Python
warns only when it discards the coroutine. An attribute of self counts if it always has the same class."""
BAD: Examples = (
    code("async def fetch():\n    return {}\n\n\nasync def main():\n    fetch()  # <- add `await`\n"),
    code(
        "async def is_ready():\n    return False\n\n\nasync def main():\n    if is_ready():  # <- add `await`\n"
        "        print('ready')\n"
    ),
    code(
        "class Client:\n    async def send(self, text): ...\n\n\nclass Shop:\n    def __init__(self):\n"
        "        self.client = Client()\n\n    async def sell(self):\n"
        "        self.client.send('tea')  # <- add `await`\n"
    ),
)
GOOD: Examples = (
    code(
        "import asyncio\n\n\nasync def fetch():\n    return {}\n\n\nasync def main():\n"
        "    task = asyncio.create_task(fetch())\n    await asyncio.gather(task, fetch())\n"
    ),
)


NODES = (
    ast.Await, ast.Expr, ast.Subscript, ast.For, ast.comprehension, ast.Starred, ast.FormattedValue, ast.BinOp,
    ast.Compare, ast.BoolOp, ast.UnaryOp, ast.While, ast.Assert, ast.If, ast.IfExp, ast.Assign, ast.Return, ast.keyword,
    ast.AnnAssign, ast.AsyncFunctionDef, ast.Call, ast.Attribute,
)  # fmt: skip
_COLLECTS = re.compile(
    r"append|add|extend|put|insert|push|task|future|gather|wait|run|shield|sched|spawn|submit|start|create|coro|async"
    r"|call|send|defer|close|timeout|ensure|set|register"
)
"""Functions that take a coroutine to await it later; passing one to any other function is a mistake."""
_READS_AT_ONCE = frozenset({"json", "pickle", "re", "os", "html", "base64", "hashlib"})
"""Standard library modules whose functions can't use a coroutine."""


class Inspector:
    """Checks how one file uses the results of its calls."""

    def __init__(self, inspection: Inspection) -> None:
        """Start without any recorded calls."""
        self._inspection = inspection
        self._awaited_calls: dict[tuple[Scope | None, str], set[Scope]] = {}
        self._discarded_calls: list[tuple[tuple[Scope | None, str], ast.Call, Scope]] = []

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Check a node for anything that can't be done with a coroutine."""
        if not self._inspection.is_evaluated(node):
            return
        match node:
            case ast.Await(value=ast.Call() as call):
                self._awaited(call, scope)
            case ast.Expr(value=ast.Call() as call):
                self._thrown_away(call, scope)
            case ast.Attribute(value=value, ctx=ast.Load()):
                self._looked_up(node, value, scope)
            case ast.Subscript(value=value) | ast.Starred(value=value) | ast.FormattedValue(value=value):
                self._used(value, scope)
            case ast.For(iter=value) | ast.comprehension(iter=value):
                self._used(value, scope)
            case ast.Call():
                self._called(node, scope)
            case ast.AsyncFunctionDef():
                self._returns(node, self._inspection.source.inner(node, scope))
            case ast.Assign() | ast.AnnAssign() | ast.Return() | ast.keyword():
                self._stored(node, scope)
            case _:
                self._truth([operand for operand in _operands(node) if self._is_unguarded(operand)], scope)

    def _is_unguarded(self, node: ast.expr) -> bool:
        return not self._inspection.guard(node).expects_missing

    def _stored(self, node: ast.AST, scope: Scope) -> None:
        match node:
            case ast.Assign(targets=[ast.Tuple() | ast.List()], value=value):
                self._used(value, scope)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as value) if _is_asynchronous(
                scope
            ):
                self._named(name, value, scope)
            case ast.Assign(value=value) | ast.Return(value=ast.expr() as value) | ast.keyword(value=value):
                self._chosen(value, scope)
            case ast.AnnAssign(annotation=annotation, value=ast.Call() as value) if not _is_awaitable(
                annotation
            ):
                self._used(value, scope)

    def _called(self, node: ast.Call, scope: Scope) -> None:
        """Check the arguments of a call if the function reads them at once."""
        callees = self._inspection.infer(node.func, scope)
        if not callees or len(callees) != 1 or not isinstance(callees[0], FunctionValue):
            return
        source = callees[0].scope.source
        if source.origin == "library" and source.name.partition(".")[0] in _READS_AT_ONCE:
            for argument in node.args:
                self._used(argument, scope)

    def _looked_up(self, node: ast.Attribute, value: ast.expr, scope: Scope) -> None:
        """Report an attribute that a coroutine doesn't have."""
        owners = self._inspection.infer(value, scope)
        if not owners or len(owners) != 1 or not isinstance(owners[0], Coroutine):
            return
        if isinstance(self._inspection.engine.attribute_of(owners[0], node.attr), Missing):
            self._report(node, owners)

    def _report(self, node: ast.expr, values: Sequence[Value]) -> None:
        """Report a coroutine where none is useful, unless the project also has a non-async function of its method's
        name.
        """
        message = "Coroutine used without `await`"
        methods = {value.overridden_as for value in values if isinstance(value, Coroutine)}
        self._inspection.diagnostics.report(
            ID, node, message, max(methods, default=""), unless_defined_in="synchronous", hint="add `await`"
        )

    def finish(self) -> None:
        """Report results that are discarded in one function and awaited in another."""
        for key, call, scope in self._discarded_calls:
            # Code that does both in one function does so deliberately.
            if key in self._awaited_calls and scope not in self._awaited_calls[key]:
                _report_discarded(self._inspection.diagnostics, call, key[1])

    def _awaited(self, call: ast.Call, scope: Scope) -> None:
        """Record a call whose result is awaited."""
        self._awaited_calls.setdefault(self._known_as(call, scope), set()).add(scope)

    def _thrown_away(self, call: ast.Call, scope: Scope) -> None:
        """Check a call that is a statement of its own. If its result is unknown, record the call for later."""
        self._used(call, scope)
        if _is_asynchronous(scope) and self._inspection.infer(call, scope) is None:
            self._discarded_calls.append((self._known_as(call, scope), call, scope))

    def _used(self, node: ast.expr, scope: Scope) -> None:
        """Report a value that is a coroutine although the code needs its result."""
        if isinstance(node, ast.Await):
            return
        values = self._inspection.infer(node, scope) if isinstance(node, ast.Call | ast.Name) else None
        if values and all(isinstance(value, Coroutine) for value in values):
            self._report(node, values)

    def _truth(self, nodes: list[ast.expr], scope: Scope) -> None:
        """Check operands: a coroutine is always true and supports no operators."""
        for node in nodes:
            self._used(node, scope)

    def _chosen(self, node: ast.expr, scope: Scope) -> None:
        """Check alternatives (`a or b`) of which one can't be awaited: a coroutine is rarely intended there."""
        match node:
            case ast.BoolOp(values=parts):
                pass
            case ast.IfExp(body=one, orelse=other):
                parts = [one, other]
            case _:
                return
        if any(self._is_no_awaitable(part, scope) for part in parts):
            for part in parts:
                self._used(part, scope)

    def _is_no_awaitable(self, node: ast.expr, scope: Scope) -> bool:
        """Return whether a value certainly can't be awaited: a literal or a builtin value."""
        if isinstance(node, ast.Constant | ast.JoinedStr | ast.List | ast.Dict | ast.Set | ast.Tuple):
            return True
        values = self._inspection.infer(node, scope)
        return bool(values) and all(
            isinstance(value, Tuple)
            or (isinstance(value, Instance) and value.of.scope.source.name == "builtins")
            for value in values or ()
        )

    def _named(self, name: str, call: ast.Call, scope: Scope) -> None:
        """Report a coroutine that is assigned to a name, and then only passed to functions that have no use for it."""
        values = self._inspection.infer(call, scope)
        if not values or not all(isinstance(value, Coroutine) for value in values):
            return
        body = list(own_nodes(scope.node))
        passed = {
            argument: node
            for node in body
            if isinstance(node, ast.Call) and not _COLLECTS.search(name_of(node.func).casefold())
            for argument in node.args
        }
        awaited = {inner for node in body if isinstance(node, ast.Await) for inner in walk(node.value)}
        uses = [
            node
            for node in walk(scope.node)
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        ]
        if uses and all(
            node in passed and passed[node] not in awaited and node not in awaited for node in uses
        ):
            self._report(call, values)

    def _returns(self, node: ast.AsyncFunctionDef, scope: Scope) -> None:
        """Report an async function that returns a coroutine: awaiting its result gives another coroutine."""
        if node.returns is not None and _is_awaitable(node.returns):
            return
        for inner in own_nodes(node):
            match inner:
                case (
                    ast.Return(value=ast.Call() as value)
                    | ast.Return(value=ast.ListComp(elt=ast.Call() as value))
                ):
                    self._used(value, scope)

    def _known_as(self, call: ast.Call, scope: Scope) -> tuple[Scope | None, str]:
        """Return the scope in which the callee's name is the same function (None if unknown), and that name."""
        text = ast.unparse(call.func)
        root = text.partition(".")[0]
        around: Scope | None = scope
        if root in {"self", "cls"}:
            while around is not None and around.kind != "class":
                around = around.parent
            return around, text
        resolved = scope.lookup(root)
        return (resolved[1] if resolved else None), text


def _operands(node: ast.AST) -> list[ast.expr]:
    """Return the expressions that a node tests or computes with: a coroutine is always true and supports no
    operators.
    """
    match node:
        case ast.BinOp(left=left, right=right):
            return [left, right]
        case ast.Compare(left=left, comparators=others):
            return [left, *others]
        case ast.BoolOp(values=values):
            return values[:-1]
        case ast.UnaryOp(operand=value):
            return [value]
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test) | ast.Assert(test=test):
            return [test]
    return []


def _is_asynchronous(scope: Scope) -> bool:
    """Return whether code in the scope can use `await`."""
    return isinstance(scope.node, ast.AsyncFunctionDef)


def _is_awaitable(annotation: ast.expr) -> bool:
    """Return whether a value with this annotation may be a coroutine."""
    text = ast.unparse(annotation)
    return (
        any(word in text for word in ("Any", "object", "Coroutine", "Awaitable", "Future", "Task", "T]"))
        or len(text) < 3
    )


def _report_discarded(diagnostics: FileDiagnostics, node: ast.expr, function: str) -> None:
    """Report a discarded result that other code awaits, unless a function with that name isn't async."""
    name = function.rpartition(".")[2]
    message = f"`{function}` is called without `await`, but awaited elsewhere"
    diagnostics.report(ID, node, message, name, unless_defined_in="synchronous", hint="add `await`")


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for coroutines that are used where they are useless."""
    yield from context.decided(ID)
