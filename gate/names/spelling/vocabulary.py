"""Find the word that is meant by one that nothing defines, among the words of the project and its packages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gate.names.resolve import known_packages
from gate.names.resolve.installed import STDLIB, InstalledPackages
from gate.names.resolve.modules import Modules
from gate.names.spelling.known_words import BUILTIN_ATTRIBUTES, KnownWords
from gate.names.spelling.similarity import (
    Vocabulary,
    candidates,
    is_common_typo,
    is_plausible_typo,
    is_transposition_or_doubling,
    parts,
    plain,
)
from gate.names.spelling.synonyms import SYNONYMS
from gate.names.syntax.facts import COLUMNS, Facts, Use


@dataclass(slots=True)
class ProjectVocabulary(KnownWords):
    """The known words of a project, and how to choose among them."""

    def right_words(self, use: Use, *, keyword: bool) -> list[str]:
        """Return the words that may be meant, most likely first. Empty if the written word may be right."""
        word, count = use.name, self.used.get(use.name, 0)
        if self._is_given_elsewhere(word, keyword=keyword):
            return []
        if word in self.project or word in BUILTIN_ATTRIBUTES or "__" in word.strip("_"):
            return []
        if use.receiver in COLUMNS or self.is_of_fixture(use.receiver, word):
            # `func.json_set` becomes an SQL function.
            return []
        top = use.owner.partition(".")[0]
        if top and self.packages.knows(top) and self.packages.reaches(top, word):
            # `click.Option` exists, however often `click.option` is used.
            return []
        strong = [
            candidate
            for candidate in candidates(word, self.usual, shortest=2)
            if is_plausible_typo(word, candidate)
            and (keyword or not self._is_class_beside_value(use, candidate))
        ]
        strong = [candidate for candidate in strong if not _is_other_convention(word, candidate)]
        if keyword:
            # `ExternalId=` beside `ExternalID`: parameter names of services follow no rule of case.
            may_differ = not word[0].isupper()
            strong = [
                candidate
                for candidate in strong
                if plain(word) != plain(candidate)
                or (
                    is_common_typo(word, candidate)
                    and (may_differ or self.together.get((use.receiver, candidate), 0) > 1)
                )
            ]
        beside = [candidate for candidate in strong if self._is_beside(use, candidate)]
        origin = use.root.partition(".")[0]
        if origin and self.modules.origin(origin) == "site" and not self.packages.knows(origin):
            # The project's own uses are the only evidence. Constants come in families.
            return [] if word.isupper() else self.ordered(word, beside)
        if word in self.outside.defined or (keyword and word in self.outside.mentions):
            return self.ordered(word, beside) if beside and count == 1 else []
        strong = [candidate for candidate in strong if self._is_weighty(use, candidate)]
        if len(word) < 3 or word in self.outside.mentions or not self.installed:
            certain = [
                candidate
                for candidate in strong
                if is_common_typo(word, candidate) and self._is_sure(use, candidate, keyword=keyword)
            ]
            return self.ordered(word, dict.fromkeys([*beside, *certain]))
        if strong:
            return self.ordered(word, strong)
        return (
            [candidate for candidate in candidates(word, self.elsewhere) if _is_sole_typo(word, candidate)]
            if count == 1
            else []
        )

    def _is_given_elsewhere(self, word: str, *, keyword: bool) -> bool:
        """Return whether a keyword of some call may create an attribute, like `annotate(total=...)` of an ORM.

        For a keyword itself, return whether it has two letters: such keywords are close to too many words.
        """
        return len(word) < 3 if keyword else word in self.keywords

    def _is_class_beside_value(self, use: Use, correction: str) -> bool:
        """Return whether one is a class, and the other a value or module: `Token.Continuation`, `webdriver.firefox`."""
        word = use.name
        if word[0].isupper() == correction[0].isupper() or word[1:] != correction[1:]:
            return False
        return bool(use.root) or (word[0].isupper() and use.receiver[:1].isupper())

    def _is_beside(self, use: Use, correction: str) -> bool:
        """Return whether the project often looks up `correction` on receivers of the same name."""
        often = self.together.get((use.receiver, correction), 0)
        plural = use.name.rstrip("s") == correction.rstrip("s")
        return bool(use.receiver) and often > 1 and not plural and is_common_typo(use.name, correction)

    def _is_weighty(self, use: Use, correction: str) -> bool:
        """Return whether `correction` is used often enough.

        A word that is written more than once is a typo only of one that is far more frequent.
        """
        count = self.used.get(use.name, 0)
        defined = self.is_defined(correction)
        if count < 2:
            return defined or self.used.get(correction, 0) > 1
        return defined and is_common_typo(use.name, correction) and self.used.get(correction, 0) >= 2 * count

    def _is_sure(self, use: Use, correction: str, *, keyword: bool) -> bool:
        word = use.name
        if (
            not self.installed
            and word.startswith("_")
            and (len(word) < 6 or word.rstrip("s") == correction.rstrip("s"))
        ):
            # The lists omit private names of packages that are not installed.
            return False
        if not self.installed and plain(word) == plain(correction) and len(word) != len(correction):
            return False
        if word.casefold() == correction.casefold():
            # `module.Name` beside `module.name` is common; a case difference only inside a word is not.
            return (
                word[0] == correction[0]
                or (not use.root and not keyword and word[0].isupper())
                or "_" in word
            )
        if len(word) < 3:
            return not word.isupper() and (
                correction in BUILTIN_ATTRIBUTES or self.used.get(correction, 0) > 2
            )
        is_covered = self.covered or not self._is_made_of_words(word)
        return is_covered and (
            self.used.get(correction, 0) > 1
            or correction in BUILTIN_ATTRIBUTES
            or correction in self.attributes
        )

    def _is_made_of_words(self, word: str) -> bool:
        """Return whether a name consists of words that others use too, like a name from a missing package would."""
        if not self._parts:
            library = self.packages.words_of(STDLIB)
            every = (*library.defined, *library.mentions)
            self._parts = frozenset(part for name in every for part in parts(name) if len(part) > 2)
        return all(part in self._parts for part in parts(word))

    def ordered(self, word: str, corrections: Iterable[str]) -> list[str]:
        """Sort corrections of `word`: other case or underscores first, then common typos, then words in use."""

        def rank(correction: str) -> tuple[bool, bool, bool, bool]:
            return (
                plain(word) != plain(correction),
                not is_common_typo(word, correction),
                not self.used.get(correction, 0),
                correction not in BUILTIN_ATTRIBUTES,
            )

        ranked = sorted(corrections, key=rank)
        if not ranked:
            return []
        elsewhere = [candidate for candidate in SYNONYMS.get(word, ()) if candidate in ranked]
        if elsewhere and all(
            candidate in elsewhere or candidate.casefold() == word.casefold() for candidate in ranked
        ):
            # `logger` for `getLogger`: the class `Logger` is closer only in spelling.
            return [*elsewhere, *(candidate for candidate in ranked if candidate not in elsewhere)]
        return (
            [correction for correction in ranked if is_common_typo(word, correction)]
            if is_common_typo(word, ranked[0])
            else ranked
        )

    def fix(self, word: str, correction: str) -> tuple[str, str] | None:
        """Return both words if the typo is mechanical and nothing defines another word that may be meant, else None."""
        if not is_transposition_or_doubling(word, correction):
            return None
        everywhere = {*candidates(word, self.usual), *candidates(word, self.elsewhere)}
        return (word, correction) if everywhere == {correction} else None


def _is_other_convention(word: str, suggestion: str) -> bool:
    """Return whether another library may use this name for the same thing: `GetPath` beside `getPath`."""
    is_capital = word[0] != suggestion[0] and word[0].casefold() == suggestion[0].casefold()
    return is_capital and word[1:] == suggestion[1:] and not word[1:].islower() and "_" not in word


def _is_sole_typo(word: str, correction: str) -> bool:
    """Return whether `word` is a common typo of `correction`, a word that the project doesn't use.

    A plural, or another case of the first letter, doesn't count.
    """
    is_other_case = word.casefold() == correction.casefold() and word[0] != correction[0]
    return (
        is_plausible_typo(word, correction)
        and is_common_typo(word, correction)
        and not is_other_case
        and word.rstrip("s") != correction.rstrip("s")
    )


def _computed(
    files: Iterable[Facts], affixes: frozenset[tuple[str, str]], project: frozenset[str]
) -> Iterator[str]:
    """Yield the attributes that code may set by a computed name, since they begin and end like one.

    A common typo of a word that the project defines remains one.
    """
    if not affixes:
        return
    defined = Vocabulary(project)
    for facts in files:
        for use in (*facts.attributes, *facts.members):
            word = use.name
            is_made = word not in project and any(
                len(word) > len(first) + len(last) and word.startswith(first) and word.endswith(last)
                for first, last in affixes
            )
            if is_made and not any(is_common_typo(word, close) for close in candidates(word, defined)):
                yield word


def vocabulary_of(
    files: Iterable[Facts], outside: InstalledPackages, modules: Modules, required: frozenset[str]
) -> ProjectVocabulary:
    """Return everything that is defined, and how often the project uses each attribute and keyword.

    `required` are the words in the files that declare the project's dependencies.
    """
    files = list(files)
    project = frozenset(word for facts in files for word in facts.words)
    affixes = frozenset[tuple[str, str]]().union(*(facts.affixes for facts in files))
    computed = frozenset(_computed(files, affixes, project))
    project |= computed
    used: Counter[str] = Counter()
    together: Counter[tuple[str, str]] = Counter()
    for facts in files:
        for use in (*facts.attributes, *facts.members, *facts.keywords):
            used[use.name] += 1
            together[use.receiver, use.name] += 1
    tops = Counter(top for facts in files for top in {use.owner.partition(".")[0] for use in facts.imports})
    words = outside.relevant({*tops, *(word for word in project if word in outside.names)})
    missing = [top for top in tops if top and not modules.is_known_package(top)]
    unknown = [top for top in missing if top not in known_packages.names() and tops[top] > 1]
    return ProjectVocabulary(
        project=project,
        own=frozenset(word for facts in files for word in facts.words - facts.only_imported),
        packages=outside,
        attributes=computed.union(*(facts.attributes_defined for facts in files)),
        capitals=Counter(
            use.receiver
            for facts in files
            for use in facts.attributes
            if use.name[0].isupper() and not use.root
        ),
        tops=frozenset(tops) - {""},
        fields=frozenset().union(*(facts.fields for facts in files))
        - frozenset().union(*(facts.functions for facts in files)),
        keywords=frozenset(use.name for facts in files for use in facts.keywords),
        classes=frozenset(name.casefold() for facts in files for name in facts.functions),
        synchronous=frozenset().union(*(facts.synchronous for facts in files)),
        texts=frozenset().union(*(facts.texts for facts in files)),
        fixtures=frozenset().union(*(facts.fixtures for facts in files)),
        fixture_requests=Counter(request.name for facts in files for request in facts.fixture_requests),
        environment=Counter(use.name for facts in files for use in facts.environment_keys),
        outside=words,
        used=used,
        together=together,
        modules=modules,
        required=Counter(required) + tops,
        requirements=required,
        usual=Vocabulary(project | BUILTIN_ATTRIBUTES | used.keys()),
        elsewhere=Vocabulary(words.defined),
        installed=not missing or len(missing) * 4 < len(words.imported & outside.names),
        covered=len(unknown) * 4 < len(words.imported),
        imported=Counter(
            (use.owner.partition(".")[0], use.name) for facts in files for use in facts.imports if use.name
        ),
    )
