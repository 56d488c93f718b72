"""Compute the change a forge showed to reviewers: the diff from the merge base to the reviewed commit."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256

from gate.git.merging import raw_diff
from gate.git.objects import resolve
from gate.git.repository import Repository

REMOTE = "origin"


def changes_shown(repository: Repository, base: str, commits: Iterable[str]) -> Mapping[str, bytes]:
    """Return, by commit, git's raw diff from the merge base with `base`: the change as a forge shows it.

    As long as the base hasn't changed the same files, it equals the change that a merge would make, byte for byte.
    Missing commits are fetched from `origin` by id; those that can't be fetched are omitted.
    """
    wanted = list(dict.fromkeys(filter(None, commits)))
    missing = bring(repository, wanted)
    changes = {}
    for commit in wanted:
        if commit in missing:
            continue
        parted = repository.attempt("merge-base", base, commit)
        if parted.returncode == 0:
            start = os.fsdecode(parted.stdout).strip()
            changes[commit] = raw_diff(repository, start, commit)
    return changes


def bring(repository: Repository, commits: Iterable[str]) -> frozenset[str]:
    """Fetch missing commits from `origin` by id, and return those that can't be fetched."""
    wanted = list(dict.fromkeys(commits))
    present = resolve(repository, wanted)
    absent = [commit for commit in wanted if present.get(commit) != commit]
    for commit in absent:
        _fetch(repository, commit)
    present = resolve(repository, absent)
    return frozenset(commit for commit in absent if present.get(commit) != commit)


def digest_of(raw: bytes) -> str:
    """Return the digest of a raw diff."""
    return sha256(raw).hexdigest()


def _fetch(repository: Repository, commit: str) -> None:
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    repository.attempt("fetch", *options, REMOTE, commit, cwd=repository.work_tree)
