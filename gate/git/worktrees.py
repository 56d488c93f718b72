"""Move a branch that may be checked out somewhere, without touching uncommitted work."""

from __future__ import annotations

import os
from pathlib import Path

from gate.errors import UsageError
from gate.git.interrupted_merge import forget, note, put_back
from gate.git.repository import Repository, failure, hint_about_lock
from gate.process import Finished


def busy_worktree(repository: Repository, ref: str) -> str:
    """Return the folder where `ref` is checked out with uncommitted changes, or "".

    Leftovers of an earlier, interrupted move are undone first.
    """
    folders = _checked_out(repository, ref)
    for folder in folders:
        put_back(Repository.find(folder))
    return next((str(folder) for folder in folders if _is_dirty(folder)), "")


def advance(repository: Repository, ref: str, new: str, old: str, why: str) -> bool:
    """Fast-forward `ref` from `old` ("" if it doesn't exist yet) to its descendant `new`.

    Returns False if the ref is no longer at `old`. If the branch is checked out, git updates the files too, unless that
    would lose work: then UsageError is raised and the branch stays. Raises CannotDecide if the ref is locked.
    """
    folders = _checked_out(repository, ref)
    if not folders:
        expected = old or "0" * len(new)
        done = repository.attempt("update-ref", "-m", why, ref, new, expected)
        if done.returncode != 0 and _at(repository, ref) == old:
            raise failure("update-ref", done)
        return done.returncode == 0
    folder = folders[0]
    if _is_dirty(folder):
        raise UsageError(
            f"{ref.removeprefix('refs/heads/')} is checked out in {folder}, with changes that are not committed",
            "commit or stash them there, or check out another branch",
        )
    if _at(repository, ref) != old:
        return False
    options = ("--ff-only", "--quiet", "--no-stat", "--no-autostash", "--no-overwrite-ignore")
    tree = Repository.find(folder)
    note(tree, ref, old, new)
    done = _in(folder, "-c", "submodule.recurse=false", "merge", *options, new)
    lines = [
        line for line in done.stderr.decode("utf-8", "replace").splitlines() if not line.startswith("hint:")
    ]
    if _at(repository, ref) == new:
        forget(tree)
        return True
    # git may have changed files before it failed to move the branch.
    put_back(tree)
    if _at(repository, ref) != old:
        return False
    raise UsageError(
        f"git cannot update {folder}: {' '.join(lines) or 'no reason given'}",
        hint_about_lock(done) or "the branch is unchanged; fix this first",
    )


def _checked_out(repository: Repository, ref: str) -> list[Path]:
    # Otherwise gate's own setting `core.bare=true` would apply, and git would not list the main working tree.
    env = {"GIT_WORK_TREE": str(repository.work_tree)} if repository.work_tree else None
    raw = repository.run("worktree", "list", "--porcelain", "-z", env=env)
    worktrees = []
    for entry in raw.split(b"\0\0"):
        fields = dict(field.partition(b" ")[::2] for field in entry.split(b"\0") if field)
        if fields.get(b"branch") == os.fsencode(ref) and b"worktree" in fields and b"prunable" not in fields:
            worktrees.append(Path(os.fsdecode(fields[b"worktree"])))
    return worktrees


def _is_dirty(folder: Path) -> bool:
    done = _in(folder, "status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all")
    return done.returncode != 0 or done.stdout != b""


def _in(folder: Path, *args: str) -> Finished:
    """Run git in a working tree, as its user would."""
    tree = Repository.find(folder)
    env = {"GIT_WORK_TREE": str(folder)}
    return tree.attempt(*args, env=env, cwd=folder)


def _at(repository: Repository, ref: str) -> str:
    done = repository.attempt("rev-parse", "--verify", "--quiet", ref)
    return done.stdout.decode("ascii", "replace").strip()
