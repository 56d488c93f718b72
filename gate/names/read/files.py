"""Read the files of a tree that the check needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gate.names.read import notebooks
from gate.names.read.decoding import plain_text_of
from gate.names.read.settings import is_settings
from gate.names.read.test_data import are_in_test_data, test_data

SKIPPED = frozenset(
    {".git", ".hg", ".venv", "venv", "node_modules", "__pycache__", ".tox", ".nox", "site-packages"}
)
PYTHON = (".py", ".pyi", ".ipynb")
LARGEST = 4 * 1024 * 1024
UNREADABLE = (SyntaxError, RecursionError, OSError, ValueError, MemoryError)
"""Exceptions raised for a file that can't be read or parsed."""
LARGEST_SETTINGS = 256 * 1024
"""Data files have the same suffixes as settings, and may be large."""


@dataclass(slots=True)
class Tree:
    """The files below a folder, by path: Python (and notebook code), notebooks, settings, and unreadable files."""

    python: dict[str, bytes] = field(default_factory=dict)
    books: dict[str, notebooks.Notebook] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, Exception] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> Tree:
        """Read all files below `root`, except Python and settings files that are test data."""
        tree = cls()
        other_files: list[str] = []
        for name in sorted(_files(str(root), "", other_files)):
            try:
                tree._take(name, _content(f"{root}/{name}"))
            except UNREADABLE as error:
                tree.unreadable[name] = error
        for name in are_in_test_data(tree.settings, tree.python):
            del tree.settings[name]
        for name in test_data(tree.python, other_files):
            del tree.python[name]
            tree.books.pop(name, None)
        return tree

    def _take(self, name: str, data: bytes) -> None:
        if is_settings(name.rpartition("/")[2]):
            self.settings[name] = plain_text_of(data)
        elif name.endswith(".ipynb"):
            notebook = notebooks.read(data)
            if notebook is not None:
                self.books[name] = notebook
                self.python[name] = notebook.text.encode("utf-8")
        else:
            self.python[name] = data


def _files(folder: str, inside: str, other_files: list[str]) -> Iterator[str]:
    """Yield the paths of the files to read, and append all files that aren't Python to `other_files`.

    Symlinks, large files, and folders that aren't the project's own are skipped.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_symlink():
                continue
            if entry.is_dir():
                if name not in SKIPPED and not name.endswith(".egg-info"):
                    yield from _files(entry.path, f"{inside}{name}/", other_files)
            elif name.endswith(PYTHON):
                if entry.stat().st_size <= LARGEST:
                    yield inside + name
            else:
                other_files.append(inside + name)
                if is_settings(name) and entry.stat().st_size <= LARGEST_SETTINGS:
                    yield inside + name


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  thousands of Path objects are slow
        return file.readall()


def requirements(root: Path) -> frozenset[str]:
    """Return every word in the files at the top of the tree that may name a dependency."""
    words: set[str] = set()
    for pattern in ("*.toml", "*.txt", "*.cfg", "*.lock", "*.in", "Pipfile", "requirements/*"):
        for path in root.glob(pattern):
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
                words.update(
                    re.findall(r"[A-Za-z_]\w+", path.read_text("utf-8", "replace").replace("-", "_"))
                )
    return frozenset(words)
