"""Create the commit that merges a change into a branch."""

from __future__ import annotations

import os

from gate.errors import UsageError
from gate.git.index import IDENTITY_VARIABLES
from gate.git.repository import Repository
from gate.log.trailers import How
from gate.model import Change


def make_commit(repository: Repository, change: Change, how: How, title: str, trailers: str) -> str:
    """Create the commit with the tree that was checked: a merge, or (`squash`) a commit by the first author.

    Raises UsageError if git doesn't know the committer's identity.
    """
    identity = {name: os.environ[name] for name in IDENTITY_VARIABLES if os.environ.get(name)}
    parents = ["-p", change.base]
    if how == "squash":
        if change.authors:
            author = change.authors[0]
            identity |= {"GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email}
    else:
        parents += ["-p", change.head]
    message = f"{title}\n\n{trailers}".encode("utf-8", "replace")
    done = repository.attempt("commit-tree", change.tree, *parents, "-F", "-", stdin=message, env=identity)
    if done.returncode != 0:
        stderr_lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(
            f"git cannot make the merge commit: {stderr_lines[-1] if stderr_lines else 'no reason given'}",
            "set `git config user.name NAME` and `git config user.email ADDRESS`",
        )
    return done.stdout.decode("ascii").strip()
