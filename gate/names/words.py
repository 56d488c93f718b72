"""What the standard library and the installed packages define, package by package, kept by environment.

Files are read as text, not parsed: a list that is too long lets a misspelling pass, one that is too short
accuses somebody. Only what the project imports counts, and what that imports in turn: a name that is known to
a package that nobody here uses says nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

FORMAT = "gate words 2"
LARGEST = 2 * 1024 * 1024
LARGEST_NATIVE = 16 * 1024 * 1024
_ASIDE = frozenset({"__pycache__", "tests", "test"})
_NATIVE = (".so", ".pyd")
_DEFINED = re.compile(
    rb"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)"
    rb"|^[ \t]+(\w+)[ \t]*(?::[^=\n]+)?=(?!=)|^[ \t]+(\w+)[ \t]*:[ \t]*[\w\"']|\.(\w+)[ \t]*(?::[^=\n(]+)?=(?!=)"
    rb"|^(\w+)[ \t]*(?::[^=\n]+)?=(?!=)",
    re.MULTILINE,
)
_SAID = re.compile(rb"[\"']([A-Za-z_]\w{2,})[\"']|[(,][ \t]*\*{0,2}([A-Za-z_]\w{2,})[ \t]*(?=[,)=:])")
_IMPORTED = re.compile(rb"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_WORD = re.compile(rb"[A-Za-z_]\w{2,40}")


@dataclass(frozen=True, slots=True)
class Words:
    """What a package defines, what it says besides (parameters, strings), and the packages that it imports."""

    defined: frozenset[str] = frozenset()
    said: frozenset[str] = frozenset()
    imported: frozenset[str] = frozenset()


class Outside:
    """The packages outside of the project, by their top name."""

    def __init__(self, typeshed: Path | None, site: Iterable[Path], cache: Path | None) -> None:
        """Nothing is read yet."""
        self._cache = cache
        self._typeshed = typeshed
        self._places = {
            name: entry
            for folder in site
            for entry in (folder.iterdir() if folder.is_dir() else ())
            if (name := entry.name.partition(".")[0]).isidentifier()
            and (entry.is_dir() or entry.name.endswith((".py", *_NATIVE)))
        }

    @property
    def names(self) -> AbstractSet[str]:
        """The packages that are there."""
        return self._places.keys()

    def words_of(self, name: str) -> Words:
        """What one of them knows."""
        return self._kept(self._places[name])

    def relevant(self, imported: Iterable[str]) -> Words:
        """All that the packages of these names know, and those that they import in turn.

        Where one is not installed, the list that comes with gate answers for it, if it knows it.
        """
        from gate.names import shipped

        wanted, seen = list(imported), set[str]()
        defined, said = set(self.library.defined), set(self.library.said)
        while wanted:
            name = wanted.pop()
            if name in seen:
                continue
            if name in self._places:
                words = self.words_of(name)
            elif name in shipped.names():
                words = shipped.words_of(name)
            else:
                continue
            seen.add(name)
            defined |= words.defined
            said |= words.said
            wanted += [inner for inner in words.imported if inner not in seen]
        return Words(frozenset(defined), frozenset(said), frozenset(seen))

    @property
    def library(self) -> Words:
        """What the standard library defines."""
        return self._kept(self._typeshed) if self._typeshed else Words()

    def _kept(self, place: Path) -> Words:
        path = None if self._cache is None else self._cache / f"words-{_state(place)}"
        if path is not None:
            found = _load(path)
            if found is not None:
                return found
        found = _read(place)
        if path is not None:
            _keep(path, found)
        return found


def _read(place: Path) -> Words:
    defined: set[bytes] = set()
    said: set[bytes] = set()
    imported: set[bytes] = set()
    for file in _files(place):
        try:
            data = Path(file).read_bytes()
        except OSError:
            continue
        if file.endswith(_NATIVE):
            defined.update(_WORD.findall(data))
            continue
        for found in _DEFINED.findall(data):
            defined.update(found)
        for one, other in _SAID.findall(data):
            said.add(one or other)
        imported.update(_IMPORTED.findall(data))
    defined.discard(b"")
    return Words(_text(defined), _text(said - defined), _text(imported))


def _text(words: set[bytes]) -> frozenset[str]:
    return frozenset(sys.intern(word.decode("utf-8", "replace")) for word in words)


def _load(path: Path) -> Words | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    head, _, body = data.partition(b"\n\n")
    if head != f"{FORMAT} {hashlib.sha256(body).hexdigest()}".encode():
        return None
    parts = body.decode("utf-8").split("\n\n")
    return Words(*(frozenset(part.split("\n")) - {""} for part in parts)) if len(parts) == 3 else None


def _keep(path: Path, words: Words) -> None:
    parts = ("\n".join(sorted(part)) for part in (words.defined, words.said, words.imported))
    body = "\n\n".join(parts).encode("utf-8")
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(f"{FORMAT} {hashlib.sha256(body).hexdigest()}\n\n".encode() + body)
        temporary.replace(path)
    except OSError:
        return


def _state(place: Path) -> str:
    """The package and its state: whoever installs another version of it touches its folder and its first file."""
    parts = [FORMAT, str(place)]
    for path in (place, place / "__init__.py", place / "__init__.pyi"):
        try:
            told = path.stat()
            parts.append(f"{told.st_mtime_ns} {told.st_size} {told.st_ino}")
        except OSError:
            parts.append("")
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _files(place: Path) -> Iterator[str]:
    if place.is_file():
        yield str(place)
        return
    for path, folders, files in os.walk(place):
        folders[:] = [name for name in folders if name not in _ASIDE]
        for name in files:
            if name.endswith((".py", ".pyi", *_NATIVE)):
                file = os.path.join(path, name)  # noqa: PTH118  tens of thousands of these
                try:
                    most = LARGEST_NATIVE if name.endswith(_NATIVE) else LARGEST
                    if os.path.getsize(file) <= most:  # noqa: PTH202  as above
                        yield file
                except OSError:
                    continue
