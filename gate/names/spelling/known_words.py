"""The known words: what the project, its packages, and the builtins define, and how often the project uses it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.names.resolve.installed import InstalledPackages
from gate.names.resolve.modules import Modules
from gate.names.resolve.package_words import PackageWords
from gate.names.spelling.similarity import (
    Vocabulary,
)
from gate.names.spelling.synonyms import SYNONYMS
from gate.names.syntax.fixtures import OF_PYTEST

_KINDS = (str, bytes, int, float, list, dict, set, tuple, type, BaseException, object)
BUILTIN_ATTRIBUTES = frozenset(name for kind in _KINDS for name in dir(kind))
TYPICAL = frozenset(name for kind in (str, list, dict) for name in dir(kind) if not name.startswith("_"))


MADE_BY_DJANGO = re.compile(
    r"(?:id|pk|objects|DoesNotExist|MultipleObjectsReturned|get_\w+_display|get_(?:next|previous)_by_\w+|\w+_(?:set|id|ptr))$"
)
_EMPTY = Vocabulary(frozenset())


@dataclass(slots=True)
class KnownWords:
    """The words that the project, its packages, and the builtins define."""

    project: frozenset[str]
    attributes: frozenset[str]
    outside: PackageWords
    packages: InstalledPackages
    used: Mapping[str, int]
    together: Counter[tuple[str, str]]
    modules: Modules
    required: Mapping[str, int]
    """How often files import each package, plus one for each word in `requirements`."""
    requirements: frozenset[str]
    """The words in the files that declare the project's dependencies."""
    installed: bool
    covered: bool
    """Whether the names in all imported packages are known, at least from the list shipped with gate."""
    imported: Mapping[tuple[str, str], int]
    """How often each name is imported from each package."""
    capitals: Counter[str] = field(default_factory=Counter)
    """By name of an object that is not a module, how often class names are looked up in it."""
    tops: frozenset[str] = frozenset()
    """The packages that the project imports."""
    fields: frozenset[str] = frozenset()
    """Attributes that always hold plain values in the project, and so can't be called."""
    keywords: frozenset[str] = frozenset()
    """Keywords that the project passes in any call."""
    classes: frozenset[str] = frozenset()
    """Lowercase names of the project's functions and classes."""
    synchronous: frozenset[str] = frozenset()
    """The project's functions that are not async."""
    texts: frozenset[str] = frozenset()
    """Words in the project's strings: code may set attributes by name."""
    fixtures: frozenset[str] = frozenset()
    """The pytest fixtures that the project defines."""
    fixture_requests: dict[str, int] = field(default_factory=dict)
    """How often tests request each fixture."""
    environment: dict[str, int] = field(default_factory=dict)
    """How often the project uses each environment variable."""
    own: frozenset[str] = frozenset()
    """The project's words, except those that it only imports."""
    usual: Vocabulary = _EMPTY
    """Names that the project defines or uses, and attributes of builtins."""
    elsewhere: Vocabulary = _EMPTY
    """Names that packages define."""
    _parts: frozenset[str] = frozenset()

    def is_defined(self, word: str) -> bool:
        """Return whether anything is known to have an attribute of this name."""
        return word in self.project or word in BUILTIN_ATTRIBUTES or word in self.outside.defined

    def is_strange(self, word: str) -> bool:
        """Return whether nothing defines the word. Names joined by `__`, as in the queries of an ORM, don't count."""
        return len(word) > 1 and "__" not in word.strip("_") and not self.is_defined(word)

    def is_unknown_to_all(self, word: str) -> bool:
        """Return whether the word occurs only where it is imported."""
        return word not in self.own and word not in self.outside.defined and "__" not in word.strip("_")

    def has(self, word: str, *, is_called: bool) -> bool:
        """Return whether something in the project has an attribute of this name, a callable one if `is_called`."""
        return word in self.attributes and not (is_called and word in self.fields)

    def may_be_of_model(self, word: str) -> bool:
        """Return whether Django may add the attribute to a model: for a related model or a query's keyword."""
        is_made = word.startswith("_") or MADE_BY_DJANGO.match(word) is not None
        return is_made or word in self.keywords or word.replace("_", "").casefold() in self.classes

    def is_of_fixture(self, receiver: str, name: str) -> bool:
        """Return whether a name is looked up on a pytest fixture, which a test gets without importing anything."""
        return receiver in OF_PYTEST and (
            not self.packages.knows("pytest") or self.packages.reaches("pytest", name)
        )

    def is_made(self, word: str) -> bool:
        """Return whether a framework that the project uses creates attributes with such names."""
        return "django" in self.tops and MADE_BY_DJANGO.match(word) is not None

    def is_habit(self, word: str) -> bool:
        """Return whether the project looks up a name so often that it must be right, however strange."""
        count = self.used.get(word, 0)
        return count > 8 and 2 * count > max(
            (self.used.get(synonym, 0) for synonym in SYNONYMS.get(word, ())), default=0
        )
