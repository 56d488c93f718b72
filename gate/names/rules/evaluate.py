"""The rules: from what the files say and what is known elsewhere to findings, each with the right word."""

from __future__ import annotations

from collections.abc import Iterator

from gate.names.hints.load_dump import WrongJsonCall
from gate.names.hints.usage import ATTRIBUTES, NOTHING, TypeHint
from gate.names.report.candidates import Candidate, FileDiagnostics
from gate.names.report.finding import Edit, Finding, finding_at
from gate.names.resolve.installed import STDLIB
from gate.names.rules import imports, package_members
from gate.names.rules.unknown_attributes import unknown_attribute
from gate.names.spelling.similarity import (
    candidates,
    closest_match,
    is_common_typo,
    is_transposition_or_doubling,
    sole_fix,
    suggestions,
)
from gate.names.spelling.synonyms import SYNONYMS, synonyms_of
from gate.names.spelling.vocabulary import BUILTIN_ATTRIBUTES, TYPICAL, ProjectVocabulary
from gate.names.syntax.facts import COLUMNS, Facts, Use


def findings_in(
    path: str, facts: Facts, judged: FileDiagnostics, known: ProjectVocabulary
) -> Iterator[Finding]:
    """Every finding in one file."""
    seen: set[tuple[int, str]] = set()
    for number in judged.doubtful:
        use = facts.imports[number]
        for finding in imports.check_import(path, use, known):
            # One statement may import many names from a module that is not there.
            if (use.line, finding.message) not in seen:
                seen.add((use.line, finding.message))
                yield finding
    told = {(one.line, one.column) for one in judged.told}
    tops = {link.partition(".")[0] for link in facts.links}
    wrong = {(call.line, call.column): call for call in (*judged.wrong, *facts.wrong)}
    unbound = {(one.line, one.column) for one in judged.told if one.rule == "undefined-name"}
    looked_into = {
        place: use
        for use in (facts.attributes if unbound else ())
        if (place := (use.line, use.column - len(use.receiver) - 1)) in unbound
    }
    for one in judged.told:
        if one.rule == "undefined-name":
            for finding in _unbound(path, one, looked_into.get((one.line, one.column)), known):
                told.add((finding.line, finding.column))
                yield finding
        elif one.word or (one.line, one.column) not in wrong:
            yield from _certain(path, one, known)
    for use in (*facts.attributes, *facts.members):
        place = use.line, use.column
        if place not in judged.settled and place not in told:
            found = list(_near(path, use, known, "unknown-attribute", f"nothing defines `.{use.name}`"))
            found = found or list(_foreign(path, use, judged.evidence.get(place, NOTHING), known, tops))
            found = found or list(_open_member(path, use, known))
            found = found or list(package_members.member(path, use, known))
            yield from found or unknown_attribute(path, use, judged.evidence.get(place, NOTHING), known, tops)
    for use in facts.keywords:
        if (use.line, use.column) not in judged.settled and (use.line, use.column) not in told:
            found = list(_near(path, use, known, "unexpected-keyword", f"nothing takes `{use.name}=`"))
            yield from found or package_members.keyword(path, use, known)
    for call in wrong.values():
        hint = f"did you mean `{call.right}`?" if call.right else ""
        at = call.line, call.column, call.end_line
        yield Finding(path, *at, "wrong-json-argument", call.message, hint, tuple(_call_fix(call)))


def _call_fix(call: WrongJsonCall) -> Iterator[Edit]:
    # What `dump` was to write to, and what becomes of what `dumps` returns, only a person can say.
    if call.name in {"load", "loads"} and call.right:
        yield Edit(call.name_line, call.name_column, call.name, call.right.rpartition(".")[2])


def _is_private(word: str) -> bool:
    return word.startswith("_") and not word.endswith("__")


def _certain(path: str, one: Candidate, known: ProjectVocabulary) -> Iterator[Finding]:
    """What the kinds of values tell. What may come from elsewhere all the same has to be unheard of."""
    if one.unless_defined_in == "synchronous" and one.word in known.synchronous:
        return
    if not one.word or one.unless_defined_in == "synchronous":
        yield Finding(path, one.line, one.column, one.end_line, one.rule, one.message, one.hint)
        return
    if _is_defined(one, known):
        return
    right = known.ordered(one.word, suggestions(one.word, one.names))
    if one.package and not any(is_common_typo(one.word, word) for word in right):
        top = one.package.partition(".")[0]
        if known.packages.knows(top) and known.packages.defines(top, one.word):
            # Another part of the package sets it there: `outbox` in `django.core.mail`.
            return
    if not right and one.rule == "unknown-attribute":
        right = known.right_words(Use(one.word, one.line, one.column, one.end_line), keyword=False)
    fix = sole_fix(one.word, right, one.names)
    yield finding_at(path, one, one.rule, one.message, right, fix)


def _is_defined(one: Candidate, known: ProjectVocabulary) -> bool:
    """Whether somebody who has a say in it knows the word."""
    if not one.unless_defined_in:
        return False
    if one.unless_defined_in == "model":
        return one.word in known.project or known.may_be_of_model(one.word)
    if one.unless_defined_in == "attribute":
        return one.word in known.attributes or one.word in known.texts
    if one.word in known.project:
        return True
    if one.unless_defined_in != "anywhere":
        return False
    if _is_private(one.word) and not known.installed:
        # What a missing package keeps to itself no list tells.
        return True
    return not one.word.startswith("__") and (
        not known.is_strange(one.word) or known.used.get(one.word, 0) > 2
    )


