"""Collect the words that a package's files define, by searching their text without parsing it.

A word too many lets a typo pass; a missing word causes a false positive.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Item = TypeVar("Item")
_WORTH_READING = 8
"""The number of searches that take as long as splitting a list."""
LARGEST = 2 * 1024 * 1024
LARGEST_NATIVE = 16 * 1024 * 1024
NATIVE = (".so", ".pyd")
_SKIPPED = frozenset({"__pycache__", "tests", "test"})
# Each pattern starts with a specific character, which is fastest to search for, and never backtracks (`++`): this
# determines the time of a first run.
_LINES = re.compile(
    rb"\n(?:[ \t]*+(?:(?:async[ \t]++)?(?:def|class)[ \t]++(\w++)|(?:from|import)[ \t]++([A-Za-z_]\w*+))"
    rb"|[ \t]++(\w++)[ \t]*+(?:(?::[^=\n]++)?+=(?!=)|:[ \t]*+[\w\"'])"
    rb"|(\w++)[ \t]*+(?::[^=\n]++)?+=(?!=))"
)
"""What a line defines, the package it imports, and what it binds in an inner block or at module level."""
_STORED = re.compile(rb"\.(\w++)[ \t]*+(?::[^=\n(]++)?+=(?!=)")
_MENTIONED = [
    re.compile(rb"\"([A-Za-z_]\w{2,}+)\""),
    re.compile(rb"'([A-Za-z_]\w{2,}+)'"),
    re.compile(rb"\([ \t]*+\*{0,2}+([A-Za-z_]\w{2,}+)[ \t]*+(?=[,)=:])"),
    re.compile(rb",[ \t]*+\*{0,2}+([A-Za-z_]\w{2,}+)[ \t]*+(?=[,)=:])"),
]
"""Strings that are names, and parameters."""
_IMPORTED = re.compile(rb"\n[ \t]*+(?:from|import)[ \t]++([A-Za-z_]\w*+)")
_PART = re.compile(rb"[^/\\.]+")
_WORD = re.compile(rb"[A-Za-z_]\w{2,40}+")


@dataclass(frozen=True, slots=True)
class PackageWords:
    """The words that a package defines, those that it only mentions (parameters, strings), and the packages it imports.

    A module named after another package (`pydantic/mypy.py`, `sentry_sdk/integrations/django/`) exists for users of
    that package, so its import of that package doesn't count.
    """

    defined: AbstractSet[str] = frozenset()
    mentions: AbstractSet[str] = frozenset()
    imported: AbstractSet[str] = frozenset()


class WordList(AbstractSet[str]):
    """A set of words stored as lines of bytes, which are only split when a query needs it.

    Packages have hundreds of thousands of words; a project queries few of them, and mostly the same ones.
    """

    def __init__(self, lines: bytes) -> None:
        """Store the words, one per line. No line may be empty."""
        self._lines = b"\n%s\n" % lines
        self._all: frozenset[str] | None = None
        self._searched = 0
        self.answers: dict[str, bool] = {}
        """Words asked for earlier, with whether the list has them."""

    @property
    def all(self) -> frozenset[str]:
        """All words."""
        if self._all is None:
            self._all = frozenset(self.lines())
        return self._all

    def lines(self) -> list[str]:
        """Return all words in the order of the list."""
        text = self._lines[1:-1].decode("utf-8", "replace")
        return text.split("\n") if text else []

    def __contains__(self, word: object) -> bool:
        """Return whether `word` is in the list. The first few words are searched for without splitting the list."""
        if not isinstance(word, str):
            return False
        answer = self.answers.get(word)
        if answer is None:
            if self._all is None and self._searched < _WORTH_READING:
                self._searched += 1
                answer = b"\n%s\n" % word.encode("utf-8", "replace") in self._lines
            else:
                answer = word in self.all
            self.answers[word] = answer
        return answer

    def __iter__(self) -> Iterator[str]:
        """Iterate over all words, in no particular order."""
        return iter(self.all)

    def __len__(self) -> int:
        """Return the number of words."""
        return len(self.all)

    @classmethod
    def _from_iterable(cls, it: Iterable[Item]) -> AbstractSet[Item]:
        return frozenset(it)


def words_in(words: AbstractSet[str]) -> Iterable[str]:
    """Return all words for a single iteration, without building a set to look words up in."""
    return words.lines() if isinstance(words, WordList) else words


def places_in(folders: Iterable[Path]) -> dict[str, Path]:
    """Map import names to the packages and single-file modules in site-packages folders."""
    return {
        name: entry
        for folder in folders
        for entry in folder.iterdir()
        if (name := entry.name.partition(".")[0]).isidentifier()
        and (entry.name.endswith((".py", *NATIVE)) or entry.is_dir())
    }


def words_below(location: Path) -> PackageWords:
    """Read the words of a package or of a single-file module."""
    defined: set[bytes] = set()
    mentions: set[bytes] = set()
    imported: set[bytes] = set()
    top = len(str(location)) + 1
    for file in _files(location):
        try:
            if file.endswith(NATIVE):
                defined.update(_native(file))
                continue
            with open(file, "rb") as opened:  # noqa: PTH123  there are tens of thousands
                data = b"\n" + opened.read()
        except (OSError, ValueError):
            continue
        if lines := _LINES.findall(data):
            made, packages, inside, outside = zip(*lines, strict=True)
            defined.update(made, inside, outside)
            imported.update(set(packages).difference(_PART.findall(os.fsencode(file[top:]))))
        defined.update(_STORED.findall(data))
        for pattern in _MENTIONED:
            mentions.update(pattern.findall(data))
    defined.discard(b"")
    imported.discard(b"")
    return PackageWords(_text(defined), _text(mentions - defined), _text(imported))


def states_below(location: Path) -> Iterator[str]:
    """Yield the state of each Python file of a package or of a single-file module."""
    for file in sorted(_files(location)):
        try:
            state = os.stat(file)  # noqa: PTH116  there are thousands
        except OSError:
            continue
        yield f"{file} {state.st_mtime_ns} {state.st_size} {state.st_ino}"


def tops_imported(files: Iterable[bytes]) -> set[str]:
    """Return the packages that Python files import, found by searching their text."""
    return {name.decode("utf-8", "replace") for data in files for name in _IMPORTED.findall(b"\n" + data)}


def _text(words: set[bytes]) -> frozenset[str]:
    # Decode all of them at once: there are hundreds of thousands.
    return frozenset(b"\n".join(words).decode("utf-8", "replace").split("\n")) if words else frozenset()


def _files(location: Path) -> Iterator[str]:
    if location.is_file():
        yield str(location)
        return
    for path, folders, files in os.walk(location):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        for name in files:
            if name.endswith((".py", ".pyi", *NATIVE)):
                file = os.path.join(path, name)  # noqa: PTH118  there are thousands
                try:
                    most = LARGEST_NATIVE if name.endswith(NATIVE) else LARGEST
                    if os.path.getsize(file) <= most:  # noqa: PTH202  there are thousands
                        yield file
                except OSError:
                    continue


def _native(file: str) -> Iterator[bytes]:
    """Yield the words in a compiled module. In an ELF file, only loaded data is searched, not machine code."""
    with open(file, "rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:  # noqa: PTH123  thousands of these
        for start, end in _data_of_elf(data) or [(0, len(data))]:
            yield from _WORD.findall(data, start, end)


def _data_of_elf(data: mmap.mmap) -> list[tuple[int, int]]:
    """Return the ranges of the loaded, non-executable sections, or [] if the file isn't a 64-bit little-endian ELF
    file.
    """
    if data[:6] != b"\x7fELF\x02\x01":
        return []
    try:
        (table,) = struct.unpack_from("<Q", data, 0x28)
        size, count = struct.unpack_from("<HH", data, 0x3A)
        heads = [struct.unpack_from("<IIQQQQ", data, table + number * size) for number in range(count)]
    except struct.error:
        return []
    loaded, executable, empty = 2, 4, 8
    return [
        (start, start + length)
        for _, kind, flags, _, start, length in heads
        if kind != empty and flags & loaded and not flags & executable
    ]
