"""Decide whether test files that ran in separate processes would behave the same in one process, one after the other.

Each file has left the memory of its process unchanged. What remains are the modules they load: two files may find
different modules under the same name. Effects outside the process can't be observed at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gate.runner.inputs import IMPORTABLE, TreeState


class Ran(Protocol):
    """The recorded facts about a test file that ran."""

    @property
    def loaded(self) -> Mapping[str, str]:
        """The modules that it loaded, with their paths in the tree, or "" for those of other packages."""

    @property
    def folders(self) -> Sequence[str]:
        """The folders of the tree that its imports search."""

    @property
    def why_not(self) -> str:
        """Why its inputs are unknown, or ""."""


def influence(files: Mapping[str, Ran], tree: TreeState, folder: str) -> str:
    """Return why one of `files` may affect another when they run in one process, or "" if none can.

    Paths are relative to the project's `folder` of the tree.
    """
    inside = f"{folder}/" if folder else ""
    origins: dict[str, tuple[str, str]] = {}
    tests = {f"{inside}{path}" for path in files}
    for path, item in files.items():
        if item.why_not:
            return f"{path}: {item.why_not}"
        for name, file in item.loaded.items():
            if file in tests and file != f"{inside}{path}":
                return f"{path} imports {file}, which has tests"
            origin, by = origins.setdefault(name, (file, path))
            if origin != file:
                return f"{by} and {path} import different modules named {name}"
    folders = sorted({name for item in files.values() for name in item.folders})
    return _hidden(origins, folders, tree)


def _hidden(origins: Mapping[str, tuple[str, str]], folders: Sequence[str], tree: TreeState) -> str:
    """Return a module that would be found in another folder if the import paths of all files were combined, or ""."""
    for name, (file, path) in origins.items():
        if "." in name:
            continue
        for above in folders:
            below = f"{above}/{name}" if above else name
            candidates = [f"{below}{ending}" for ending in IMPORTABLE] + [f"{below}/__init__.py"]
            candidate = next((item for item in candidates if item in tree.files and item != file), "")
            if candidate:
                return f"{path} may import {candidate} as {name} when it runs with other files"
    return ""
