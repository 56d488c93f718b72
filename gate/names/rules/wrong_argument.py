"""An argument that a standard library function rejects: it has the wrong type, or is none of the choices."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Finding
from gate.names.rules.calls import serialization_of
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.syntax.guards import Guard
from gate.names.syntax.source import Scope

ID = "wrong-argument"
SUMMARY = "An argument of the wrong type for a standard library function, or a file mode that doesn't fit."
WHY = """\
The call raises a TypeError, a ValueError, or an AttributeError. `strftime` and `strptime` differ by one
letter, and it is easy to mix up strings and bytes. gate infers types from the code, and reads parameter types from the
stubs of the standard library. Text, bytes, files, numbers, collections, functions, classes, and modules are
distinguished; where a number is expected, any number will do. A file that is opened in a literal mode must be used as
this mode allows."""
BAD: Examples = (
    code("import hashlib\n\n\ndef mark(text: str):\n    return hashlib.md5(text)  # <- add `.encode()`\n"),
    code("import time\n\ntime.sleep('1')  # <-\n"),
    code("with open('log.txt', 'w') as log:\n    print(log.read())  # <- open it with \"r\" or \"r+\"\n"),
    code(
        "from datetime import datetime\n\nwhen = datetime.strftime('1', '%d')  # <- did you mean `strptime`?\n"
    ),
)
GOOD: Examples = (code("import hashlib\n\n\ndef mark(text: str):\n    return hashlib.md5(text.encode())\n"),)


NODES = (ast.Call,)


class Inspector:
    """Checks the types of arguments in calls of the standard library."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows the callees."""
        self._inspection = inspection

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Check a call of anything but `load`, `loads`, `dump`, and `dumps`, which `wrong-json-argument` checks."""
        is_expected = self._inspection.guard(node) & Guard.ERROR
        if isinstance(node, ast.Call) and self._inspection.is_evaluated(node) and not is_expected:
            call = self._inspection.calls.checked(node, scope)
            if call.argument is not None and serialization_of(call.callee) is None:
                self._inspection.diagnostics.report(ID, node, call.argument.message, hint=call.argument.hint)

    def finish(self) -> None:
        """Do nothing: each call has been checked already."""


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for arguments of the wrong type."""
    yield from context.decided(ID)
