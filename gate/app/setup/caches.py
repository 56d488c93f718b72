"""Measure and remove gate's caches below the git folder.

Everything in them can be computed again. They contain nothing signed: the approval log is a ref.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotDecide
from gate.git.repository import Repository
from gate.platforms import locked
from gate.runner.decisions import FOLDER as DECISIONS
from gate.runner.flaky import FILE as FLAKY
from gate.workspace import remove

DAY = 24 * 3600
MEANING = {
    "results": "results of checks, by content",
    "answers": "verdicts, by command and state",
    "cache": "the caches of the tools",
    "trees": "checked-out trees that the checks run in",
    "environments": "environments built from lock files",
    "installs": "projects built for their tests",
    "bytecode": "compiled Python",
    "log": "verified signatures, and an index of the approval log",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A cache: its folder, its size in bytes, and when it was last written to."""

    name: str
    path: Path
    size: int
    used: float

    @property
    def meaning(self) -> str:
        """A short description of its content."""
        return MEANING.get(self.name, "")


def entries(repository: Repository) -> list[Entry]:
    """Return every cache of the repository, largest first."""
    folder = repository.state_dir
    if not folder.is_dir():
        return []
    # The flaky tests, and the decisions about them, are not a cache: they can't be recomputed.
    paths = [path for path in folder.iterdir() if not _is_lock(path) and path.name not in {FLAKY, DECISIONS}]
    caches = [Entry(path.name, path, *_measured(path)) for path in paths]
    return sorted(caches, key=lambda entry: (-entry.size, entry.name))


def clear(repository: Repository) -> int:
    """Remove all caches, and return how many bytes that freed. Raises CannotDecide if gate is running here."""
    with _alone(repository):
        size = sum(entry.size for entry in entries(repository))
        for entry in entries(repository):
            if entry.path.is_dir() and not entry.path.is_symlink():
                for path in entry.path.iterdir():
                    if not _is_lock(path):
                        remove(path)
            else:
                remove(entry.path)
        return size - sum(entry.size for entry in entries(repository))


def prune(repository: Repository, days: float) -> int:
    """Remove entries not written to for `days` days, and return how many bytes that freed."""
    limit = time.time() - days * DAY
    freed = 0
    with _alone(repository):
        for entry in entries(repository):
            children = list(entry.path.iterdir()) if entry.path.is_dir() else [entry.path]
            for path in children:
                size, used = _measured(path)
                if used < limit and not _is_lock(path):
                    remove(path)
                    freed += size
    return freed


def human(size: float) -> str:
    """Format a size, such as `1.2 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" or size >= 10 else f"{size:.1f} {unit}"


def _is_lock(path: Path) -> bool:
    return path.suffix == ".lock"


def _measured(path: Path) -> tuple[int, float]:
    """Return the bytes at or below `path`, and the latest modification time there. Doesn't follow symlinks."""
    size, used = 0, 0.0
    waiting = [str(path)]
    while waiting:
        folder = waiting.pop()
        with contextlib.suppress(OSError):
            status = os.lstat(folder)
            size += status.st_size
            used = max(used, status.st_mtime)
            if os.path.isdir(folder) and not os.path.islink(folder):  # noqa: PTH112, PTH114  thousands of Path objects are slow
                with os.scandir(folder) as children:
                    waiting += [entry.path for entry in children]
    return size, used


@contextlib.contextmanager
def _alone(repository: Repository) -> Iterator[None]:
    """Hold every lock of the caches. Each run of gate holds one."""
    with contextlib.ExitStack() as held:
        for path in sorted(repository.state_dir.glob("**/*.lock")) if repository.state_dir.is_dir() else ():
            # Deeper locks, in trees and environments, belong to the tools.
            if len(path.relative_to(repository.state_dir).parts) > 2:
                continue
            try:
                held.enter_context(locked(path, wait=False))
            except BlockingIOError:
                raise CannotDecide(
                    "another gate process is using the caches of this repository", "wait for it to end"
                ) from None
        yield
