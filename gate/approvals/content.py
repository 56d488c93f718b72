"""Compare changes file by file: which files are still as they were approved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from gate.model import FileChange
from gate.raw_diff import parse_raw

Content = tuple[str, str, str, str]
"""The change of a file: old mode, new mode, old blob, new blob."""
Contents = Mapping[str, Content]
States = Mapping[str, tuple[str, str]]
"""Mode and blob by path. Files that don't exist are missing."""
GONE = "000000"

NAMED = 3


def contents_of(files: Iterable[FileChange]) -> Contents:
    """Return the contents of a change."""
    return {file.path: (file.old_mode, file.new_mode, file.old, file.new) for file in files}


def parse_contents(raw: bytes) -> Contents:
    """Parse a list in the log: git's raw, NUL-separated diff. Raises ValueError for anything else."""
    return contents_of(parse_raw(raw))


def differing(approved: Contents, now: Contents) -> tuple[str, ...]:
    """Return the paths that differ, in order."""
    return tuple(sorted(path for path in approved.keys() | now.keys() if approved.get(path) != now.get(path)))


def same(approved: Contents, now: Contents) -> tuple[str, ...]:
    """Return the paths that are equal, in order."""
    return tuple(sorted(path for path, content in now.items() if approved.get(path) == content))


def merged_already(approved: Contents, now: Contents, base: States) -> frozenset[str]:
    """Return the approved files that `now` no longer changes because the base already has exactly their approved
    content.
    """
    return frozenset(
        path
        for path, (_, mode, _, blob) in approved.items()
        if path not in now and (base.get(path) == (mode, blob) or (mode == GONE and path not in base))
    )


def covers(approved: Contents, now: Contents, base: States, equivalent: Collection[str] = ()) -> bool:
    """Return whether `now` is a part of the approved change, and the base already has the rest unmodified.

    Files in `equivalent` count as equal.
    """
    same = all(approved.get(path) == content or path in equivalent for path, content in now.items())
    return bool(now) and same and approved.keys() - now.keys() <= merged_already(approved, now, base)


def alike(approved: Contents, now: Contents) -> bool:
    """Return whether both touch mostly the same files: at least half of those of the smaller change."""
    shared = len(approved.keys() & now.keys())
    return shared > 0 and shared * 2 >= min(len(approved), len(now))


def name_some(paths: tuple[str, ...]) -> str:
    """Return a short list of paths: `a.py, b.py, c.py, and 4 more`."""
    named = ", ".join(paths[:NAMED])
    return named if len(paths) <= NAMED else f"{named}, and {len(paths) - NAMED} more"
