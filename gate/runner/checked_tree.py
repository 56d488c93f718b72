"""One of the two trees that are checked, with everything known about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from gate.checks.generated import version_files
from gate.checks.projects import TOP, Project, is_inside
from gate.checks.ruff import WITHOUT_SETTINGS
from gate.checks.tool import SETTINGS_FILES
from gate.git.as_cloned import History, refs_of
from gate.git.objects import Entry, read_objects
from gate.git.repository import Repository
from gate.result_cache import key_of
from gate.store import write_atomically

FENCE = {"ruff.toml": WITHOUT_SETTINGS, "pytest.ini": b""}
"""Settings placed above the tree: tools search parent folders if a tree has none of its own."""


class Tree(Protocol):
    """A tree that is checked out when its path is first requested."""

    tree: str
    history: History

    @property
    def absent(self) -> tuple[str, ...]:
        """The content that a clone would have but the checkout lacks."""

    def history_was_read(self) -> bool:
        """Return whether a check ran git in the checkout."""

    @property
    def path(self) -> Path:
        """The folder that contains the tree."""


@dataclass(slots=True)
class CheckedTree:
    """The head or the base. Shared by the checks that run in parallel; each part is computed when first needed.

    `tree` is what the tools read. Tools that run the project's code get a separate copy, `running`, so that they can't
    change what the others are reading. `packages` are the versions of the installed packages.
    """

    repository: Repository
    tree: Tree
    running: Tree
    list_entries: Callable[[str], tuple[Entry, ...]]
    packages: Mapping[str, str] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _running: threading.Lock = field(default_factory=threading.Lock)
    _entries: tuple[Entry, ...] | None = None
    _settings: dict[str, bytes] | None = None
    _history: str | None = None
    _ready: set[Path] = field(default_factory=set)

    @property
    def top(self) -> CheckedTree:
        """The whole tree that this one is a part of."""
        return self

    @property
    def folder(self) -> str:
        """The project's folder in the whole tree."""
        return ""

    @property
    def left_out(self) -> tuple[str, ...]:
        """The folders inside it that are checked separately."""
        return ()

    @property
    def deciding(self) -> tuple[Entry, ...]:
        """Every file, in the project or outside it, that may affect the result of a check."""
        return self.entries

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every file of the tree."""
        with self._lock:
            if self._entries is None:
                self._entries = self.list_entries(self.tree.tree)
            return self._entries

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of the regular files."""
        return tuple(entry.path for entry in self.entries if entry.mode.startswith("100"))

    @property
    def submodules(self) -> tuple[str, ...]:
        """The paths of submodules, whose content is not in the tree."""
        return tuple(entry.path for entry in self.entries if entry.mode == "160000")

    @property
    def settings(self) -> dict[str, bytes]:
        """The content of the tools' settings files at the top of the tree."""
        with self._lock:
            if self._settings is None:
                present = [entry for entry in self.entries if entry.path in SETTINGS_FILES]
                self._settings = self.contents(present)
            return self._settings

    def contents(self, entries: Iterable[Entry]) -> dict[str, bytes]:
        """Return the content of the regular files in `entries`."""
        oids = {entry.path: entry.oid for entry in entries if entry.mode.startswith("100")}
        contents = read_objects(self.repository, oids.values())
        return {path: contents[oid] for path, oid in oids.items()}

    def text(self, path: str) -> str:
        """Return the content of a file, without checking out the tree."""
        oid = next((entry.oid for entry in self.entries if entry.path == path), "")
        return read_objects(self.repository, [oid])[oid].decode("utf-8", "replace") if oid else ""

    @property
    def history(self) -> str:
        """What git shows in the copy in which code runs: the ancestors of HEAD, tags, and remote branches."""
        with self._lock:
            if self._history is None:
                refs = refs_of(self.repository).decode("utf-8", "surrogateescape")
                self._history = key_of(self.running.tree, repr(self.running.history), refs)
            return self._history

    def path(self, *, runs_code: bool) -> Path:
        """Return the folder that contains the tree, which is checked out on first use."""
        tree = self.running if runs_code else self.tree
        with self._running if tree is not self.tree else self._reading:
            path = tree.path
            if path not in self._ready:
                _fence(path.parent)
                self._generate(path)
                self._ready.add(path)
            return path

    def _generate(self, root: Path) -> None:
        """Write the files that a build would generate, if the project says that one of its tools does so."""
        present = {entry.path for entry in self.entries}
        for name, content in version_files(self.settings, self.packages).items():
            path = root / name
            # A symlink in the path could lead out of the tree.
            if (
                name not in present
                and path.parent.is_dir()
                and path.parent.resolve().is_relative_to(root.resolve())
            ):
                path.write_text(content, "utf-8")


@dataclass(slots=True)
class Part(CheckedTree):
    """One project of a tree, in its own folder. Paths are relative to that folder."""

    whole: CheckedTree | None = None
    project: Project = TOP

    @property
    def top(self) -> CheckedTree:
        """The whole tree."""
        return self.whole or self

    @property
    def folder(self) -> str:
        """The project's folder."""
        return self.project.folder

    @property
    def left_out(self) -> tuple[str, ...]:
        """The folders inside it that are checked separately, relative to the project's folder."""
        return tuple(self._inner(path) for path in self.project.left_out)

    @property
    def deciding(self) -> tuple[Entry, ...]:
        """The files of the whole tree, except those of unrelated projects."""
        unrelated = self.project.unrelated
        return tuple(
            entry for entry in self.top.entries if not any(is_inside(entry.path, out) for out in unrelated)
        )

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every file of the project."""
        with self._lock:
            if self._entries is None:
                own = (entry for entry in self.top.entries if is_inside(entry.path, self.folder))
                out = self.project.left_out
                self._entries = tuple(
                    replace(entry, path=self._inner(entry.path))
                    for entry in own
                    if not any(is_inside(entry.path, folder) for folder in out)
                )
            return self._entries

    def path(self, *, runs_code: bool) -> Path:
        """Return the folder that contains the project. The whole tree is checked out around it."""
        return self.top.path(runs_code=runs_code) / self.folder

    def _inner(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}/") if self.folder else path


def part_of(side: CheckedTree, project: Project) -> CheckedTree:
    """Return the part of a whole tree that belongs to a project."""
    return Part(
        side.repository,
        side.tree,
        side.running,
        side.list_entries,
        side.packages,
        whole=side,
        project=project,
    )


def _fence(folder: Path) -> None:
    """Stop tools from looking for settings in the folders above the tree, which are in the user's working tree."""
    for name, content in FENCE.items():
        path = folder / name
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
