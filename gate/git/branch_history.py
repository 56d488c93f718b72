"""The first-parent history of a protected branch, read in a constant number of git processes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gate.git.commits import Commit, read_commits
from gate.git.merging import RAW_DIFF
from gate.git.repository import Repository


@dataclass(slots=True)
class History:
    """The commits of a range by id, and its first-parent chain, oldest first."""

    commits: dict[str, Commit] = field(default_factory=dict)
    chain: list[str] = field(default_factory=list)


def read_history(repository: Repository, start: str, end: str) -> History:
    """Read the commits reachable from `end` but not from `start` ("" for all), and the first-parent chain."""
    history = History()
    for commit in read_commits(repository, [end, *([f"^{start}"] if start else [])]):
        history.commits[commit.oid] = commit
    return _chained(history, end)


def _chained(history: History, end: str) -> History:
    oid = end
    while oid in history.commits:
        history.chain.append(oid)
        parents = history.commits[oid].parents
        oid = parents[0] if parents else ""
    history.chain.reverse()
    return history


def read_onward(repository: Repository, start: str, end: str) -> History:
    """Read the commit `start` and everything after it up to `end`.

    The chain begins with `start` only if `start` is on the first-parent history of `end`.
    """
    history = History()
    for commit in (
        *read_commits(repository, ["--no-walk", start]),
        *read_commits(repository, [end, f"^{start}"]),
    ):
        history.commits[commit.oid] = commit
    return _chained(history, end)


def read_diffs(repository: Repository, pairs: Sequence[tuple[str, str]]) -> list[bytes]:
    """Return git's raw, NUL-separated diff without rename detection for each pair of commits (old, new)."""
    request = "".join(f"{new} {old}\n" for old, new in pairs)
    fields = repository.run(*RAW_DIFF, "--stdin", stdin=request.encode("ascii")).split(b"\0")
    diffs: list[bytes] = []
    position = 0
    for _, new in pairs:
        start = position
        if position < len(fields) and fields[position] == new.encode("ascii"):
            start = position = position + 1
            while position < len(fields) - 1 and fields[position].startswith(b":"):
                position += 2
        diffs.append(b"".join(part + b"\0" for part in fields[start:position]))
    return diffs


def newcomers(history: History) -> dict[str, list[Commit]]:
    """Return the commits that each commit of the chain merged: those its first parent couldn't reach."""
    seen = set(history.chain)
    brought: dict[str, list[Commit]] = {}
    for oid in history.chain:
        new: list[Commit] = []
        waiting = list(history.commits[oid].parents[1:])
        while waiting:
            parent = waiting.pop()
            if parent in seen or parent not in history.commits:
                continue
            seen.add(parent)
            new.append(history.commits[parent])
            waiting += history.commits[parent].parents
        brought[oid] = new
    return brought


def existing(repository: Repository, names: Iterable[str]) -> list[str]:
    """Return the object id of each `commit:path`, or "" if it doesn't exist, in one git process."""
    request = "".join(f"{name}\n" for name in names)
    raw = repository.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=request.encode("ascii")
    )
    answers = raw.decode("utf-8", "replace").splitlines()
    return [line.partition(" ")[0] if line.endswith(" blob") else "" for line in answers]
