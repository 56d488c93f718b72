"""Compute what merging a head into a protected branch would change, from object ids alone."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

from gate.errors import CannotDecide
from gate.git.authors import read_authors
from gate.git.branches import refs_of
from gate.git.collisions import collision
from gate.git.index import Unmerged, nothing_yet, staged_commit
from gate.git.merging import MERGE_SETTINGS, raw_diff
from gate.git.objects import resolve, tree_of
from gate.git.repository import Repository, failure
from gate.git.revisions import (
    base_commit,
    branch_name,
    default_branch,
    has_no_branch,
    head_commit,
    meanings,
    remote_branch,
)
from gate.model import UNRESOLVED, Change, FileChange, decode_path
from gate.raw_diff import parse_raw, parse_renames

DEEPEN = "`git fetch --unshallow`, or check out with full history (`fetch-depth: 0` on GitHub)"
"""The hint for a shallow clone."""


@dataclass(frozen=True, slots=True)
class _Merge:
    tree: str
    merge_blocker: str = ""
    conflicts: tuple[str, ...] = ()


def read_change(
    repository: Repository,
    *,
    into: str | None = None,
    head: str | None = None,
    base: str | None = None,
    staged: bool = False,
    index_file: str | None = None,
) -> Change:
    """Compute the change that merging `head` (default: HEAD) into `into` (default: the default branch) would make.

    The base is the tip of `into`: `origin`'s if known, unless the local branch is ahead of it and doesn't contain the
    head. `base` overrides it. With `staged`, the head is the commit that the index would become; `index_file` is the
    index that git prepared for a hook. `into` may name a remote: for `upstream/main`, the branch is `main`, and the
    base is that remote's tip.

    Raises UsageError if a name is unknown, and CannotDecide if history is missing.
    """
    if into:
        into, tracked = remote_branch(repository, into)
        base = base or tracked
    branch = branch_name(into) if into else default_branch(repository, unborn=staged)
    local = f"refs/heads/{branch}"
    head_name = head or "HEAD"
    named = [name for name in (head_name, base) if name]
    candidates = (meaning for name in named for meaning in meanings(name))
    commits = resolve(repository, [*refs_of(repository, branch), *candidates])
    head_oid = head_commit(commits, head_name, staged)
    if not head_oid and not base and has_no_branch(repository):
        head_oid = base_oid = nothing_yet(repository)
    else:
        base_oid = base_commit(repository, commits, branch, base, head_oid)
    merge_base, shallow = _merge_base(repository, base_oid, head_oid)
    base_tree = tree_of(repository, base_oid)
    tip = head_oid
    if staged:
        commit = staged_commit(repository, head_oid, index_file)
        if isinstance(commit, Unmerged):
            return Change("", local, base_oid, head_oid, merge_base, "", base_tree, "", (), (), {},
                          UNRESOLVED, commit.paths, staged=True)  # fmt: skip
        tip = commit
    _refuse_cut_history(repository, shallow, f"{base_oid}...{tip}")
    merge = _merge(repository, base_oid, tip, merge_base)
    files, digest = _files(repository, base_tree, merge.tree) if merge.tree else ((), "")
    if merge.tree:
        clash = collision(repository, merge.tree, files)
        if clash:
            merge = _Merge("", *clash)
    return Change(
        repository="",
        into=local,
        base=base_oid,
        head=head_oid,
        merge_base=merge_base,
        tree=merge.tree,
        base_tree=base_tree,
        digest=digest,
        authors=read_authors(repository, base_oid, tip),
        files=files,
        renames=read_renames(repository, base_tree, merge.tree, files),
        merge_blocker=merge.merge_blocker,
        conflicts=merge.conflicts,
        staged=staged,
    )


def read_step(repository: Repository, into: str, base: str, head: str) -> Change:
    """Compute the change between the commits `base` and `head`, without merging anything.

    An empty `base` means an empty tree. Raises CannotDecide if the base isn't in this repository.
    """
    base = base or nothing_yet(repository)
    if base not in resolve(repository, [base]):
        raise CannotDecide(f"the commit {base[:12]}, which the push would replace, is missing", "`git fetch`")
    _refuse_cut_history(repository, _cut_off(repository), f"{base}..{head}")
    old, new = (tree_of(repository, oid) for oid in (base, head))
    files, digest = _files(repository, old, new)
    return Change(
        repository="",
        into=into,
        base=base,
        head=head,
        merge_base=base,
        tree=new,
        base_tree=old,
        digest=digest,
        authors=read_authors(repository, base, head, merged=True),
        files=files,
        renames=read_renames(repository, old, new, files),
    )


def _merge_base(repository: Repository, base: str, head: str) -> tuple[str, frozenset[str]]:
    """Return git's first merge base ("" if there is none), and the commits at which a shallow history ends."""
    shallow = _cut_off(repository)
    if not head:
        return "", shallow
    parted = repository.once(("merge-base", base, head), lambda: _where_parted(repository, base, head))
    if not parted and shallow:
        raise CannotDecide("this clone is shallow and does not have the merge base", DEEPEN)
    return parted, shallow


def _where_parted(repository: Repository, base: str, head: str) -> str:
    done = repository.attempt("merge-base", base, head)
    if done.returncode not in {0, 1}:
        raise failure("merge-base", done)
    return os.fsdecode(done.stdout).strip()


def _cut_off(repository: Repository) -> frozenset[str]:
    try:
        return frozenset((repository.common_dir / "shallow").read_text("ascii").split())
    except FileNotFoundError:
        return frozenset()


def _refuse_cut_history(repository: Repository, shallow: frozenset[str], both: str) -> None:
    """Raise CannotDecide if the history between the merge base and either side is shallow.

    The missing commits could have other authors, or contain a closer merge base.
    """
    if shallow and not shallow.isdisjoint(repository.text("rev-list", both).split()):
        raise CannotDecide("this clone is shallow and does not have all commits of the change", DEEPEN)


def _merge(repository: Repository, base: str, tip: str, merge_base: str) -> _Merge:
    if not merge_base:
        return _Merge("", "the histories are unrelated: base and head have no commit in common")
    return repository.once(("merge", base, tip), lambda: _merge_tree(repository, base, tip))


def _merge_tree(repository: Repository, base: str, tip: str) -> _Merge:
    done = repository.attempt(
        *MERGE_SETTINGS, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, tip
    )
    fields = done.stdout.split(b"\0")
    if done.returncode == 0:
        return _Merge(fields[0].decode("ascii").strip())
    if done.returncode == 1:
        conflicts = tuple(dict.fromkeys(decode_path(path) for path in fields[1:] if path))
        count = "1 file is" if len(conflicts) == 1 else f"{len(conflicts)} files are"
        return _Merge("", f"{count} in conflict with the base", conflicts)
    raise failure("merge-tree", done)


def _files(repository: Repository, old: str, new: str) -> tuple[tuple[FileChange, ...], str]:
    raw = raw_diff(repository, old, new)
    return parse_raw(raw), hashlib.sha256(raw).hexdigest()


def read_renames(repository: Repository, old: str, new: str, files: Sequence[FileChange]) -> dict[str, str]:
    """Return the old path of each file that git detects as renamed between two trees, by its new path."""
    if {"added", "deleted"} - {entry.status for entry in files} or not new:
        return {}
    command = ("diff-tree", "-r", "-z", "-M", "-l1000", "--raw", "--no-abbrev", old, new)
    return parse_renames(repository.once(command, lambda: repository.run(*command)))
