"""`load` with a string, `loads` with a file, `dump` without a file, or `dumps` with one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gate.finding import Edit, Finding
from gate.names.hints.load_dump import FAMILY, READS_OR_WRITES, YAML, LoadAndDump, WrongJsonCall
from gate.names.infer.values import ModuleValue
from gate.names.rules.calls import CheckedCall, serialization_of
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.rules.wrong_call import report_missing
from gate.names.syntax.nodes import last_name
from gate.names.syntax.source import Scope

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


NODES = (ast.Call, ast.Import, ast.ImportFrom)


class Inspector:
    """Checks each call of `load`, `loads`, `dump`, and `dumps`."""

    def __init__(self, inspection: Inspection) -> None:
        """Start without any imports."""
        self._inspection = inspection
        self._imports_family = False
        self._passed_on: dict[ast.Call, tuple[str, str]] = {}
        """Calls of a function that another file imported, with its module and name."""

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Report a value of the wrong type or a missing required argument, and note imports."""
        match node:
            case ast.Import(names=aliases):
                self._imports_family |= any(alias.name in {*FAMILY, YAML} for alias in aliases)
            case ast.ImportFrom(module=module):
                self._imports_family |= module in {*FAMILY, YAML}
            case ast.Call() if last_name(node.func) in READS_OR_WRITES and self._inspection.is_evaluated(
                node
            ):
                self._called(node, scope)

    def _called(self, node: ast.Call, scope: Scope) -> None:
        call = self._inspection.calls.checked(node, scope)
        function = self._function_passed_on(node, call, scope)
        if function is not None:
            self._passed_on[node] = function
        if serialization_of(call.callee) is None:
            return
        if call.argument is not None:
            self._inspection.diagnostics.report(ID, node, call.argument.message, hint=call.argument.hint)
        elif call.mismatch is not None and call.mismatch.reason.kind == "missing":
            report_missing(self._inspection.diagnostics, ID, node, call.mismatch, call.module)

    def finish(self) -> None:
        """Collect the calls that the text of the file shows to be wrong: by how their values are made and named."""
        if self._imports_family or self._passed_on:
            calls = LoadAndDump(self._inspection.source.tree)
            self._inspection.diagnostics.json_calls = [
                *calls.wrong_calls(),
                *calls.wrong_calls(self._passed_on),
            ]

    def _function_passed_on(self, node: ast.Call, call: CheckedCall, scope: Scope) -> tuple[str, str] | None:
        """Return the module and name of the called function if another file has imported it, else None.

        `LoadAndDump` reads the imports of this file itself.
        """
        function = node.func
        root = function.value if isinstance(function, ast.Attribute) else function
        bound = scope.lookup(root.id) if isinstance(root, ast.Name) else None
        if bound and any(binding.how == "module" or binding.module in FAMILY for binding in bound[0]):
            return None
        if not isinstance(function, ast.Attribute):
            return serialization_of(call.callee)
        owners = call.owners or ()
        modules = [owner.name for owner in owners if isinstance(owner, ModuleValue)]
        family = [name for name in modules if name in FAMILY]
        if not family or len(modules) < len(owners):
            return None
        return next((name for name in family if name == last_name(root)), family[-1]), function.attr


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for calls with a value of the wrong type, by inference or by how the value is made and named."""
    yield from context.decided(ID)
    for call in context.json_calls.values():
        hint = f"did you mean `{call.right}`?" if call.right else ""
        position = call.line, call.column, call.end_line
        yield Finding(context.path, *position, ID, "error", call.message, hint, fix=tuple(_fix(call)))


def _fix(call: WrongJsonCall) -> Iterator[Edit]:
    # Only a person knows where `dump` should write, and what to do with the result of `dumps`.
    if call.name in {"load", "loads"} and call.right:
        yield Edit(call.name_line, call.name_column, call.name, call.right.rpartition(".")[2])
