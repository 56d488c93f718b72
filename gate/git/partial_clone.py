"""Fetch the objects that a partial clone is missing from a tree, all at once.

git fetches missing objects on demand, but one at a time, and never for a checkout that has its own git directory.
"""

from __future__ import annotations

import os

from gate.errors import CannotDecide
from gate.git.objects import list_tree
from gate.git.repository import NOT_HERE, Repository, stderr_line

# As git's own lazy fetch: objects are named, so nothing is negotiated; no ref and no submodule is updated.
FETCH = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
         "--no-recurse-submodules", "--no-auto-maintenance", "--filter=blob:none", "--stdin")  # fmt: skip


def bring(repository: Repository, tree: str) -> None:
    """Fetch everything that `tree` needs and a partial clone lacks. Does nothing in a full clone.

    Raises CannotDecide if an object can't be fetched.
    """
    if not _is_partial(repository):
        return
    # git fetches missing folders here; only then can files be listed.
    list_tree(repository, tree)
    missing = _missing(repository, tree)
    if not missing:
        return
    remote = _promisor(repository)
    stdin = "".join(f"{oid}\n" for oid in missing).encode("ascii")
    done = repository.attempt(*FETCH, remote, stdin=stdin, cwd=repository.work_tree)
    if done.returncode != 0 or _missing(repository, tree):
        why = stderr_line(done).removeprefix("fatal: ") if done.returncode else "it does not have it"
        raise CannotDecide(
            f"this is a partial clone, and the missing objects cannot be fetched from {remote}: {why}",
            NOT_HERE,
        )


def _is_partial(repository: Repository) -> bool:
    """Return whether the repository has a promisor pack, which may refer to missing objects."""
    return any(next((folder / "pack").glob("*.promisor"), None) for folder in repository.object_dirs)


def _missing(repository: Repository, tree: str) -> list[str]:
    listed = repository.run("rev-list", "--objects", "--no-object-names", "--missing=print", tree)
    return [line[1:] for line in listed.decode("ascii").splitlines() if line.startswith("?")]


def _promisor(repository: Repository) -> str:
    """Return the promisor remote, which has the missing objects."""
    done = repository.attempt(
        "config", "--null", "--name-only", "--get-regexp", r"^remote\..*\.promisor$", "^true$"
    )
    names = [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]
    if not names:
        raise CannotDecide(
            "this is a partial clone without a remote for the missing objects",
            NOT_HERE,
        )
    return names[0].removeprefix("remote.").removesuffix(".promisor")
