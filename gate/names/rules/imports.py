"""Imports of what is not there: a package, a module of it, or a name in one."""

from __future__ import annotations

from collections.abc import Iterator
from string import digits

from gate.names.report.finding import Finding, finding_at
from gate.names.resolve import known_packages
from gate.names.resolve.installed import STDLIB
from gate.names.resolve.modules import Modules
from gate.names.spelling.similarity import (
    candidates,
    closest_match,
    is_common_typo,
    is_plausible_typo,
    is_transposition_or_doubling,
    sole_fix,
    suggestions,
)
from gate.names.spelling.vocabulary import ProjectVocabulary
from gate.names.syntax.facts import Use


def is_resolved(use: Use, modules: Modules) -> bool:
    """Whether what is imported is certainly there."""
    module = modules.module(use.owner)
    if module is None:
        return False
    return not use.name or use.name in module.names or modules.module(f"{use.owner}.{use.name}") is not None


def check_import(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """What is wrong with an import that is not certainly right."""
    modules = known.modules
    if not use.owner or modules.is_ambiguous(use.owner, path):
        return
    module = modules.module(use.owner)
    if module is None:
        if not modules.is_known_package(use.owner):
            yield from _top(path, use, known)
        elif "." in use.owner:
            yield from _submodule(path, use, known)
        return
    if not use.name:
        return
    names = module.own
    if not modules.lacks(use.owner, use.name):
        # Where more may be there than can be read, only a slip of what is there is told.
        near = (
            closest_match(use.name, names)
            if module.open and use.name not in names and known.is_unknown_to_all(use.name)
            else ""
        )
        if not near or modules.module(f"{use.owner}.{use.name}") is not None:
            return
    found = known.ordered(use.name, suggestions(use.name, names))
    message = f"`{use.owner}` has no `{use.name}`"
    yield finding_at(path, use, "unknown-member", message, found, sole_fix(use.name, found, names))


def _top(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """A package that is nowhere: misspelt, if another is a slip away that is there or that others import."""
    top, _, rest = use.owner.partition(".")
    # `ldap` comes from `python-ldap`, `serial` from `pyserial`.
    asked_for = (f"python_{top}", f"py{top}", f"{top}_python")
    count = max(known.required.get(top, 0), *(2 * known.required.get(name, 0) for name in asked_for))
    if top in known_packages.names():
        yield from _from_absent(path, use, known)
        return
    here = [
        one
        for one in candidates(top, known.modules.top_level | known_packages.names(), shortest=2)
        if (count < 2 or known.required.get(one, 0) > 3 * count)
        and (len(top) > 2 or _has(f"{one}.{rest}".rstrip("."), use.name if not rest else "", known))
    ]
    others = [one for one in candidates(top, known.required) if known.required[one] > 3 * count]
    # `boto` beside `boto3` is an older package, and no slip.
    right = [
        one
        for one in dict.fromkeys((*here, *others))
        if (is_plausible_typo(top, one) or one.casefold() == top.casefold())
        and one.rstrip(digits) != top.rstrip(digits)
    ]
    if top in known_packages.others():
        right = [one for one in right if known.modules.origin(one) == "project"]
    if not known.installed:
        right = [one for one in right if is_common_typo(top, one) or _is_case(top, one)]
    if right:
        fix = (
            sole_fix(top, right, known.modules.top_level)
            if is_transposition_or_doubling(top, right[0])
            else None
        )
        told = [f"{one}.{rest}" if rest else one for one in right]
        yield finding_at(path, use, "unknown-module", f"there is no module `{top}`", told, fix)


def _is_case(word: str, other: str) -> bool:
    """Whether they differ in case alone, which on some machines finds the same file: `import JSON`."""
    return word.casefold() == other.casefold()


def _has(module: str, name: str, known: ProjectVocabulary) -> bool:
    """Whether there is such a module, with the name if there is one to look for."""
    found = known.modules.module(module)
    return found is not None and (name in found.names if name else "." in module)


def _from_absent(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """A package that is not installed: only typical slips of what is known of it are told."""
    top, *inner = use.owner.split(".")
    words = known_packages.words_of(top).defined
    for number, part in enumerate(inner):
        right = (
            [one for one in candidates(part, words) if is_common_typo(part, one)] if part not in words else []
        )
        if right:
            told = [".".join([top, *inner[:number], one, *inner[number + 1 :]]) for one in right]
            yield finding_at(path, use, "unknown-module", f"`{top}` knows no module `{part}`", told)
            return
    # A package passes on what it imports: `from fastapi import Request` is starlette's.
    passed_on = known.packages.reaches(top, use.name) or known.packages.defines(STDLIB, use.name)
    if use.name and not passed_on and known.imported.get((top, use.name), 0) < 2:
        everything = words | known.packages.passed_on(top)
        right = [
            one
            for one in candidates(use.name, everything)
            # A class that the list leaves out, beside a module or a function: `Rotation` and `rotation`.
            if is_common_typo(use.name, one) and not (use.name[0].isupper() and use.name[1:] == one[1:])
        ]
        if right:
            message = f"`{use.owner}` has no `{use.name}`"
            yield finding_at(path, use, "unknown-member", message, known.ordered(use.name, right))


def _submodule(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """A package that is there, and a module in it that is not."""
    package, _, last = use.owner.rpartition(".")
    if known.modules.generated.has(use.owner):
        return
    parent = known.modules.module(package)
    while parent is None and "." in package:
        package, _, last = package.rpartition(".")
        parent = known.modules.module(package)
    if parent is None:
        return
    names = parent.own
    right = suggestions(last, names) or candidates(last, names, shortest=2)
    if parent.open and not candidates(last, names, shortest=2):
        return
    wrong = f"{package}.{last}"
    rest = use.owner.removeprefix(wrong)
    fix = (wrong, f"{package}.{right[0]}") if sole_fix(last, right, names) else None
    told = [f"{package}.{one}{rest}" for one in right]
    yield finding_at(path, use, "unknown-module", f"there is no module `{wrong}`", told, fix)
