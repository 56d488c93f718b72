"""A name that a module doesn't have, in an import or an attribute lookup."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial

from gate.finding import Finding
from gate.names.infer.values import MISSING, ClassValue, ModuleValue
from gate.names.report.finding import finding_at
from gate.names.resolve import known_packages
from gate.names.resolve.installed import STDLIB
from gate.names.resolve.modules import Modules
from gate.names.rules.context import Context, once_a_line
from gate.names.rules.inspection import Inspection
from gate.names.rules.rule import Examples, code
from gate.names.rules.unknown_attribute import typo_in_project
from gate.names.rules.unknown_module import misspelt_submodule
from gate.names.spelling.similarity import candidates, closest_match, is_common_typo, sole_fix, suggestions
from gate.names.spelling.synonyms import SYNONYMS
from gate.names.syntax.facts import Use
from gate.names.syntax.source import Scope

ID = "unknown-member"
SUMMARY = "A name that a module doesn't have, in an import or an attribute lookup."
WHY = """\
Python looks the name up when the line runs. The result is an AttributeError in the one request that takes this path,
or an ImportError when the module is first loaded. gate knows the module's names from its source or its stubs. If
either of two modules can be imported under one name, both must lack the name. If gate can read only one of them, the
name must also be a typo of a name that it has."""
BAD: Examples = (
    code("import json\n\n\ndef read(text):\n    return json.laods(text)  # <- did you mean `loads`?\n"),
    code("import os\n\nplace = os.path.jion('a', 'b')  # <- did you mean `join`?\n"),
    code("from json import laods  # <- did you mean `loads`?\n"),
    {
        "helper.py": "def help_me(): ...\n",
        "example.py": "from helper import hlep_me  # <- did you mean `help_me`?\n",
    },
    {
        "compat.py": "try:\n    import simplejson as json\nexcept ImportError:\n    import json\n",
        "example.py": "from compat import json\n\nurls = json.laods('[]')  # <- did you mean `loads`?\n",
    },
)
GOOD: Examples = (
    code("import sys\n\nif hasattr(sys, 'gettotalrefcont'):\n    sys.gettotalrefcont()\n"),
    code("import sys\n\nif sys.version_info < (3, 3):\n    from collections import Mappping\n"),
    {
        "levels.py": "import logging as log\n\nlog.TRACE = 5\n",
        "example.py": "import logging\n\nlogging.log(logging.TRACE, 'started')\n",
    },
    {
        "lazy.py": "def __getattr__(name):\n    return name\n",
        "example.py": "import lazy\n\nlazy.whatevr\n",
    },
)

MOST_USED = 2
"""A name that the project uses more often is not a typo."""


NODES = (ast.Attribute,)


class Inspector:
    """Checks each attribute that is read from a module."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows which attributes are missing."""
        self._inspection = inspection

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Report a name that is read from modules that lack it."""
        lookup = self._inspection.failed_lookup(node, scope) if isinstance(node, ast.Attribute) else None
        if lookup is None or not isinstance(lookup.owners[0], ModuleValue):
            return
        module = lookup.owners[0].name
        gone = _gone(self._inspection.engine.modules, module, lookup.node.attr, lookup.names)
        if gone is not None:
            message, hint = gone
            self._inspection.diagnostics.report(ID, lookup.node, message, at=lookup.position, hint=hint)
            return
        within = self._class_called_like(lookup.owners[0], lookup.node.attr)
        if within:
            message = f"{lookup.shown} has no attribute `{lookup.node.attr}`"
            self._inspection.diagnostics.report(
                ID, lookup.node, message, at=lookup.position, hint=f"did you mean `{within}`?"
            )
            return
        self._inspection.diagnostics.report(
            ID,
            lookup.node,
            f"{lookup.shown} has no attribute `{lookup.node.attr}`",
            lookup.node.attr,
            lookup.names,
            at=lookup.position,
            unless_defined_in=lookup.unless_defined_in,
            package=module if self._inspection.engine.modules.origin(module) == "site" else "",
        )

    def _class_called_like(self, module: ModuleValue, attribute: str) -> str:
        """Return `datetime.datetime.now` for `datetime.now` if the module's namesake class has the attribute, else
        "".
        """
        name = module.name.rpartition(".")[2]
        engine = self._inspection.engine
        match engine.names.member(module.name, name):
            case [ClassValue() as value] if engine.attribute_of(value, attribute) not in (MISSING, None):
                return f"{name}.{name}.{attribute}"
        return ""

    def finish(self) -> None:
        """Do nothing: each attribute has been checked already."""


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for imported names and attributes that a module lacks."""
    yield from context.decided(ID)
    yield from once_a_line(map(partial(_imported, context), context.unresolved_imports))
    for candidate in context.candidates("undefined-name"):
        use, suggested = context.unimported_typos.get((candidate.line, candidate.column), (None, []))
        if use is not None:
            yield finding_at(
                context.path, use, ID, f"`{candidate.word}` has no attribute `{use.name}`", suggested
            )
    for use in context.open_attributes:
        if use.owner and typo_in_project(context, use) is None:
            finding = _of_open_module(context, use) or _of_package(context, use)
            if finding is not None:
                yield finding


