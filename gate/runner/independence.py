"""Whether files of tests that ran in processes of their own would do the same, one after the other, in one process.

Each of them has left the memory of its process as it was. What remains is what they load: a module that one file finds
under a name, another may find elsewhere. And what leaves the process cannot be seen at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from gate.runner.inputs import IMPORTABLE, TreeState


class Ran(Protocol):
    """The recorded facts about a test file that ran."""

    @property
    def loaded(self) -> Mapping[str, str]:
        """The modules that it loaded, with their paths in the tree; empty for those of other packages."""

    @property
    def folders(self) -> Sequence[str]:
        """The folders of the tree in which its imports look."""

    @property
    def why_not(self) -> str:
        """Why its inputs are not known, if so."""


def influence(files: Mapping[str, Ran], tree: TreeState, folder: str) -> str:
    """Why one of `files` may affect another when they run in one process, in words; empty if none can.

    Their paths are from the project's `folder` of the tree on.
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
    """A module that is found in another folder if all files together decide where to look; empty if there is none."""
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
