"""What reviewers saw: the change that a commit was when a forge showed it, from where it parted to its own tree."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hashlib import sha256

from gate.git.merging import raw_diff
from gate.git.objects import resolve
from gate.git.repository import Repository

REMOTE = "origin"


def changes_shown(repository: Repository, base: str, commits: Iterable[str]) -> Mapping[str, bytes]:
    """By commit, git's raw diff from where it parted from `base` to itself: what a forge shows as the change.

    As long as the base has not moved in the same files, this is byte for byte what merging it would do.
    Commits that are not here are fetched from `origin` by their id; those that cannot be had are left out.
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
    """Fetch those of `commits` that are not here from `origin`, by their ids; returns those that can't be had."""
    wanted = list(dict.fromkeys(commits))
    present = resolve(repository, wanted)
    absent = [commit for commit in wanted if present.get(commit) != commit]
    for commit in absent:
        _fetch(repository, commit)
    present = resolve(repository, absent)
    return frozenset(commit for commit in absent if present.get(commit) != commit)


def digest_of(raw: bytes) -> str:
    """The digest of a change that git listed."""
    return sha256(raw).hexdigest()


def _fetch(repository: Repository, commit: str) -> None:
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--refmap=")
    repository.attempt("fetch", *options, REMOTE, commit, cwd=repository.work_tree)
