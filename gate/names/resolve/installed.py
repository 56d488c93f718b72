"""What the standard library and the installed packages define, package by package, and its cache.

Only what the project imports counts, and what that imports in turn: a name that is known to a package that
nobody here uses says nothing.

Lists are cached twice. The list of one package is cached by its content, according to its RECORD, so it is not
read again when another one is installed. The list of all that a project imports is cached in one file.
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
"""Of words, whether what is relevant defines or says them; of packages, whether they define words, or reach them."""
_FIRST = re.compile(rb"^\"?([^/,\n\".]+)(?:/|\.[^/,\n]+,)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Store:
    """Where lists are cached: that of all together in a file of `own`, those of the packages in a folder.

    `environment` is another text for every other state of what is installed.
    """

    own: Path
    packages: Path
    environment: str


class InstalledPackages:
    """The packages outside of the project, by their top name."""

    def __init__(self, typeshed: Path | None, site: Iterable[Path], store: Store | None = None) -> None:
        """Nothing is read yet, and nothing is cached without a store."""
        self._store = store
        self.key = ""
        """What decides the words that were relevant last; empty without a store."""
        self._read: dict[str, PackageWords] = {}
        self._relevant = PackageWords()
        self._defines: dict[str, dict[str, bool]] = {}
        self._reaches: dict[str, dict[str, bool]] = {}
        self._ahead: WorkerPool | None = None
        self._tops: frozenset[str] = frozenset()
        """The packages that the project imports: for these, edited files count as well."""
        self._typeshed = typeshed
        self._site = [folder for folder in site if folder.is_dir()]
        self._places = places_in(self._site)

    def begin(self, tops: Iterable[str]) -> None:
        """Let another process read what will likely be asked for, unless all of it is cached."""
        self._tops = frozenset(tops)
        if self._store is not None and _environment_of(self._store.own / OWN) == self._store.environment:
            return
        known = sorted(self._places.keys() | known_packages.names())
        first = [STDLIB, *sorted(self._tops.intersection(known))]
        self._ahead = WorkerPool(
            [STDLIB, *known], lambda name: _plain(self.words_of(name)), first=first, more=_imported
        )

    @property
    def names(self) -> AbstractSet[str]:
        """The packages that are there."""
        return self._places.keys()

    def words_of(self, name: str) -> PackageWords:
        """What is known of a package, or of the standard library as `LIBRARY`.

        It is what a package says itself if it is installed, else what the list says of it.
        """
        if name not in self._read:
            place = self._place(name)
            self._read[name] = (
                known_packages.words_of(name) if place is None else self._installed(name, place)
            )
        return self._read[name]

    def _installed(self, name: str, place: Path) -> PackageWords:
        path = self._path(name, place)
        found = _load(path, path.name) if path else None
        if found is None:
            found = words_below(place)
            if path:
                _store(path, path.name, "", found)
        return found

    def knows(self, name: str) -> bool:
        """Whether it is known what a package defines."""
        return name in self._places or name in known_packages.names()

    def defines(self, name: str, word: str) -> bool:
        """Whether a package, installed or known, defines a word itself; or the standard library, as `LIBRARY`."""
        answers = self._defines.setdefault(name, {})
        if word not in answers:
            answers[word] = word in self.words_of(name).defined
        return answers[word]

    def reaches(self, name: str, word: str) -> bool:
        """Whether a package, or one that it imports, says a word in any way."""
        answers = self._reaches.setdefault(name, {})
        if word not in answers:
            words = self.words_of(name)
            near = (words, *map(self.words_of, words.imported - {name}))
            answers[word] = any(word in one.defined or word in one.said for one in near)
        return answers[word]

    def passed_on(self, name: str) -> frozenset[str]:
        """What a package says and one defines that it imports, as what it only hands on."""
        words = self.words_of(name)
        near = map(self.words_of, words.imported - {name})
        return frozenset(word for one in near for word in words_in(one.defined) if word in words.said)

    def recall(self, answers: Answers) -> None:
        """Begin with what an earlier run has asked: what is asked again need not be read."""
        defined, said, *packages = answers
        self._defines, self._reaches = (
            {name: {**known} for name, known in asked.items()} for asked in packages
        )
        for words, known in ((self._relevant.defined, defined), (self._relevant.said, said)):
            if isinstance(words, WordList):
                words.answers |= known

    def answers(self, words: Iterable[str]) -> Answers:
        """For the next run, of all of `words` whether they are relevant, and what else was asked."""
        found = []
        for part in (self._relevant.defined, self._relevant.said):
            known = {word: word in part for word in words}
            found.append(part.answers if isinstance(part, WordList) else known)
        return found[0], found[1], self._defines, self._reaches

    def _place(self, name: str) -> Path | None:
        """Where it is installed."""
        return self._typeshed if name == STDLIB else self._places.get(name)

    def _path(self, name: str, place: Path) -> Path | None:
        """Where the list of a package is cached, by its content."""
        if self._store is None:
            return None
        state = self._records.get(name) or _state(place)
        if name in self._tops:
            state = _digest(state, *states_below(place))
        return self._store.packages / _digest(FORMAT, place.name, state)

    def relevant(self, imported: Iterable[str]) -> PackageWords:
        """All that the packages of these names know, and those that they import in turn.

        Where one is not installed, the list that comes with gate answers for it, if it knows it.
        """
        wanted = sorted({name for name in imported if name in self._places or name in known_packages.names()})
        if self._store is None:
            return self._together(wanted)
        self.key = _digest(
            FORMAT, self._store.environment, _state(known_packages.LIST), str(self._typeshed), *wanted
        )
        path = self._store.own / OWN
        found = _load(path, self.key, self._store.environment)
        if found is None:
            found = self._together(wanted)
            _store(path, self.key, self._store.environment, found)
            _prune(self._store.packages)
        self._relevant = found
        return found

    def _together(self, wanted: list[str]) -> PackageWords:
        if self._ahead is not None:
            for name, plain in self._ahead.answers().items():
                self._read[name] = PackageWords(*map(WordList, plain))
            self._ahead = None
        seen, next_ones = set[str](), set(wanted)
        library = self.words_of(STDLIB)
        defined, said = set(words_in(library.defined)), set(words_in(library.said))
        while next_ones:
            seen |= next_ones
            found = [self.words_of(name) for name in next_ones]
            defined.update(*(words_in(words.defined) for words in found))
            said.update(*(words_in(words.said) for words in found))
            imported = frozenset[str]().union(*(words.imported for words in found))
            next_ones = {name for name in imported - seen if self.knows(name)}
        return PackageWords(frozenset(defined), frozenset(said), frozenset(seen))

    @cached_property
    def _records(self) -> Mapping[str, str]:
        """Of each package that something installed has a RECORD of: all that the RECORDs say."""
        found: dict[str, list[str]] = {}
        for folder in self._site:
            for record in sorted(folder.glob("*.dist-info/RECORD")):
                try:
                    data = record.read_bytes()
                except OSError:
                    continue
                told = hashlib.sha256(data).hexdigest()
                for name in set(_FIRST.findall(data)):
                    found.setdefault(name.decode("utf-8", "replace"), []).append(told)
        return {name: _digest(*told) for name, told in found.items()}


def _load(path: Path, key: str, environment: str = "") -> PackageWords | None:
    """What is cached at `path`, if it is whole and answers for `key`: plain text, so nothing worse than wrong words."""
    body = read_entry(path, f"{FORMAT} {key} {environment}")
    if body is None:
        return None
    parts = body.split(b"\n\n")
    return PackageWords(*map(WordList, parts)) if len(parts) == 3 else None


def _store(path: Path, key: str, environment: str, words: PackageWords) -> None:
    write_entry(path, f"{FORMAT} {key} {environment}", b"\n\n".join(_plain(words)))


def _plain(words: PackageWords) -> tuple[bytes, ...]:
    """The three lists as texts, which are handed from process to process fastest."""
    return tuple("\n".join(part).encode("utf-8") for part in (words.defined, words.said, words.imported))


def _imported(plain: tuple[bytes, ...]) -> list[str]:
    return [name for name in plain[2].decode("utf-8").split("\n") if name]


def _environment_of(path: Path) -> str:
    """The environment for which a list was cached."""
    return key_of_entry(path).rpartition(" ")[2]


def _prune(folder: Path) -> None:
    """Forget the older half when there are too many."""
    try:
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in kept[: len(kept) // 2] if len(kept) > MOST else ():
            path.unlink()
    except OSError:
        return


def _state(place: Path) -> str:
    """The place and its state: installing another version of it touches its folder and its first file."""
    parts = [str(place)]
    for path in (place, place / "__init__.py", place / "__init__.pyi"):
        try:
            told = path.stat()
            parts.append(f"{told.st_mtime_ns} {told.st_size} {told.st_ino}")
        except OSError:
            parts.append("")
    return _digest(*parts)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
