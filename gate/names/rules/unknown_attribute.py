"""An attribute that the value doesn't have, or a typo that nothing defines."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from typing import TypedDict

from gate.finding import Finding
from gate.names.hints.unheard_of import words_in_reach
from gate.names.hints.usage import ATTRIBUTES, TypeHint
from gate.names.infer.values import ModuleValue, NoneValue
from gate.names.report.candidates import UnlessDefinedIn
from gate.names.report.finding import finding_at
from gate.names.resolve.installed import STDLIB
from gate.names.rules.context import Context
from gate.names.rules.inspection import Inspection
from gate.names.rules.lookups import is_special, is_super_uncalled, position_of
from gate.names.rules.rule import Examples, code
from gate.names.spelling.known_words import BUILTIN_ATTRIBUTES, TYPICAL
from gate.names.spelling.similarity import candidates, is_common_typo, plain, suggestions
from gate.names.spelling.synonyms import SYNONYMS
from gate.names.spelling.vocabulary import ProjectVocabulary
from gate.names.syntax.builtin_names import BUILTINS
from gate.names.syntax.facts import COLUMNS, Use
from gate.names.syntax.source import Scope

ID = "unknown-attribute"
SUMMARY = "An attribute that the value doesn't have, or a typo that nothing defines."
WHY = """\
Raises an AttributeError when the line runs. If gate can infer the type of the value, its class decides. Otherwise, gate
reports an attribute if it is a typo of one in the project, the standard library, or the packages that the project
imports, and fits how the code uses the value. It reports a method of another language (`.push`) on any value, unless
something that the file imports has it."""
BAD: Examples = (
    code("def tidy(name):\n    return name.key_set()  # <- did you mean `keys`?\n"),
    code("def parts(text):\n    return text.spilt(',')  # <- did you mean `split`?\n"),
    code(
        "def tidy(path):\n    with open(path) as file:\n"
        "        return file.read().to_lower()  # <- did you mean `lower`?\n"
    ),
    code("def first(line):\n    return line.starts_with('#')  # <- did you mean `startswith`?\n"),
    code(
        "class Stack:\n    def push(self, thing): ...\n\n\ndef parts(text):\n    found = text.split(',')\n"
        "    found.push('.')  # <- did you mean `append`?\n    return found\n"
    ),
    code(
        "class Shop:\n    def sell(self, thing): ...\n\n\ndef main():\n    shop = Shop()\n"
        "    shop.slel('tea')  # <- did you mean `sell`?\n"
    ),
)
GOOD: Examples = (
    code("def parts(text):\n    return text.frobnicate_the_widget()\n"),
    code("class Stack:\n    def push(self, thing): ...\n\n\ndef fill(stack):\n    stack.push('tea')\n"),
    code("class Milk:\n    spilt = True\n\n\nprint(Milk().spilt)\n"),
)


NODES = (ast.Attribute,)
_SPECIAL_NAMES = frozenset(
    name
    for one in (object, type, int, str, list, dict, set, bytes, BaseException, ast, TypedDict, len, ast.parse, property)
    for name in dir(one)
    if name.startswith("__") and name.endswith("__")
) | BUILTINS | {
    "__enter__", "__exit__", "__aenter__", "__aexit__", "__await__", "__aiter__", "__anext__", "__del__", "__all__",
    "__get__", "__set__", "__delete__", "__set_name__", "__post_init__", "__slots__", "__wrapped__", "__version__",
    "__self__", "__func__", "__args__", "__origin__", "__bytes__", "__bool__", "__next__", "__call__", "__copy__",
    "__deepcopy__", "__fields__", "__members__", "__table__", "__tablename__", "__required_keys__", "__author__",
}  # fmt: skip


class Inspector:
    """Checks every attribute that is read from anything but a module."""

    def __init__(self, inspection: Inspection) -> None:
        """`inspection` knows which attributes are missing."""
        self._inspection = inspection

    def inspect(self, node: ast.AST, scope: Scope) -> None:
        """Report an attribute that no possible class of the value has."""
        if not isinstance(node, ast.Attribute):
            return
        lookup = self._inspection.failed_lookup(node, scope)
        if lookup is not None and not isinstance(lookup.owners[0], ModuleValue):
            message = f"{lookup.shown} has no attribute `{node.attr}`"
            if isinstance(lookup.owners[0], NoneValue):
                hint = "the call that produced it always returns `None`"
                at = position_of(node)
                self._inspection.diagnostics.report(ID, node, message, hint=hint, at=at)
                return
            self._report(node, message, lookup.names, lookup.unless_defined_in)
        elif is_special(node.attr) and node.attr not in _SPECIAL_NAMES:
            self._compare_special(node, scope)

    def finish(self) -> None:
        """Do nothing: each attribute has been checked already."""

    def _compare_special(self, node: ast.Attribute, scope: Scope) -> None:
        """Report a typo of a special name, with two underscores on both sides."""
        is_read = isinstance(node.ctx, ast.Load) and not self._inspection.guard(node).expects_missing
        typos = [name for name in candidates(node.attr, _SPECIAL_NAMES) if is_common_typo(node.attr, name)]
        if is_read and typos and not is_super_uncalled(node, scope):
            self._report(node, f"Unknown attribute `{node.attr}`", typos, "anywhere")

    def _report(
        self, node: ast.Attribute, message: str, names: Collection[str], unless: UnlessDefinedIn
    ) -> None:
        at, word = position_of(node), node.attr
        self._inspection.diagnostics.report(ID, node, message, word, names, at=at, unless_defined_in=unless)


def check(context: Context) -> Iterator[Finding]:
    """Yield findings for attributes that inferred types lack. For other values, weaker and weaker evidence is used."""
    yield from context.decided(ID)
    for use in context.open_attributes:
        finding = typo_in_project(context, use)
        if finding is None and not use.owner:
            finding = _unfit(context, use) or _out_of_reach(context, use)
        if finding is not None:
            yield finding


def typo_in_project(context: Context, use: Use) -> Finding | None:
    """Return a finding if nothing defines the name and it is a typo of a defined one, else None."""
    vocabulary = context.vocabulary
    suggested = vocabulary.right_words(use, keyword=False)
    is_free = not (use.owner or use.root)
    if is_free and any(_is_unlisted(vocabulary, package) for package in context.packages):
        # Such a package may write the words together that others separate: `loadextension` beside `load_extension`.
        suggested = [
            word for word in suggested if plain(word) != plain(use.name) or len(word) == len(use.name)
        ]
    if not suggested:
        return None
    fix = vocabulary.fix(use.name, suggested[0])
    return finding_at(context.path, use, ID, f"Unknown attribute `{use.name}`", suggested, fix)


def _is_unlisted(vocabulary: ProjectVocabulary, package: str) -> bool:
    """Return whether an imported package is neither the project's, nor installed, nor listed."""
    return (
        bool(package)
        and vocabulary.modules.origin(package) == "site"
        and not vocabulary.packages.knows(package)
    )


