"""A string, bytes, file, or time where a standard library function takes another of these."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.report.candidates import FileDiagnostics
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code

ID = "wrong-argument"
SUMMARY = "A string, bytes, file, or time where a standard library function takes another of these."
WHY = """\
A TypeError or an AttributeError when the call is made. `strftime` and `strptime` differ by one letter, and strings
and bytes are easily mixed up. gate infers types from the code, and reads what a function accepts from the stubs of the
standard library."""
BAD: Examples = (
    code("import hashlib\n\n\ndef mark(text: str):\n    return hashlib.md5(text)  # <- add `.encode()`\n"),
    code(
        "from datetime import datetime\n\nwhen = datetime.strftime('1', '%d')  # <- did you mean `strptime`?\n"
    ),
)
GOOD: Examples = (code("import hashlib\n\n\ndef mark(text: str):\n    return hashlib.md5(text.encode())\n"),)


def report(diagnostics: FileDiagnostics, node: ast.expr, message: str, hint: str) -> None:
    """An argument of another kind than the function takes."""
    diagnostics.report(ID, node, message, hint=hint)


def check(context: Context) -> Iterator[Finding]:
    """Arguments that inference found to be of the wrong kind."""
    yield from context.decided(ID)
