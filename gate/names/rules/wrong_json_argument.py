"""`load` with a string, `loads` with a file, `dump` without a file, or `dumps` with one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Edit, Finding
from gate.names.hints.load_dump import WrongJsonCall
from gate.names.report.candidates import FileDiagnostics
from gate.names.resolve.modules import Module
from gate.names.rules import wrong_call
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code

ID = "wrong-json-argument"
SUMMARY = "`load` with a string, `loads` with a file, `dump` without a file, or `dumps` with one."
WHY = """\
`load` reads a file and `loads` reads a string; `dump` writes to a file and `dumps` returns a string. Mixing them up
raises a TypeError or an AttributeError in the request that takes this path. Types are inferred through assignments,
`with`, attributes of self, parameters, and helper functions. The response of an HTTP client is neither a file nor a
string: use its `.text` or `.json()`."""
BAD: Examples = (
    code(
        "import json\n\n\ndef urls():\n    with open('urls.json') as urls_file:\n"
        "        return json.loads(urls_file)  # <- did you mean `json.load`?\n"
    ),
    code("import json\n\n\ndef read(text):\n    return json.load(text)  # <- did you mean `json.loads`?\n"),
    code(
        "import json\n\n\ndef save(urls, path):\n    with open(path, 'w') as file:\n"
        "        json.dumps(urls, file)  # <- did you mean `json.dump`?\n"
    ),
    {
        "compat.py": "try:\n    import simplejson as json\nexcept ImportError:\n    import json\n",
        "example.py": (
            "import compat\n\n\ndef read(text):\n"
            "    return compat.json.load(text)  # <- did you mean `json.loads`?\n"
        ),
    },
)
GOOD: Examples = (
    code(
        "import json\n\n\ndef read(path):\n    with open(path) as file:\n"
        "        return json.loads(file.read())\n"
    ),
    code("import json\n\n\ndef read(source):\n    return json.load(source)\n"),
)


def report(diagnostics: FileDiagnostics, node: ast.Call, message: str, hint: str) -> None:
    """An argument of `load`, `loads`, `dump`, or `dumps` of another kind than it takes."""
    diagnostics.report(ID, node, message, hint=hint)


def report_missing(
    diagnostics: FileDiagnostics, node: ast.Call, shown: str, name: str, module: Module | None
) -> None:
    """A required argument of such a function that is not given."""
    wrong_call.report_missing(diagnostics, node, shown, name, module, ID)


def check(context: Context) -> Iterator[Finding]:
    """Calls whose value is of the wrong kind: by inference, or by how the value is made and named."""
    yield from context.decided(ID)
    for call in context.json_calls.values():
        hint = f"did you mean `{call.right}`?" if call.right else ""
        position = call.line, call.column, call.end_line
        yield Finding(context.path, *position, ID, "error", call.message, hint, fix=tuple(_fix(call)))


def _fix(call: WrongJsonCall) -> Iterator[Edit]:
    # What `dump` was to write to, and what becomes of what `dumps` returns, only a person can say.
    if call.name in {"load", "loads"} and call.right:
        yield Edit(call.name_line, call.name_column, call.name, call.right.rpartition(".")[2])
