"""The steps of a protected branch: its first-parent history, read in a few streams however long it is."""

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
    """Every commit that is in `end` and not in `start` ("" for all), and the chain of first parents."""
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
    """The commit `start`, and every commit that is in `end` and not in it.

    The chain begins with `start` only if the first parents of `end` lead there.
    """
    history = History()
    for commit in (
        *read_commits(repository, ["--no-walk", start]),
        *read_commits(repository, [end, f"^{start}"]),
    ):
        history.commits[commit.oid] = commit
    return _chained(history, end)


def read_diffs(repository: Repository, pairs: Sequence[tuple[str, str]]) -> list[bytes]:
    """For each pair of commits (old, new) git's raw, rename-free, NUL-separated diff, byte by byte."""
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
    """For each commit of the chain, what it brought in besides itself: what its first parent did not have."""
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
    """For each `commit:path` the object id, or "" where there is nothing; in one call."""
    request = "".join(f"{name}\n" for name in names)
    raw = repository.run(
        "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=request.encode("ascii")
    )
    answers = raw.decode("utf-8", "replace").splitlines()
    return [line.partition(" ")[0] if line.endswith(" blob") else "" for line in answers]
