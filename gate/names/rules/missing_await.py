"""The result of one of the project's async functions, used without `await`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.names.report.candidates import FileDiagnostics
from gate.names.report.finding import Finding
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code

ID = "missing-await"
SUMMARY = "The result of one of the project's async functions, used without `await`."
WHY = """\
The function never runs. The value is a coroutine, which has none of the result's attributes and is always true. Python
warns only when it discards the coroutine. An attribute of self counts if it always holds the same class."""
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


def report(diagnostics: FileDiagnostics, node: ast.expr) -> None:
    """A value that is surely a coroutine, where none is of use."""
    diagnostics.report(ID, node, "this is a coroutine until it is awaited", hint="add `await`")


def report_discarded(diagnostics: FileDiagnostics, node: ast.expr, function: str) -> None:
    """A discarded result of what other code awaits; it counts unless a function of that name is not async."""
    name = function.rpartition(".")[2]
    message = f"`{function}` is awaited elsewhere"
    diagnostics.report(ID, node, message, name, unless_defined_in="synchronous", hint="add `await`")


def check(context: Context) -> Iterator[Finding]:
    """Coroutines that inference found in places where they are of no use."""
    yield from context.decided(ID)
