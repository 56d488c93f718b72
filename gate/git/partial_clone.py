"""A partial clone: what it left out of a tree is fetched at once, from the remote that the clone itself names.

git fetches by itself what it finds missing, but one object at a time, and never for a tree that is checked out with
a git folder of its own.
"""

from __future__ import annotations

import os

from gate.errors import CannotDecide
from gate.git.objects import list_tree
from gate.git.repository import NOT_HERE, Repository, stderr_line

# As git does it for itself: what is wanted is named, so nothing is negotiated; no ref and no submodule is touched.
FETCH = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head",
         "--no-recurse-submodules", "--no-auto-maintenance", "--filter=blob:none", "--stdin")  # fmt: skip


def bring(repository: Repository, tree: str) -> None:
    """Fetch all that `tree` needs and this clone has left out; nothing is done in a clone that is whole.

    Raises CannotDecide if there is something that cannot be had.
    """
    if not _is_partial(repository):
        return
    # git brings what folders are missing; only then can files be listed.
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
    """Whether a pack has come without all that it refers to, which git marks beside it."""
    return any(next((folder / "pack").glob("*.promisor"), None) for folder in repository.object_dirs)


def _missing(repository: Repository, tree: str) -> list[str]:
    listed = repository.run("rev-list", "--objects", "--no-object-names", "--missing=print", tree)
    return [line[1:] for line in listed.decode("ascii").splitlines() if line.startswith("?")]


def _promisor(repository: Repository) -> str:
    """The remote that has promised to keep what the clone left out."""
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
