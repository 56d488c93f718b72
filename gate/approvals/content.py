"""What a change consists of, file by file: which files of it are still those that somebody approved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from gate.model import FileChange
from gate.raw_diff import parse_raw

Content = tuple[str, str, str, str]
"""What a change makes of a file: old mode, new mode, old blob, new blob."""
Contents = Mapping[str, Content]
States = Mapping[str, tuple[str, str]]
"""By path: mode and blob. What is not there is missing."""
GONE = "000000"

NAMED = 3


def contents_of(files: Iterable[FileChange]) -> Contents:
    """The contents of a change that has been read."""
    return {file.path: (file.old_mode, file.new_mode, file.old, file.new) for file in files}


def parse_contents(raw: bytes) -> Contents:
    """Parse a content list of the log: git's raw, NUL-separated diff. Raises ValueError for anything else."""
    return contents_of(parse_raw(raw))


def differing(approved: Contents, now: Contents) -> tuple[str, ...]:
    """The paths that are not the same in both, in order."""
    return tuple(sorted(path for path in approved.keys() | now.keys() if approved.get(path) != now.get(path)))


def same(approved: Contents, now: Contents) -> tuple[str, ...]:
    """The paths that are the same in both, in order."""
    return tuple(sorted(path for path, content in now.items() if approved.get(path) == content))


def merged_already(approved: Contents, now: Contents, base: States) -> frozenset[str]:
    """The files of a change that is no longer whole which the base has exactly as the change would make them."""
    return frozenset(
        path
        for path, (_, mode, _, blob) in approved.items()
        if path not in now and (base.get(path) == (mode, blob) or (mode == GONE and path not in base))
    )


def covers(approved: Contents, now: Contents, base: States, equivalent: Collection[str] = ()) -> bool:
    """Whether `now` changes a part of what `before` changed, and the base already has the rest unaltered.

    Files in `equivalent` count as unchanged.
    """
    same = all(approved.get(path) == content or path in equivalent for path, content in now.items())
    return bool(now) and same and approved.keys() - now.keys() <= merged_already(approved, now, base)


def alike(approved: Contents, now: Contents) -> bool:
    """Whether the two changes share at least half of the files of the smaller one."""
    shared = len(approved.keys() & now.keys())
    return shared > 0 and shared * 2 >= min(len(approved), len(now))


def name_some(paths: tuple[str, ...]) -> str:
    """`a.py, b.py, c.py and 4 more`."""
    named = ", ".join(paths[:NAMED])
    return named if len(paths) <= NAMED else f"{named} and {len(paths) - NAMED} more"
