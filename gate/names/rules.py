"""The rules: from what the files say and what is known elsewhere to findings, each with the right word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gate.names import in_package, shipped
from gate.names.facts import Facts, Use
from gate.names.finding import Edit, Finding, hint_of
from gate.names.foreign import FOREIGN, said_as
from gate.names.kinds import WrongKind
from gate.names.likely import ATTRIBUTES, COLUMNS, NOTHING, Evidence
from gate.names.modules import MODULE_NAMES, Modules
from gate.names.near import (
    Vocabulary,
    candidates,
    is_sole,
    is_stumble,
    is_typical,
    meant,
    nearest,
    parts,
    plain,
)
from gate.names.packages import Words
from gate.names.typed import Certain, Judged
from gate.names.unheard import unheard
from gate.names.words import LIBRARY, Outside

_KINDS = (str, bytes, int, float, list, dict, set, tuple, type, BaseException, object)
BUILTIN_ATTRIBUTES = frozenset(name for kind in _KINDS for name in dir(kind))
TYPICAL = frozenset(name for kind in (str, list, dict) for name in dir(kind) if not name.startswith("_"))


EMPTY = Vocabulary(frozenset())


@dataclass(slots=True)
class Known:
    """What is defined anywhere: in the project, and outside of it."""

    project: frozenset[str]
    attributes: frozenset[str]
    outside: Words
    packages: Outside
    used: Mapping[str, int]
    together: Counter[tuple[str, str]]
    modules: Modules
    required: Mapping[str, int]
    installed: bool
    covered: bool
    """Whether what the project imports is known, if only from the list that comes with gate."""
    imported: Mapping[tuple[str, str], int]
    """How often each name is imported from each package."""
    capitals: Counter[str] = field(default_factory=Counter)
    """How often names of classes are looked up in what has each name, and is no module."""
    tops: frozenset[str] = frozenset()
    """The packages that the project imports."""
    fields: frozenset[str] = frozenset()
    """Attributes of the project that are always values, and so cannot be called."""
    own: frozenset[str] = frozenset()
    """The words of the project, without what its files know by importing it only."""
    usual: Vocabulary = EMPTY
    """What the project defines or uses, and what builtins have."""
    elsewhere: Vocabulary = EMPTY
    """What packages define."""
    _parts: frozenset[str] = frozenset()

    def is_defined(self, word: str) -> bool:
        """Whether somebody is known to have an attribute of this name."""
        return word in self.project or word in BUILTIN_ATTRIBUTES or word in self.outside.defined

    def is_strange(self, word: str) -> bool:
        """Whether nobody defines the word. Two underscores inside join names, as in the look-ups of an ORM."""
        return len(word) > 1 and "__" not in word[2:-2] and not self.is_defined(word)

    def is_unknown_to_all(self, word: str) -> bool:
        """Whether nobody says the word but in order to import it."""
        return word not in self.own and word not in self.outside.defined and "__" not in word[2:-2]

    def has(self, word: str, *, is_called: bool) -> bool:
        """Whether something in the project has an attribute of this name, which can be called if it `is_called`."""
        return word in self.attributes and not (is_called and word in self.fields)

    def is_habit(self, word: str) -> bool:
        """Whether the project looks a name up so often that it must be right, however strange."""
        count = self.used.get(word, 0)
        return count > 8 and 2 * count > max(
            (self.used.get(right, 0) for right in FOREIGN.get(word, ())), default=0
        )

    def right_words(self, use: Use, *, keyword: bool) -> list[str]:
        """The words that may be meant, the most likely first; none where what is written may as well be right."""
        word, count = use.name, self.used.get(use.name, 0)
        if word in self.project or word in BUILTIN_ATTRIBUTES or "__" in word[2:-2]:
            return []
        strong = [one for one in candidates(word, self.usual, shortest=2) if _is_slip(word, one)]
        if keyword:
            # `ExternalId=` beside `ExternalID`: what services call their parameters follows no rule of case.
            may_differ = not word[0].isupper()
            strong = [
                one
                for one in strong
                if plain(word) != plain(one)
                or (is_typical(word, one) and (may_differ or self.together.get((use.receiver, one), 0) > 1))
            ]
        beside = [one for one in strong if self._is_beside(use, one)]
        if word in self.outside.defined or (keyword and word in self.outside.said):
            return self.ordered(word, beside) if beside and count == 1 else []
        strong = [one for one in strong if self._is_weighty(use, one)]
        if len(word) < 3 or word in self.outside.said or not self.installed:
            kept = [
                one for one in strong if is_typical(word, one) and self._is_sure(use, one, keyword=keyword)
            ]
            return self.ordered(word, dict.fromkeys([*beside, *kept]))
        if strong:
            return self.ordered(word, strong)
        return (
            [one for one in candidates(word, self.elsewhere) if _is_sole_slip(word, one)]
            if count == 1
            else []
        )

    def _is_beside(self, use: Use, right: str) -> bool:
        """Whether the project looks `right` up in what has the same name, often, and never the other word before."""
        often = self.together.get((use.receiver, right), 0)
        plural = use.name.rstrip("s") == right.rstrip("s")
        return bool(use.receiver) and often > 1 and not plural and is_typical(use.name, right)

    def _is_weighty(self, use: Use, right: str) -> bool:
        """What is written more than once is a slip only of what is written far more often."""
        count = self.used.get(use.name, 0)
        defined = self.is_defined(right)
        if count < 2:
            return defined or self.used.get(right, 0) > 1
        return defined and is_typical(use.name, right) and self.used.get(right, 0) >= 2 * count

    def _is_sure(self, use: Use, right: str, *, keyword: bool) -> bool:
        word = use.name
        if not self.installed and plain(word) == plain(right) and len(word) != len(right):
            return False
        if word.casefold() == right.casefold():
            # `module.Name` beside `module.name` is common; inside a word a single capital is not.
            return word[0] == right[0] or (not use.root and not keyword and word[0].isupper()) or "_" in word
        if len(word) < 3:
            return right in BUILTIN_ATTRIBUTES or self.used.get(right, 0) > 2
        known = self.covered or not self._is_made_of_words(word)
        return known and (
            self.used.get(right, 0) > 1 or right in BUILTIN_ATTRIBUTES or right in self.attributes
        )

    def _is_made_of_words(self, word: str) -> bool:
        """Whether a name consists of words that others use as well, as a name of a missing package would."""
        if not self._parts:
            library = self.packages.words_of(LIBRARY)
            every = (*library.defined, *library.said)
            self._parts = frozenset(part for name in every for part in parts(name) if len(part) > 2)
        return all(part in self._parts for part in parts(word))

    def ordered(self, word: str, many: Iterable[str]) -> list[str]:
        """The words that fingers easily make `word` of first, and of them those that this project uses."""

        def rank(right: str) -> tuple[bool, bool, bool]:
            return not is_typical(word, right), not self.used.get(right, 0), right not in BUILTIN_ATTRIBUTES

        found = sorted(many, key=rank)
        if not found:
            return []
        return [right for right in found if is_typical(word, right)] if is_typical(word, found[0]) else found

    def fix(self, word: str, right: str) -> tuple[str, str] | None:
        """The two words, if it is a stumble and nobody anywhere defines another one that may be meant."""
        if not is_stumble(word, right):
            return None
        everywhere = {*candidates(word, self.usual), *candidates(word, self.elsewhere)}
        return (word, right) if everywhere == {right} else None


def _is_slip(word: str, found: str) -> bool:
    """Whether `found` may be meant by `word`.

    A constant is no slip of a function, nor a private name of a public one.
    """
    if word.isupper() != found.isupper() and word.casefold() == found.casefold():
        return False
    return word.startswith("_") == found.startswith("_") and len(found) > 2


def _is_sole_slip(word: str, found: str) -> bool:
    """A slip of a word that nobody here uses: of the kinds that fingers make, and no other number or case of it."""
    other = word.casefold() == found.casefold() and word[0] != found[0]
    return (
        _is_slip(word, found)
        and is_typical(word, found)
        and not other
        and word.rstrip("s") != found.rstrip("s")
    )


def known_of(files: Iterable[Facts], outside: Outside, modules: Modules, required: frozenset[str]) -> Known:
    """Everything that is defined, with how often the project uses each attribute and keyword.

    `required` are the words of the files that name the project's dependencies.
    """
    files = list(files)
    project = frozenset(word for facts in files for word in facts.words)
    used: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for facts in files:
        for use in (*facts.attributes, *facts.members, *facts.keywords):
            used[use.name] += 1
            together[use.receiver, use.name] += 1
    tops = Counter(top for facts in files for top in {use.owner.partition(".")[0] for use in facts.imports})
    words = outside.relevant({*tops, *(word for word in project if word in outside.names)})
    missing = [top for top in tops if top and not modules.is_known_package(top)]
    unknown = [top for top in missing if top not in shipped.names() and tops[top] > 1]
    return Known(
        project=project,
        own=frozenset(word for facts in files for word in facts.words - facts.only_imported),
        packages=outside,
        attributes=frozenset(word for facts in files for word in facts.attributes_defined),
        capitals=Counter(
            use.receiver
            for facts in files
            for use in facts.attributes
            if use.name[0].isupper() and not use.root
        ),
        tops=frozenset(tops) - {""},
        fields=frozenset().union(*(facts.fields for facts in files))
        - frozenset().union(*(facts.functions for facts in files)),
        outside=words,
        used=used,
        together=together,
        modules=modules,
        required=Counter(required) + tops,
        usual=Vocabulary(project | BUILTIN_ATTRIBUTES | used.keys()),
        elsewhere=Vocabulary(words.defined),
        installed=not missing or len(missing) * 4 < len(words.imported & outside.names),
        covered=len(unknown) * 4 < len(words.imported),
        imported=Counter(
            (use.owner.partition(".")[0], use.name) for facts in files for use in facts.imports if use.name
        ),
    )


def findings_in(path: str, facts: Facts, judged: Judged, known: Known) -> Iterator[Finding]:
    """Every finding in one file."""
    seen: set[tuple[int, str]] = set()
    for number in judged.doubtful:
        use = facts.imports[number]
        for finding in _import(path, use, known):
            # One statement may import many names from a module that is not there.
            if (use.line, finding.message) not in seen:
                seen.add((use.line, finding.message))
                yield finding
    told = {(one.line, one.column) for one in judged.told}
    tops = {link.partition(".")[0] for link in facts.links}
    wrong = {(call.line, call.column): call for call in (*judged.wrong, *facts.wrong)}
    unbound = {(one.line, one.column) for one in judged.told if one.rule == "misspelt-name"}
    looked_into = {
        place: use
        for use in (facts.attributes if unbound else ())
        if (place := (use.line, use.column - len(use.receiver) - 1)) in unbound
    }
    for one in judged.told:
        if one.rule == "misspelt-name":
            for finding in _unbound(path, one, looked_into.get((one.line, one.column)), known):
                told.add((finding.line, finding.column))
                yield finding
        elif one.word or (one.line, one.column) not in wrong:
            yield from _certain(path, one, known)
    for use in (*facts.attributes, *facts.members):
        place = use.line, use.column
        if place not in judged.settled and place not in told:
            found = list(_near(path, use, known, "misspelt-attribute", f"nothing defines `.{use.name}`"))
            found = found or list(_foreign(path, use, judged.evidence.get(place, NOTHING), known))
            found = found or list(_open_member(path, use, known))
            found = found or list(in_package.member(path, use, known))
            yield from found or unheard(path, use, judged.evidence.get(place, NOTHING), known, tops)
    for use in facts.keywords:
        if (use.line, use.column) not in judged.settled and (use.line, use.column) not in told:
            found = list(_near(path, use, known, "misspelt-keyword", f"nothing takes `{use.name}=`"))
            yield from found or in_package.keyword(path, use, known)
    for call in wrong.values():
        hint = f"did you mean `{call.right}`?" if call.right else ""
        at = call.line, call.column, call.end_line
        yield Finding(path, *at, "wrong-json-argument", call.message, hint, tuple(_call_fix(call)))


def _call_fix(call: WrongKind) -> Iterator[Edit]:
    # What `dump` was to write to, and what becomes of what `dumps` returns, only a person can say.
    if call.name in {"load", "loads"} and call.right:
        yield Edit(call.name_line, call.name_column, call.name, call.right.rpartition(".")[2])


def _finding(path: str, use: Use | Certain, rule: str, message: str, right: list[str],
             fix: tuple[str, str] | None = None) -> Finding:  # fmt: skip
    """`right` are the words that may be meant; `fix` is what surely belongs in the place of what."""
    edits = () if fix is None else (Edit(use.line, use.column, *fix),)
    return Finding(path, use.line, use.column, use.end_line, rule, message, hint_of(right), edits)


def _is_private(word: str) -> bool:
    return word.startswith("_") and not word.endswith("__")


def _sure(word: str, right: list[str], among: Collection[str]) -> tuple[str, str] | None:
    return (word, right[0]) if right and is_sole(word, right[0], among) else None


def _certain(path: str, one: Certain, known: Known) -> Iterator[Finding]:
    """What the kinds of values tell. What may come from elsewhere all the same has to be unheard of."""
    if not one.word:
        yield Finding(path, one.line, one.column, one.end_line, one.rule, one.message, one.hint)
        return
    if _is_defined(one, known):
        return
    right = known.ordered(one.word, meant(one.word, one.names))
    if not right and one.rule == "misspelt-attribute":
        right = known.right_words(Use(one.word, one.line, one.column, one.end_line), keyword=False)
    fix = _sure(one.word, right, one.names)
    yield _finding(path, one, one.rule, one.message, right, fix)


def _is_defined(one: Certain, known: Known) -> bool:
    """Whether somebody who has a say in it knows the word."""
    if not one.strange:
        return False
    if one.word in known.project:
        return True
    if one.strange != "anywhere":
        return False
    if _is_private(one.word) and not known.installed:
        # What a missing package keeps to itself no list tells.
        return True
    return not one.word.startswith("__") and (
        not known.is_strange(one.word) or known.used.get(one.word, 0) > 2
    )


def _unbound(path: str, one: Certain, use: Use | None, known: Known) -> Iterator[Finding]:
    """A name that nothing binds; `use` is what is looked up in it. It may be a module that was not imported."""
    if _is_defined(one, known):
        return
    word = one.word
    module = known.modules.module(word)
    names = module.names - MODULE_NAMES if module is not None else frozenset[str]()
    slips: list[str] = []
    if use is not None and use.name not in names:
        slips = [name for name in candidates(use.name, names) if is_typical(use.name, name)]
        # `now` is said of the `time` in `datetime`, but also of what else `datetime` may be.
        slips = known.ordered(use.name, slips or ([] if word in names else said_as(use.name, names)))
    right = meant(word, one.names)
    if use is not None and (slips or use.name in names):
        yield _not_imported(path, one, f"import {word}")
        if slips:
            message = f"`{word}` has no `{use.name}`"
            yield _finding(path, use, "misspelt-member", message, slips)
    elif not right and word in names:
        # What is called like its module: `datetime.now()`, `getpass()`.
        yield _not_imported(path, one, f"from {word} import {word}")
    elif not right and use is None and known.modules.source(word) is not None:
        yield _not_imported(path, one, f"import {word}")
    else:
        right = right or (meant(word, known.modules.top_level) if module is None else [])
        right = right or [found for found in [nearest(word, known.project)] if found]
        # In another case it is one name of this file; else only a stumble is certain among all that is in sight.
        is_case = bool(right) and right[0].casefold() == word.casefold()
        is_sure = bool(right) and is_stumble(word, right[0])
        fix = (word, right[0]) if is_case else _sure(word, right, one.names) if is_sure else None
        yield _finding(path, one, one.rule, one.message, right, fix)


def _not_imported(path: str, one: Certain, statement: str) -> Finding:
    return Finding(path, one.line, one.column, one.end_line, one.rule, one.message, f"add `{statement}`")


def _near(path: str, use: Use, known: Known, rule: str, message: str) -> Iterator[Finding]:
    """A name that nobody defines, and that is a slip away from one that somebody does."""
    right = known.right_words(use, keyword=rule == "misspelt-keyword")
    if right:
        yield _finding(path, use, rule, message, right, known.fix(use.name, right[0]))


def _open_member(path: str, use: Use, known: Known) -> Iterator[Finding]:
    """A name that a module does not show, which may have more: a typical slip of one that it does show."""
    module = known.modules.module(use.owner) if use.owner else None
    if module is None or use.name in module.names or not known.is_unknown_to_all(use.name):
        return
    right = [word for word in candidates(use.name, module.names) if is_typical(use.name, word)]
    if right:
        yield _finding(path, use, "misspelt-member", f"`{use.owner}` shows no `{use.name}`", right)


def _foreign(path: str, use: Use, told: Evidence, known: Known) -> Iterator[Finding]:
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
        right = meant(name, {word for word in ATTRIBUTES[kind] if not word.startswith("_")})
        elsewhere = name in FOREIGN and any(word in right for word in FOREIGN[name])
        if (
            told.strength == "sure"
            or (
                told.strength == "likely"
                and ((is_unheard and known.covered and name not in known.project) or elsewhere)
            )
            or elsewhere
        ) and (elsewhere or not is_elsewhere):
            what = {"str": "text", "list": "a list", "dict": "a dictionary"}[kind]
            yield _finding(
                path, use, "misspelt-attribute", f"by its use this is {what}, which has no `.{name}`", right
            )
            return
    if is_elsewhere:
        return
    often = max(known.together[use.receiver, name], 1)
    beside = [
        word for word in FOREIGN.get(name, ()) if word != name and known.together[use.receiver, word] > often
    ]
    if beside and use.receiver and use.receiver not in COLUMNS:
        message = f"`{use.receiver}` is elsewhere something that has no `.{name}`"
        yield _finding(path, use, "misspelt-attribute", message, known.ordered(name, beside))
        return
    if is_unheard and name in FOREIGN and known.covered and not use.root:
        right = [word for word in FOREIGN[name] if word in TYPICAL]
        if right:
            yield _finding(
                path, use, "misspelt-attribute", f"nothing defines `.{name}`", known.ordered(name, right)
            )


def is_right(use: Use, modules: Modules) -> bool:
    """Whether what is imported is certainly there."""
    module = modules.module(use.owner)
    if module is None:
        return False
    return not use.name or use.name in module.names or modules.module(f"{use.owner}.{use.name}") is not None


def _import(path: str, use: Use, known: Known) -> Iterator[Finding]:
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
    names = module.names - MODULE_NAMES
    if not modules.lacks(use.owner, use.name):
        # Where more may be there than can be read, only a slip of what is there is told.
        near = (
            nearest(use.name, names)
            if module.open and use.name not in names and known.is_unknown_to_all(use.name)
            else ""
        )
        if not near or modules.module(f"{use.owner}.{use.name}") is not None:
            return
    found = known.ordered(use.name, meant(use.name, names))
    message = f"`{use.owner}` has no `{use.name}`"
    yield _finding(path, use, "misspelt-import", message, found, _sure(use.name, found, names))


def _top(path: str, use: Use, known: Known) -> Iterator[Finding]:
    """A package that is nowhere: misspelt, if another is a slip away that is there or that others import."""
    top, _, rest = use.owner.partition(".")
    # `ldap` comes from `python-ldap`, `serial` from `pyserial`.
    asked_for = (f"python_{top}", f"py{top}", f"{top}_python")
    count = max(known.required.get(top, 0), *(2 * known.required.get(name, 0) for name in asked_for))
    if top in shipped.names():
        yield from _from_absent(path, use, known)
        return
    here = [
        one
        for one in candidates(top, known.modules.top_level | shipped.names(), shortest=2)
        if (count < 2 or known.required.get(one, 0) > 3 * count)
        and (len(top) > 2 or _has(f"{one}.{rest}".rstrip("."), use.name if not rest else "", known))
    ]
    others = [one for one in candidates(top, known.required) if known.required[one] > 3 * count]
    right = [one for one in dict.fromkeys((*here, *others)) if _is_slip(top, one)]
    if not known.installed:
        right = [one for one in right if is_typical(top, one)]
    if right:
        fix = _sure(top, right, known.modules.top_level) if is_stumble(top, right[0]) else None
        told = [f"{one}.{rest}" if rest else one for one in right]
        yield _finding(path, use, "misspelt-import", f"there is no module `{top}`", told, fix)


def _has(module: str, name: str, known: Known) -> bool:
    """Whether there is such a module, with the name if there is one to look for."""
    found = known.modules.module(module)
    return found is not None and (name in found.names if name else "." in module)


def _from_absent(path: str, use: Use, known: Known) -> Iterator[Finding]:
    """A package that is not installed: only typical slips of what is known of it are told."""
    top, *inner = use.owner.split(".")
    words = shipped.words_of(top).defined
    for number, part in enumerate(inner):
        right = [one for one in candidates(part, words) if is_typical(part, one)] if part not in words else []
        if right:
            told = [".".join([top, *inner[:number], one, *inner[number + 1 :]]) for one in right]
            yield _finding(path, use, "misspelt-import", f"`{top}` knows no module `{part}`", told)
            return
    if use.name and use.name not in words and known.imported.get((top, use.name), 0) < 2:
        right = [one for one in candidates(use.name, words) if is_typical(use.name, one)]
        if right:
            message = f"`{use.owner}` has no `{use.name}`"
            yield _finding(path, use, "misspelt-import", message, known.ordered(use.name, right))


def _submodule(path: str, use: Use, known: Known) -> Iterator[Finding]:
    """A package that is there, and a module in it that is not."""
    package, _, last = use.owner.rpartition(".")
    parent = known.modules.module(package)
    while parent is None and "." in package:
        package, _, last = package.rpartition(".")
        parent = known.modules.module(package)
    if parent is None:
        return
    names = parent.names - MODULE_NAMES
    right = meant(last, names) or candidates(last, names, shortest=2)
    if parent.open and not candidates(last, names, shortest=2):
        return
    wrong = f"{package}.{last}"
    rest = use.owner.removeprefix(wrong)
    fix = (wrong, f"{package}.{right[0]}") if _sure(last, right, names) else None
    told = [f"{package}.{one}{rest}" for one in right]
    yield _finding(path, use, "misspelt-import", f"there is no module `{wrong}`", told, fix)
