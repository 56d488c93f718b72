"""A name that is undefined: nothing in the file defines it, and it isn't a builtin."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from gate.names.report.candidates import Candidate, FileDiagnostics, UnlessDefinedIn
from gate.names.report.finding import Finding, finding_at
from gate.names.rules.context import Context
from gate.names.rules.rule import Examples, code
from gate.names.spelling.similarity import closest_match, is_transposition_or_doubling, sole_fix, suggestions

ID = "undefined-name"
SUMMARY = "A name that is undefined: nothing in the file defines it, and it isn't a builtin."
WHY = """\
A NameError when the line runs. A typical mistake is `Json.loads(text)` where `json.loads(text)` was meant. In a type
comment or a quoted annotation, a name is reported only if it is a typo of a visible name, and nothing anywhere
defines it."""
BAD: Examples = (
    code("import json\n\n\ndef read(text):\n    return Json.loads(text)  # <- did you mean `json`?\n"),
    code("def count(items):\n    return lenn(items)  # <- did you mean `len`?\n"),
    code("from os.path import *\n\nprint(jion)  # <- did you mean `join`?\n"),
    code("def read(text):\n    return json.loads(text)  # <- add `import json`\n"),
    code("class Shop:\n    def best(self) -> 'Sohp':  # <- did you mean `Shop`?\n        return self\n"),
    code("class Shop: ...\n\n\nshops = []  # type: list[Sohp]  # <- did you mean `Shop`?\n"),
)
GOOD: Examples = (
    {
        "lazy.py": "globals().update({'jion': 1})\n",
        "example.py": "from lazy import *\n\nprint(jion)\n",
    },
    code("shops = []  # type: List[Shop]  # type: ignore\n\n\nclass Shop: ...\n"),
    code("def start():\n    global state\n    state = 1\n\n\ndef show():\n    print(state)\n"),
)


def report(
    diagnostics: FileDiagnostics,
    node: ast.Name,
    visible: Collection[str],
    *,
    unless_defined_in: UnlessDefinedIn,
) -> None:
    """A name that nothing visible defines."""
    diagnostics.report(
        ID, node, f"Undefined name `{node.id}`", node.id, visible, unless_defined_in=unless_defined_in
    )


def report_attribute(diagnostics: FileDiagnostics, node: ast.Name, attribute: str) -> None:
    """An undefined name that is an attribute of `self`."""
    diagnostics.report(ID, node, f"Undefined name `{node.id}`", hint=f"did you mean `{attribute}`?")


def report_outside(diagnostics: FileDiagnostics, node: ast.Name, hint: str) -> None:
    """A name that is bound only inside something else of the same scope."""
    diagnostics.report(ID, node, f"Undefined name `{node.id}`", hint=hint)


def report_early(diagnostics: FileDiagnostics, node: ast.Name, hint: str) -> None:
    """A name that is bound later than it is used."""
    diagnostics.report(ID, node, f"`{node.id}` is used before it is bound", hint=hint)


def report_deleted(diagnostics: FileDiagnostics, node: ast.Name, line: int) -> None:
    """A name that is used after it was deleted."""
    message = f"`{node.id}` is used after it was deleted"
    diagnostics.report(ID, node, message, hint=f"it is deleted on line {line}")


def report_deletion(diagnostics: FileDiagnostics, node: ast.Name) -> None:
    """A `del` of a name that the function does not bind."""
    diagnostics.report(ID, node, f"`{node.id}` is deleted here and bound nowhere in this function")


def check(context: Context) -> Iterator[Finding]:
    """Names that nothing binds, or not yet. An undefined name may be a module that was not imported."""
    for candidate in context.candidates(ID):
        if candidate.word:
            yield _finding(context, candidate)
        else:
            yield context.plain(candidate, candidate.hint)


def _finding(context: Context, candidate: Candidate) -> Finding:
    word, modules = candidate.word, context.vocabulary.modules
    position = candidate.line, candidate.column
    use = context.lookups_in_undefined.get(position)
    module = modules.module(word)
    names = module.own if module is not None else frozenset[str]()
    suggested = suggestions(word, candidate.names)
    if use is not None and (use.name in names or position in context.unimported_typos):
        return context.plain(candidate, f"add `import {word}`")
    if not suggested and word in names:
        # What is called like its module: `datetime.now()`, `getpass()`.
        return context.plain(candidate, f"add `from {word} import {word}`")
    if not suggested and use is None and modules.source(word) is not None:
        return context.plain(candidate, f"add `import {word}`")
    if not suggested and module is None:
        suggested = suggestions(word, modules.top_level)
    if not suggested and (close := closest_match(word, context.vocabulary.project)):
        suggested = [close]
    fix = None
    if suggested and suggested[0].casefold() == word.casefold():
        # In another case it is one name of this file.
        fix = word, suggested[0]
    elif suggested and is_transposition_or_doubling(word, suggested[0]):
        # Only a mechanical typo is certain among all visible names.
        fix = sole_fix(word, suggested, candidate.names)
    return finding_at(context.path, candidate, ID, candidate.message, suggested, fix)
