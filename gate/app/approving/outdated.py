"""A local branch that is behind its remote: an approval of it by name would approve what nobody merges."""

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
    """The local branch `name` lacks `behind` commits of `remote` (`origin/feature`), and has `ahead` others."""

    name: str
    remote: str
    local_oid: str
    remote_oid: str
    behind: int
    ahead: int


def find_outdated(repository: Repository, rev: str | None) -> Outdated | None:
    """How the branch that `rev` (HEAD) names lags behind its remote; None if it does not.

    The remote is asked where its branch is. One that does not answer is taken to be as it was fetched last.
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
    """The changes from one commit to another, as `git diff` shows them."""
    raw = repository.run("diff", "--no-ext-diff", "--no-textconv", "--no-color", old, new, "--")
    return raw.decode("utf-8", "replace")
