"""Turn the index into a commit object, using a copy, so that the user's index is never refreshed or locked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotDecide, UsageError
from gate.git.repository import Repository
from gate.model import decode_path

IDENTITY_VARIABLES = tuple(
    f"GIT_{who}_{what}" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
)
# Fixed dates, so that the same index always gives the same commit.
_DATES = {f"GIT_{who}_DATE": "@946684800 +0000" for who in ("AUTHOR", "COMMITTER")}
_UNKNOWN = dict.fromkeys(IDENTITY_VARIABLES, "unknown")


@dataclass(frozen=True, slots=True)
class Unmerged:
    """The index has unresolved conflicts in these files, so it can't be committed yet."""

    paths: tuple[str, ...]


def staged_commit(repository: Repository, head: str, index_file: str | None) -> str | Unmerged:
    """Return the id of a commit with the index's tree. Its parents are `head` and any commit being merged.

    `index_file` is the index that git prepared for a hook.
    """
    tree = index_tree(repository, index_file)
    if isinstance(tree, Unmerged):
        return tree
    parents = [head] if head else []
    merging = repository.git_dir / "MERGE_HEAD"
    if merging.exists():
        parents += merging.read_text("ascii").split()
    return _commit(repository, tree, parents)


def index_tree(repository: Repository, index_file: str | None) -> str | Unmerged:
    """Return the id of the tree that the index would become, without files added by `git add -N`."""
    if repository.work_tree is None:
        raise UsageError("a bare repository has no index", "use `gate check --head REV` to check a commit")
    source = Path(index_file) if index_file else repository.git_dir / "index"
    if not source.is_absolute():
        source = repository.work_tree / source
    try:
        with tempfile.TemporaryDirectory(prefix="gate-index-") as folder:
            copy = Path(folder) / "index"
            if source.exists():
                shutil.copyfile(source, copy)
            env = {"GIT_INDEX_FILE": str(copy)}
            unmerged = repository.run("ls-files", "--unmerged", "-z", env=env)
            if unmerged:
                paths = [decode_path(line.split(b"\t", 1)[1]) for line in unmerged.split(b"\0")[:-1]]
                return Unmerged(tuple(dict.fromkeys(paths)))
            return repository.text("write-tree", env=env)
    except OSError as error:
        raise CannotDecide(
            f"the index cannot be copied: {error.strerror or error}",
            "check the free space for temporary files",
        ) from error


def nothing_yet(repository: Repository) -> str:
    """Return a commit without files or parents, the base of the first commit."""
    tree = repository.run("mktree").decode("ascii").strip()
    return repository.text("commit-tree", tree, "-m", "nothing yet", env=_UNKNOWN | _DATES)


def _commit(repository: Repository, tree: str, parents: Sequence[str]) -> str:
    argv = ["commit-tree", tree, *(part for parent in parents for part in ("-p", parent)), "-m", "staged"]
    own: Mapping[str, str] = {name: os.environ[name] for name in IDENTITY_VARIABLES if os.environ.get(name)}
    done = repository.attempt(*argv, env={**own, **_DATES})
    if done.returncode != 0:
        # The user has no identity yet: git will ask for one, and gate treats the author as unknown.
        return repository.text(*argv, env=_UNKNOWN | _DATES)
    return done.stdout.decode("ascii").strip()
