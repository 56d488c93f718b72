"""Undo an interrupted fast-forward of a checked-out branch, so that it can be repeated.

git updates the files first, then the index, and the branch last. If it is killed in between, the working tree has files
of a commit that the branch doesn't have, and committing them would bypass gate. Therefore the move is recorded before
it starts. Only files whose content is a prefix of, or equal to, that of one of the two commits are restored.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gate.errors import UsageError
from gate.git.repository import Repository, failure
from gate.model import decode_path, encode_path
from gate.store import write_atomically

NOTE = "GATE_MERGE"
"""A file beside git's own MERGE_HEAD in the worktree's git folder: the branch, the old tip and the new one."""


def note(tree: Repository, ref: str, old: str, new: str) -> None:
    """Record that `ref`, checked out in `tree`, is about to move from `old` to `new`. Raises OSError."""
    line = f"{ref} {old} {new}\n".encode("utf-8", "surrogateescape")
    write_atomically(tree.git_dir / NOTE, line, durable=True)


def forget(tree: Repository) -> None:
    """Delete the record after the branch has moved."""
    (tree.git_dir / NOTE).unlink(missing_ok=True)


def put_back(tree: Repository) -> None:
    """Undo an interrupted move, if there is one.

    Raises UsageError if one of the files was edited since, and CannotDecide if git can't write them.
    """
    try:
        ref, old, new = (tree.git_dir / NOTE).read_text("utf-8", "surrogateescape").split()
    except (FileNotFoundError, ValueError):
        return
    checked_out = tree.attempt("symbolic-ref", "--quiet", "HEAD").stdout.decode("utf-8", "surrogateescape")
    if checked_out.strip() == ref and tree.text("rev-parse", "--verify", ref) == old:
        _restore(tree, old, new)
    forget(tree)


def _restore(tree: Repository, old: str, new: str) -> None:
    assert tree.work_tree is not None  # noqa: S101  a checked-out branch has a working tree
    folder = tree.work_tree
    raw = tree.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
    paths = [decode_path(path) for path in raw.split(b"\0")[:-1]]
    not_old, not_new = _differing(tree, old, paths), _differing(tree, new, paths)
    for path in sorted(not_old & not_new):
        if not any(_is_part(tree, folder / path, f"{commit}:{path}") for commit in (old, new)):
            raise UsageError(
                f"an earlier merge was interrupted in {folder}, and {path} has been changed since",
                f"run `git checkout {old[:12]} -- FILE` there to restore a file",
            )
    listed = b"".join(encode_path(path) + b"\0" for path in paths)
    _in(tree, "reset", "--quiet", old, "--pathspec-from-file=-", "--pathspec-file-nul", stdin=listed)
    old_paths = _paths_of(tree, old, paths)
    _in(
        tree, "checkout-index", "--force", "-u", "-z", "--stdin", stdin=b"".join(p + b"\0" for p in old_paths)
    )
    for path in not_old:
        if encode_path(path) not in old_paths:
            (folder / path).unlink(missing_ok=True)


def _differing(tree: Repository, commit: str, paths: Iterable[str]) -> set[str]:
    """Return the paths whose content in the working tree differs from `commit`."""
    with tempfile.TemporaryDirectory(prefix="gate-index-") as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _in(tree, "read-tree", commit, env=index)
        changed = _in(tree, "diff", "--name-only", "--no-ext-diff", "-z", env=index)
    assert tree.work_tree is not None  # noqa: S101  a checked-out branch has a working tree
    changed_paths = {decode_path(path) for path in changed.split(b"\0")[:-1]}
    committed = set(map(decode_path, _paths_of(tree, commit, paths)))
    return {
        path
        for path in paths
        if path in changed_paths or (path not in committed and os.path.lexists(tree.work_tree / path))
    }


def _paths_of(tree: Repository, commit: str, paths: Iterable[str]) -> set[bytes]:
    """Return the paths that exist in `commit`."""
    every = set(tree.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit).split(b"\0"))
    return every & set(map(encode_path, paths))


def _is_part(tree: Repository, path: Path, blob: str) -> bool:
    """Return whether the file is missing, or a prefix of what git would write."""
    if not os.path.lexists(path):
        return True
    whole = tree.attempt("cat-file", "--filters", blob)
    return whole.returncode == 0 and path.is_file() and whole.stdout.startswith(path.read_bytes())


def _in(tree: Repository, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    done = tree.attempt(
        *args, stdin=stdin, env={"GIT_WORK_TREE": str(tree.work_tree), **(env or {})}, cwd=tree.work_tree
    )
    if done.returncode != 0:
        raise failure(args[0], done)
    return done.stdout
