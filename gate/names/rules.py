"""The rules: from what the files say and what is known elsewhere to findings, each with the right word."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gate.names.facts import BUILTINS, Facts, Use
from gate.names.finding import Edit, Finding
from gate.names.modules import MODULE_NAMES, Modules
from gate.names.near import candidates, closest, is_sole, is_stumble, nearest

_KINDS = (str, bytes, int, float, list, dict, set, tuple, type, BaseException, object)
BUILTIN_ATTRIBUTES = frozenset(name for kind in _KINDS for name in dir(kind))


@dataclass(frozen=True, slots=True)
class Known:
    """What is defined anywhere: in the project, and outside of it."""

    project: frozenset[str]
    outside: frozenset[str]
    used: Mapping[str, int]
    modules: Modules
    required: frozenset[str]
    installed: bool

    def __contains__(self, word: object) -> bool:
        """Whether anybody defines the word, or the project uses it too often for a slip."""
        return word in self.project or word in self.outside or word in BUILTIN_ATTRIBUTES

    def right_word(self, word: str) -> str:
        """The word that is meant: one that the project uses itself, before any that others define."""
        if not self.installed:
            # Without the packages that the project builds on, most names that nobody defines are theirs.
            usual = BUILTIN_ATTRIBUTES | {name for name, count in self.used.items() if count > 1}
            own = candidates(word, usual)
            sure = [found for found in own if _is_slip(word, found) and plain(found) != plain(word)]
            return sure[0] if sure and len(word) > 3 else ""
        own = [
            found for found in candidates(word, self.project | BUILTIN_ATTRIBUTES) if _is_slip(word, found)
        ]
        if own:
            return max(own, key=lambda found: (self.used.get(found, 0) > 0, found in BUILTIN_ATTRIBUTES))
        used = [found for found in candidates(word, self.used.keys()) if self.used[found] > 1]
        used += candidates(word, self.outside)
        return next((found for found in used if _is_slip(word, found)), "")

    def fix(self, word: str, right: str) -> tuple[str, str] | None:
        """The two words, if it is a stumble and nobody anywhere defines another one that may be meant."""
        if not is_stumble(word, right):
            return None
        everywhere = set(candidates(word, self.project | BUILTIN_ATTRIBUTES)) | set(
            candidates(word, self.outside)
        )
        return (word, right) if everywhere | set(candidates(word, self.used)) == {right} else None


def _is_slip(word: str, found: str) -> bool:
    """Whether `found` may be meant by `word`.

    A constant is no slip of a function, nor a private name of a public one.
    """
    if word.isupper() != found.isupper() and word.casefold() == found.casefold():
        return False
    return word.startswith("_") == found.startswith("_")


def plain(word: str) -> str:
    """A word without what separates words in it."""
    return word.replace("_", "").casefold()


def known_of(
    files: Iterable[Facts],
    outside: frozenset[str],
    modules: Modules,
    required: frozenset[str],
    *,
    installed: bool,
) -> Known:
    """Everything that is defined, with how often the project uses each attribute and keyword.

    `required` are the words of the files that name the project's dependencies; a module that is imported
    in two files is as good as required. `installed` is False where the project's packages are not known.
    """
    files = list(files)
    project = frozenset(word for facts in files for word in facts.words)
    used: Counter[str] = Counter()
    for facts in files:
        used.update(use.name for use in (*facts.attributes, *facts.members, *facts.keywords))
    tops = Counter(top for facts in files for top in {use.owner.partition(".")[0] for use in facts.imports})
    required |= {top for top, count in tops.items() if count > 1}
    return Known(project, outside, used, modules, required, installed)


def findings_in(path: str, facts: Facts, known: Known) -> Iterator[Finding]:
    """Every finding in one file, unless the line asks to be left alone."""
    for use in facts.imports:
        yield from _import(path, use, known)
    for use in facts.members:
        yield from _member(path, use, known)
    names = facts.words | known.project | BUILTINS
    for use in facts.unbound:
        yield from _unbound(path, use, facts.words, names)
    for use in facts.attributes:
        if _is_strange(use.name, known):
            right = known.right_word(use.name)
            if right:
                fix = known.fix(use.name, right)
                yield _finding(path, use, "misspelt-attribute", f"nothing defines `.{use.name}`", right, fix)
    for use in facts.keywords:
        if _is_strange(use.name, known):
            right = known.right_word(use.name)
            if right:
                fix = known.fix(use.name, right)
                yield _finding(path, use, "misspelt-keyword", f"nothing takes `{use.name}=`", right, fix)
    for wrong in facts.wrong:
        node = wrong.node
        hint = f"did you mean `{wrong.right}`?" if wrong.right else ""
        yield Finding(
            path, node.lineno, node.col_offset + 1, node.end_lineno or node.lineno, "wrong-json-argument",
            wrong.message, hint, tuple(_call_fix(node.func, wrong.right)),
        )  # fmt: skip


def _call_fix(function: ast.expr, right: str) -> Iterator[Edit]:
    # What `dump` was to write to, and what becomes of what `dumps` returns, only a person can say.
    if isinstance(function, ast.Attribute) and function.attr in {"load", "loads"} and right:
        column = (function.end_col_offset or 0) - len(function.attr) + 1
        yield Edit(function.end_lineno or 0, column, function.attr, right.rpartition(".")[2])


def _finding(
    path: str, use: Use, rule: str, message: str, right: str, fix: tuple[str, str] | None = None
) -> Finding:
    """`fix` is what stands there and what surely belongs there, where that is known."""
    hint = f"did you mean `{right}`?" if right else ""
    edits = () if fix is None else (Edit(use.line, use.column, *fix),)
    return Finding(path, use.line, use.column, use.end_line, rule, message, hint, edits)


def _sure(word: str, right: str, among: Collection[str]) -> tuple[str, str] | None:
    return (word, right) if is_sole(word, right, among) else None


def _is_strange(name: str, known: Known) -> bool:
    # What is used in two places is no slip of the finger, even where nobody here defines it.
    # Two underscores inside join names, as in the look-ups of an ORM.
    return len(name) > 2 and "__" not in name and name not in known and known.used.get(name, 0) < 2


def _import(path: str, use: Use, known: Known) -> Iterator[Finding]:
    modules = known.modules
    if not use.owner:
        return
    top = use.owner.partition(".")[0]
    module = modules.module(use.owner)
    if module is None:
        if not modules.is_known_package(use.owner):
            if top in known.required:
                return
            right = nearest(top, modules.top_level)
            if right:
                fix = _sure(top, right, modules.top_level) if is_stumble(top, right) else None
                yield _finding(path, use, "misspelt-import", f"there is no module `{top}`", right, fix)
        elif "." in use.owner:
            package, _, last = use.owner.rpartition(".")
            parent = modules.module(package)
            if parent is not None and not parent.open:
                right = closest(last, parent.names - MODULE_NAMES)
                sole = is_sole(last, right, parent.names)
                fix = (use.owner, f"{package}.{right}") if sole else None
                yield _finding(path, use, "misspelt-import", f"there is no module `{use.owner}`", right, fix)
        return
    if not use.name or module.open or use.name in module.names:
        return
    if modules.module(f"{use.owner}.{use.name}") is not None:
        return
    right = closest(use.name, module.names - MODULE_NAMES)
    fix = _sure(use.name, right, module.names)
    yield _finding(path, use, "misspelt-import", f"`{use.owner}` has no `{use.name}`", right, fix)


def _member(path: str, use: Use, known: Known) -> Iterator[Finding]:
    module = known.modules.module(use.owner)
    if module is not None and not module.open:
        missing = use.name not in module.names and known.modules.module(f"{use.owner}.{use.name}") is None
        if missing:
            right = closest(use.name, module.names - MODULE_NAMES)
            fix = _sure(use.name, right, module.names)
            yield _finding(path, use, "misspelt-member", f"`{use.owner}` has no `{use.name}`", right, fix)
        return
    if _is_strange(use.name, known):
        names = module.names if module is not None else frozenset()
        right = nearest(use.name, names) or known.right_word(use.name)
        if right:
            yield _finding(path, use, "misspelt-attribute", f"nothing defines `.{use.name}`", right)


def _unbound(path: str, use: Use, own: Collection[str], known: Collection[str]) -> Iterator[Finding]:
    from sys import stdlib_module_names

    if len(use.name) < 2:
        return
    close = set(own) | BUILTINS | stdlib_module_names
    right = closest(use.name, close) or nearest(use.name, known)
    is_case = right.casefold() == use.name.casefold()
    sure = is_case or (is_stumble(use.name, right) and is_sole(use.name, right, close))
    fix = (use.name, right) if sure else None
    yield _finding(path, use, "misspelt-name", f"`{use.name}` is bound to nothing in this file", right, fix)
