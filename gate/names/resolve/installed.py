"""Look up what the standard library and installed packages define, package by package, and cache it.

Only packages that the project imports count, and those that these import in turn. A name that only an unused package
knows proves nothing.

Word lists are cached at two levels. Each package's list is cached by its content, according to its RECORD, so it
isn't read again when another package is installed. The combined list of all packages that the project imports is
cached in one file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gate.names.resolve import known_packages
from gate.names.resolve.package_words import (
    PackageWords,
    WordList,
    places_in,
    states_below,
    words_below,
    words_in,
)
from gate.names.store.workers import WorkerPool
from gate.store import key_of_entry, read_entry, write_entry

FORMAT = "words 5"
MOST = 2000
STDLIB = ""
"""The cache key of the standard library."""
OWN = "outside"
Answers = tuple[dict[str, bool], dict[str, bool], dict[str, dict[str, bool]], dict[str, dict[str, bool]]]
"""By word, whether the relevant packages define or mention it; by package, whether it defines or reaches each word."""
_FIRST = re.compile(rb"^\"?([^/,\n\".]+)(?:/|\.[^/,\n]+,)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Store:
    """The cache locations: the combined list in a file below `own`, each package's list in `packages`.

    `environment` differs for every state of the installed packages.
    """

    own: Path
    packages: Path
    environment: str


class InstalledPackages:
    """The packages outside the project, by top-level name."""

    def __init__(self, typeshed: Path | None, site: Iterable[Path], store: Store | None = None) -> None:
        """Read nothing yet. Without a store, nothing is cached."""
        self._store = store
        self.key = ""
        """The key of the most recent relevant words; empty without a store."""
        self._read: dict[str, PackageWords] = {}
        self._relevant = PackageWords()
        self._defines: dict[str, dict[str, bool]] = {}
        self._reaches: dict[str, dict[str, bool]] = {}
        self._ahead: WorkerPool | None = None
        self._tops: frozenset[str] = frozenset()
        """The packages that the project imports; edits to their files are detected too."""
        self._typeshed = typeshed
        self._site = [folder for folder in site if folder.is_dir()]
        self._places = places_in(self._site)

    def begin(self, tops: Iterable[str]) -> None:
        """Start reading the packages that will likely be needed in other processes, unless everything is cached."""
        self._tops = frozenset(tops)
        if self._store is not None and _environment_of(self._store.own / OWN) == self._store.environment:
            return
        names = sorted(self._places.keys() | known_packages.names())
        first = [STDLIB, *sorted(self._tops.intersection(names))]
        self._ahead = WorkerPool(
            [STDLIB, *names], lambda name: _plain(self.words_of(name)), first=first, more=_imported
        )

    @property
    def names(self) -> AbstractSet[str]:
        """The top-level names of the installed packages."""
        return self._places.keys()

    def words_of(self, name: str) -> PackageWords:
        """Return the words of a package, or of the standard library for `STDLIB`.

        They come from the package's own files if it is installed, otherwise from the list that ships with gate.
        """
        if name not in self._read:
            location = self._place(name)
            self._read[name] = (
                known_packages.words_of(name) if location is None else self._installed(name, location)
            )
        return self._read[name]

    def _installed(self, name: str, location: Path) -> PackageWords:
        path = self._path(name, location)
        words = _load(path, path.name) if path else None
        if words is None:
            words = words_below(location)
            if path:
                _store(path, path.name, "", words)
        return words

    def knows(self, name: str) -> bool:
        """Return whether gate knows what a package defines."""
        return name in self._places or name in known_packages.names()

    def defines(self, name: str, word: str) -> bool:
        """Return whether a package, installed or listed, or the standard library (`STDLIB`) itself defines `word`."""
        answers = self._defines.setdefault(name, {})
        if word not in answers:
            answers[word] = word in self.words_of(name).defined
        return answers[word]

    def reaches(self, name: str, word: str) -> bool:
        """Return whether a package, or one that it imports, defines or mentions `word`."""
        answers = self._reaches.setdefault(name, {})
        if word not in answers:
            words = self.words_of(name)
            packages = (words, *map(self.words_of, words.imported - {name}))
            answers[word] = any(word in package.defined or word in package.mentions for package in packages)
        return answers[word]

    def passed_on(self, name: str) -> frozenset[str]:
        """Return the words that a package only mentions and that one of its imports defines: it may re-export them."""
        words = self.words_of(name)
        packages = map(self.words_of, words.imported - {name})
        return frozenset(
            word for package in packages for word in words_in(package.defined) if word in words.mentions
        )

    def recall(self, answers: Answers) -> None:
        """Reuse the answers of an earlier run, so that repeated queries read nothing."""
        defined, mentions, *packages = answers
        self._defines, self._reaches = (
            {name: {**by_word} for name, by_word in by_name.items()} for by_name in packages
        )
        for words, by_word in ((self._relevant.defined, defined), (self._relevant.mentions, mentions)):
            if isinstance(words, WordList):
                words.answers |= by_word

    def answers(self, words: Iterable[str]) -> Answers:
        """Return the answers to save for the next run: whether each of `words` is relevant, and all other queries."""
        relevance = []
        for part in (self._relevant.defined, self._relevant.mentions):
            by_word = {word: word in part for word in words}
            relevance.append(part.answers if isinstance(part, WordList) else by_word)
        return relevance[0], relevance[1], self._defines, self._reaches

    def _place(self, name: str) -> Path | None:
        """Return where a package is installed, or None if it isn't."""
        return self._typeshed if name == STDLIB else self._places.get(name)

    def _path(self, name: str, location: Path) -> Path | None:
        """Return the cache path of a package's list, which depends on its content, or None without a store."""
        if self._store is None:
            return None
        state = self._records.get(name) or _state(location)
        if name in self._tops:
            state = _digest(state, *states_below(location))
        return self._store.packages / _digest(FORMAT, location.name, state)

    def relevant(self, imported: Iterable[str]) -> PackageWords:
        """Return all words of the standard library, the imported packages, and the packages that these import in turn.

        For a package that isn't installed, the list that ships with gate is used if it has the package.
        """
        names = sorted({name for name in imported if name in self._places or name in known_packages.names()})
        if self._store is None:
            return self._together(names)
        self.key = _digest(
            FORMAT, self._store.environment, _state(known_packages.LIST), str(self._typeshed), *names
        )
        path = self._store.own / OWN
        words = _load(path, self.key, self._store.environment)
        if words is None:
            words = self._together(names)
            _store(path, self.key, self._store.environment, words)
            _prune(self._store.packages)
        self._relevant = words
        return words

    def _together(self, names: list[str]) -> PackageWords:
        if self._ahead is not None:
            for name, plain in self._ahead.answers().items():
                self._read[name] = PackageWords(*map(WordList, plain))
            self._ahead = None
        seen, next_ones = set[str](), set(names)
        library = self.words_of(STDLIB)
        defined, mentions = set(words_in(library.defined)), set(words_in(library.mentions))
        while next_ones:
            seen |= next_ones
            packages = [self.words_of(name) for name in next_ones]
            defined.update(*(words_in(words.defined) for words in packages))
            mentions.update(*(words_in(words.mentions) for words in packages))
            imported = frozenset[str]().union(*(words.imported for words in packages))
            next_ones = {name for name in imported - seen if self.knows(name)}
        return PackageWords(frozenset(defined), frozenset(mentions), frozenset(seen))

    @cached_property
    def _records(self) -> Mapping[str, str]:
        """For each top-level name in a RECORD of an installed distribution, a digest of all RECORDs that list it."""
        digests: dict[str, list[str]] = {}
        for folder in self._site:
            for record in sorted(folder.glob("*.dist-info/RECORD")):
                try:
                    data = record.read_bytes()
                except OSError:
                    continue
                digest = hashlib.sha256(data).hexdigest()
                for name in set(_FIRST.findall(data)):
                    digests.setdefault(name.decode("utf-8", "replace"), []).append(digest)
        return {name: _digest(*parts) for name, parts in digests.items()}


