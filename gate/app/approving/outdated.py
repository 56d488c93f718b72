"""Detect a local branch that is behind its remote: approving it by name would approve a commit that nobody merges."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from gate.errors import CannotDecide
from gate.git.branches import head_branch
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.log.sync import fetch
from gate.model import BRANCHES

TRACKING = "refs/remotes/"


@dataclass(frozen=True, slots=True)
class Outdated:
    """The local branch `name`, which lacks `behind` commits of `remote` (`origin/feature`) and has `ahead` others."""

    name: str
    remote: str
    local_oid: str
    remote_oid: str
    behind: int
    ahead: int


def find_outdated(repository: Repository, rev: str | None) -> Outdated | None:
    """Return how far the branch that `rev` (HEAD) names is behind its remote, or None if it isn't.

    Fetches the remote branch. If the remote doesn't answer, the tracking ref counts.
    """
    name = head_branch(repository) if rev in {None, "HEAD", "@"} else (rev or "").removeprefix(BRANCHES)
    local = f"{BRANCHES}{name}"
    if not name or not resolve(repository, [local]):
        return None
    upstream = repository.text("for-each-ref", "--format=%(upstream)", local).strip()
    remote = upstream if upstream.startswith(TRACKING) else f"{TRACKING}origin/{name}"
    if resolve(repository, [remote]):
        server, _, branch = remote.removeprefix(TRACKING).partition("/")
        with suppress(CannotDecide):
            fetch(repository, server, branch)
    tips = resolve(repository, [local, remote])
    if len(tips) < 2 or tips[local] == tips[remote]:
        return None
    counts = repository.text("rev-list", "--left-right", "--count", f"{tips[local]}...{tips[remote]}").split()
    ahead, behind = map(int, counts)
    if not behind:
        return None
    return Outdated(name, remote.removeprefix(TRACKING), tips[local], tips[remote], behind, ahead)


def diff_between(repository: Repository, old: str, new: str) -> str:
    """Return the changes from one commit to another, in the format of `git diff`."""
    raw = repository.run("diff", "--no-ext-diff", "--no-textconv", "--no-color", old, new, "--")
    return raw.decode("utf-8", "replace")