def _imported(context: Context, use: Use) -> Finding | None:
    """Return a finding if a name is imported from a module that lacks it, else None."""
    vocabulary, modules = context.vocabulary, context.vocabulary.modules
    if not use.owner or not use.name or modules.is_ambiguous(use.owner, context.path):
        return None
    module = modules.module(use.owner)
    if module is None:
        return _imported_from_absent(context, use)
    names = module.own
    if not modules.lacks(use.owner, use.name):
        # If the module may have names that can't be analyzed, report only typos of known ones.
        close = (
            closest_match(use.name, names)
            if module.open and use.name not in names and vocabulary.is_unknown_to_all(use.name)
            else ""
        )
        if not close or modules.module(f"{use.owner}.{use.name}") is not None:
            return None
    gone = _gone(modules, use.owner, use.name, names)
    if gone is not None:
        message, hint = gone
        return Finding(context.path, use.line, use.column, use.end_line, ID, "error", message, hint)
    suggested = vocabulary.ordered(use.name, suggestions(use.name, names))
    fix = sole_fix(use.name, suggested, names)
    return finding_at(context.path, use, ID, f"`{use.owner}` has no attribute `{use.name}`", suggested, fix)


def _gone(modules: Modules, module: str, name: str, names: frozenset[str]) -> tuple[str, str] | None:
    """Return the message and the hint for a name that a standard library module no longer has, else None.

    It's no typo, so a name that differs in one letter isn't meant.
    """
    if moved := modules.imported_in_stub(module, name):
        return f"`{module}` has no attribute `{name}`", f"did you mean `{moved}`?"
    if not modules.was_removed(module, name):
        return None
    similar = [word for word in suggestions(name, names) if not is_common_typo(name, word)]
    hint = f"did you mean `{similar[0]}`?" if similar else ""
    return f"`{module}` has no attribute `{name}` in this version of Python: it was removed", hint


def _imported_from_absent(context: Context, use: Use) -> Finding | None:
    """Return a finding if an import from a package that isn't installed is a typo of a name it is known to have."""
    vocabulary, top = context.vocabulary, use.owner.partition(".")[0]
    if vocabulary.modules.is_known_package(use.owner) or top not in known_packages.names():
        return None
    if misspelt_submodule(use) is not None:
        return None
    # A package may re-export what it imports: `from fastapi import Request` comes from starlette.
    passed_on = vocabulary.packages.reaches(top, use.name) or vocabulary.packages.defines(STDLIB, use.name)
    if passed_on or vocabulary.imported.get((top, use.name), 0) >= 2:
        return None
    everything = known_packages.words_of(top).defined | vocabulary.packages.passed_on(top)
    suggested = [
        name
        for name in candidates(use.name, everything)
        # Exclude a class missing from the list that resembles a module or function: `Rotation` and `rotation`.
        if is_common_typo(use.name, name) and not (use.name[0].isupper() and use.name[1:] == name[1:])
    ]
    if not suggested:
        return None
    message = f"`{use.owner}` has no attribute `{use.name}`"
    return finding_at(context.path, use, ID, message, vocabulary.ordered(use.name, suggested))


def _of_open_module(context: Context, use: Use) -> Finding | None:
    """Return a finding for a common typo of a module's name, although the module may have more names than gate sees."""
    vocabulary = context.vocabulary
    module = vocabulary.modules.module(use.owner)
    if module is None or use.name in module.names or not vocabulary.is_unknown_to_all(use.name):
        return None
    suggested = [word for word in candidates(use.name, module.names) if is_common_typo(use.name, word)]
    if not suggested:
        return None
    return finding_at(context.path, use, ID, f"`{use.owner}` has no known attribute `{use.name}`", suggested)


def _of_package(context: Context, use: Use) -> Finding | None:
    """Return a finding for a name in a package that isn't installed: a common typo, or another language's name for
    it.
    """
    vocabulary, name, top = context.vocabulary, use.name, use.owner.partition(".")[0]
    if (
        top not in known_packages.names()
        or vocabulary.modules.is_known_package(top)
        or name in vocabulary.own
    ):
        return None
    # A synonym from another language may also be re-exported from another package.
    if name.startswith("_") or vocabulary.packages.reaches(top, name) or vocabulary.is_habit(name):
        return None
    defined = vocabulary.packages.words_of(top).defined
    suggested: list[str] = []
    if vocabulary.used.get(name, 0) <= MOST_USED:
        suggested = [word for word in candidates(name, defined) if is_common_typo(name, word)]
    suggested = suggested or [word for word in SYNONYMS.get(name, ()) if word in defined]
    if not suggested:
        return None
    message = f"`{use.owner}` has no attribute `{name}`"
    return finding_at(context.path, use, ID, message, vocabulary.ordered(name, suggested))