def _unbound(path: str, one: Candidate, use: Use | None, known: ProjectVocabulary) -> Iterator[Finding]:
    """A name that nothing binds; `use` is what is looked up in it. It may be a module that was not imported."""
    if not one.word:
        yield Finding(path, one.line, one.column, one.end_line, one.rule, one.message, one.hint)
        return
    if _is_defined(one, known):
        return
    word = one.word
    module = known.modules.module(word)
    names = module.own if module is not None else frozenset[str]()
    single_edits: list[str] = []
    if use is not None and use.name not in names:
        single_edits = [name for name in candidates(use.name, names) if is_common_typo(use.name, name)]
        # `now` is said of the `time` in `datetime`, but also of what else `datetime` may be.
        single_edits = known.ordered(
            use.name, single_edits or ([] if word in names else synonyms_of(use.name, names))
        )
    right = suggestions(word, one.names)
    if use is not None and (single_edits or use.name in names):
        yield _not_imported(path, one, f"import {word}")
        if single_edits:
            message = f"`{word}` has no `{use.name}`"
            yield finding_at(path, use, "unknown-member", message, single_edits)
    elif not right and word in names:
        # What is called like its module: `datetime.now()`, `getpass()`.
        yield _not_imported(path, one, f"from {word} import {word}")
    elif not right and use is None and known.modules.source(word) is not None:
        yield _not_imported(path, one, f"import {word}")
    else:
        right = right or (suggestions(word, known.modules.top_level) if module is None else [])
        right = right or [found for found in [closest_match(word, known.project)] if found]
        # In another case it is one name of this file; else only a stumble is certain among all that is in sight.
        is_case = bool(right) and right[0].casefold() == word.casefold()
        is_sure = bool(right) and is_transposition_or_doubling(word, right[0])
        fix = (word, right[0]) if is_case else sole_fix(word, right, one.names) if is_sure else None
        yield finding_at(path, one, one.rule, one.message, right, fix)


def _not_imported(path: str, one: Candidate, statement: str) -> Finding:
    return Finding(path, one.line, one.column, one.end_line, one.rule, one.message, f"add `{statement}`")


def _near(path: str, use: Use, known: ProjectVocabulary, rule: str, message: str) -> Iterator[Finding]:
    """A name that nobody defines, and that is a slip away from one that somebody does."""
    right = known.right_words(use, keyword=rule == "unexpected-keyword")
    if right:
        yield finding_at(path, use, rule, message, right, known.fix(use.name, right[0]))


def _open_member(path: str, use: Use, known: ProjectVocabulary) -> Iterator[Finding]:
    """A name that a module does not show, which may have more: a typical slip of one that it does show."""
    module = known.modules.module(use.owner) if use.owner else None
    if module is None or use.name in module.names or not known.is_unknown_to_all(use.name):
        return
    right = [word for word in candidates(use.name, module.names) if is_common_typo(use.name, word)]
    if right:
        yield finding_at(path, use, "unknown-member", f"`{use.owner}` shows no `{use.name}`", right)


def _foreign(
    path: str, use: Use, told: TypeHint, known: ProjectVocabulary, tops: set[str]
) -> Iterator[Finding]:
    """A name that the value, by all that is done with it, most likely does not have."""
    name, kind = use.name, told.kind
    if use.owner or len(name) < 2 or name.startswith("_"):
        return
    is_elsewhere = known.has(name, is_called=told.is_called)
    if is_elsewhere and (told.given_by is None or not known.attributes.isdisjoint(told.given_by)):
        return
    is_unheard = name not in known.outside.defined and name not in BUILTIN_ATTRIBUTES
    if known.is_habit(name) or (name == "to_bytes" and told.is_called and told.is_of_whole):
        return
    if kind and name not in ATTRIBUTES[kind]:
        right = suggestions(name, {word for word in ATTRIBUTES[kind] if not word.startswith("_")})
        elsewhere = name in SYNONYMS and any(word in right for word in SYNONYMS[name])
        if (
            told.strength == "sure"
            or (
                told.strength == "likely"
                and ((is_unheard and known.covered and name not in known.project) or elsewhere)
            )
            or elsewhere
        ) and (elsewhere or not is_elsewhere):
            what = {"str": "text", "list": "a list", "dict": "a dictionary"}[kind]
            yield finding_at(
                path, use, "unknown-attribute", f"by its use this is {what}, which has no `.{name}`", right
            )
            return
    if is_elsewhere:
        return
    if known.packages.defines(STDLIB, name) or any(known.packages.defines(top, name) for top in tops):
        # Another thing of that name may have it.
        return
    often = max(known.together[use.receiver, name], 1)
    beside = [
        word for word in SYNONYMS.get(name, ()) if word != name and known.together[use.receiver, word] > often
    ]
    if beside and use.receiver and use.receiver not in COLUMNS:
        message = f"`{use.receiver}` is elsewhere something that has no `.{name}`"
        yield finding_at(path, use, "unknown-attribute", message, known.ordered(name, beside))
        return
    if is_unheard and name in SYNONYMS and known.covered and not use.root:
        right = [word for word in SYNONYMS[name] if word in TYPICAL]
        if right:
            yield finding_at(
                path, use, "unknown-attribute", f"nothing defines `.{name}`", known.ordered(name, right)
            )
