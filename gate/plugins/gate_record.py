"""The inputs of a test run so far, for the recorder in `gate_inputs.py` and the functions it wraps.

It runs in the project's interpreter, so it must work with Python 3.7 and later.
"""

from __future__ import annotations

import os

STANDARD = os.path.dirname(os.__file__) + os.sep
"""The folder of the standard library. Packages may be installed in a folder below it."""
IMPORTER = "<frozen importlib._bootstrap_external>"
"""The file name of the code that finds modules."""


class Inputs:
    """The inputs recorded so far, with absolute paths as the program named them."""

    roots: tuple[str, ...] = ()
    away: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    target = ""
    opened: set[str] = set()
    settings: set[str] = set()
    listed: set[str] = set()
    searched: set[str] = set()
    kinds: set[str] = set()
    collected: set[str] = set()
    """Folders that pytest lists to collect tests."""
    candidates: set[str] = set()
    """Paths that pytest checks for tests to collect."""
    distributions: set[str] = set()
    """Folders searched for the metadata of installed packages."""
    collecting = False
    """Whether pytest is collecting the suite's folders, not the content of a file."""
    only_known_files = False
    """Whether pytest is certain to ignore all files except those it recognizes by name."""
    everything: dict[str, None] = {}
    workers = 0
    process = 0
    paused = False
    alone = ""
    """The temporary folder of the only test file that this process runs, if it runs just one."""


def is_standard(file: str) -> bool:
    """Return whether code of this file name belongs to the standard library."""
    return file.startswith("<frozen ") or (file.startswith(STANDARD) and "-packages" + os.sep not in file)


def depends(reason: str) -> None:
    """Note why the run depends on the whole tree."""
    Inputs.everything.setdefault(reason)


def below(path: str, folders: tuple[str, ...]) -> str:
    """Return the first of `folders` that contains `path`, or ""."""
    return next((folder for folder in folders if path.startswith(folder + os.sep)), "")


def is_in_tree(path: str) -> bool:
    """Return whether a path is in the tree, or is its top."""
    return path in Inputs.roots or bool(below(path, Inputs.roots))


def tried(path: str) -> None:
    """Record an operation on a path that only works if a file or folder exists there, or if nothing does."""
    Inputs.kinds.update((path, os.path.dirname(path)))