def _load(path: Path, key: str, environment: str = "") -> PackageWords | None:
    """Return the words cached at `path`, or None if the entry is incomplete or has another key.

    Entries are plain text, so the worst that a manipulated one can contain is wrong words.
    """
    body = read_entry(path, f"{FORMAT} {key} {environment}")
    if body is None:
        return None
    parts = body.split(b"\n\n")
    return PackageWords(*map(WordList, parts)) if len(parts) == 3 else None


def _store(path: Path, key: str, environment: str, words: PackageWords) -> None:
    write_entry(path, f"{FORMAT} {key} {environment}", b"\n\n".join(_plain(words)))


def _plain(words: PackageWords) -> tuple[bytes, ...]:
    """Encode the three lists as bytes, the fastest form to pass between processes."""
    return tuple("\n".join(part).encode("utf-8") for part in (words.defined, words.mentions, words.imported))


def _imported(plain: tuple[bytes, ...]) -> list[str]:
    return [name for name in plain[2].decode("utf-8").split("\n") if name]


def _environment_of(path: Path) -> str:
    """Return the environment that a list was cached for."""
    return key_of_entry(path).rpartition(" ")[2]


def _prune(folder: Path) -> None:
    """Delete the older half of the entries if there are more than `MOST`."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in entries[: len(entries) // 2] if len(entries) > MOST else ():
            path.unlink()
    except OSError:
        return


def _state(location: Path) -> str:
    """Return a digest of a path and its state. Installing another version changes its folder or its `__init__` file."""
    parts = [str(location)]
    for path in (location, location / "__init__.py", location / "__init__.pyi"):
        try:
            status = path.stat()
            parts.append(f"{status.st_mtime_ns} {status.st_size} {status.st_ino}")
        except OSError:
            parts.append("")
    return _digest(*parts)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