def _unfit(context: Context, use: Use) -> Finding | None:
    """Return a finding if the value, given how it is used, most likely doesn't have the name, else None."""
    name, vocabulary, hint = use.name, context.vocabulary, context.hint(use)
    if len(name) < 2 or name.startswith("_"):
        return None
    is_elsewhere = vocabulary.has(name, is_called=hint.is_called)
    if is_elsewhere and (hint.given_by is None or not vocabulary.attributes.isdisjoint(hint.given_by)):
        return None
    if (
        vocabulary.is_habit(name)
        or vocabulary.is_made(name)
        or (name == "to_bytes" and hint.is_called and hint.is_of_whole)
    ):
        return None
    is_undefined = name not in vocabulary.outside.defined and name not in BUILTIN_ATTRIBUTES
    if suggested := _not_of_type(use, hint, vocabulary, is_elsewhere=is_elsewhere, is_undefined=is_undefined):
        return finding_at(context.path, use, ID, *suggested)
    if is_elsewhere or vocabulary.packages.defines(STDLIB, name):
        return None
    if any(vocabulary.packages.defines(package, name) for package in context.packages):
        # Some other object with that name may have it.
        return None
    often = max(vocabulary.together[use.receiver, name], 1)
    beside = [
        word
        for word in SYNONYMS.get(name, ())
        if word != name and vocabulary.together[use.receiver, word] > often
    ]
    if beside and use.receiver and use.receiver not in COLUMNS | {"self", "cls"}:
        message = f"Unknown attribute `{name}` of `{use.receiver}`"
        return finding_at(context.path, use, ID, message, vocabulary.ordered(name, beside))
    if is_undefined and name in SYNONYMS and vocabulary.covered and not use.root:
        typical = [word for word in SYNONYMS[name] if word in TYPICAL]
        if typical:
            message = f"Unknown attribute `{name}`"
            return finding_at(context.path, use, ID, message, vocabulary.ordered(name, typical))
    return None


def _not_of_type(
    use: Use, hint: TypeHint, vocabulary: ProjectVocabulary, *, is_elsewhere: bool, is_undefined: bool
) -> tuple[str, list[str]] | None:
    """Return a message and suggestions if a value is used as a `str`, `list`, or `dict`, which lack the name."""
    name, kind = use.name, hint.kind
    if not kind or name in ATTRIBUTES[kind]:
        return None
    suggested = suggestions(name, {word for word in ATTRIBUTES[kind] if not word.startswith("_")})
    is_synonym = any(word in suggested for word in SYNONYMS.get(name, ()))
    is_nowhere = is_undefined and vocabulary.covered and name not in vocabulary.project
    is_likely = hint.strength == "sure" or (hint.strength == "likely" and is_nowhere)
    if not is_synonym and (is_elsewhere or not is_likely):
        return None
    shown = {"str": "a string", "list": "a list", "dict": "a dictionary"}[kind]
    return f"Unknown attribute `{name}` of {shown} (inferred from its use)", suggested


def _out_of_reach(context: Context, use: Use) -> Finding | None:
    """Return a finding if nothing that the file can reach defines the name, else None."""
    suggested = words_in_reach(use, context.hint(use), context.vocabulary, context.packages)
    return (
        finding_at(context.path, use, ID, f"Unknown attribute `{use.name}`", suggested) if suggested else None
    )
