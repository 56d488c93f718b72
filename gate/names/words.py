"""Every word that somebody defined: in the standard library and the installed packages, kept by environment."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

WORD = re.compile(rb"[A-Za-z_][A-Za-z0-9_]{2,}")
LARGEST = 2 * 1024 * 1024
FORMAT = b"gate words 1\n"


def words_below(folders: Iterable[Path], cache: Path | None) -> frozenset[str]:
    """Every word in the Python files below `folders`; read once for each state of each folder.

    Any word counts, wherever it stands: a list that is too long lets a misspelling pass, one that is too
    short accuses somebody.
    """
    found: set[bytes] = set()
    for folder in folders:
        found |= _kept(folder, cache)
    return frozenset(word.decode("ascii") for word in found)


def _kept(folder: Path, cache: Path | None) -> set[bytes]:
    path = None if cache is None else cache / f"words-{_state(folder)}"
    if path is not None:
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        head, _, body = data.partition(b"\n\n")
        if head == FORMAT.strip() + b" " + hashlib.sha256(body).hexdigest().encode():
            return set(body.split(b"\n"))
    found: set[bytes] = set()
    for file in _sources(folder):
        try:
            found.update(WORD.findall(Path(file).read_bytes()))
        except OSError:
            continue
    if path is not None:
        _keep(path, found)
    return found


def _keep(path: Path, words: set[bytes]) -> None:
    body = b"\n".join(sorted(words))
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(
            FORMAT.strip() + b" " + hashlib.sha256(body).hexdigest().encode() + b"\n\n" + body
        )
        temporary.replace(path)
    except OSError:
        return


def _state(folder: Path) -> str:
    """The folder and what is installed in it: a package that comes or goes touches the folder's time."""
    parts = [str(folder)]
    try:
        parts.append(str(folder.stat().st_mtime_ns))
        parts += sorted(entry.name for entry in os.scandir(folder))
    except OSError:
        pass
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _sources(folder: Path) -> Iterator[str]:
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in {"__pycache__", "tests", "test"}]
        for name in files:
            if name.endswith((".py", ".pyi")):
                file = os.path.join(path, name)  # noqa: PTH118  tens of thousands of these
                try:
                    if os.path.getsize(file) <= LARGEST:  # noqa: PTH202  as above
                        yield file
                except OSError:
                    continue
