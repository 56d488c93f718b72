"""Find branches and the default branch: in a clone through tracking refs, in a bare repository through its own refs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.json_input import parse_json
from gate.model import BRANCHES

ORIGIN = "refs/remotes/origin/"
USUAL = ("main", "master")
"""Branches assumed to be the default one, in this order, if nothing names it."""


def tracking_ref(repository: Repository, branch: str) -> str:
    """Return the ref that tracks `branch` of `origin`, or "" in a bare repository.

    In a bare repository, anyone who can push can write to `refs/remotes/`.
    """
    return f"{ORIGIN}{branch}" if repository.work_tree else ""


def refs_of(repository: Repository, branch: str) -> list[str]:
    """Return the refs that can hold the branch with this short name: the local ref, and the tracking ref if there is
    one.
    """
    return list(filter(None, [f"{BRANCHES}{branch}", tracking_ref(repository, branch)]))


def known_tip(repository: Repository, branch: str) -> str:
    """Return the tip of a branch: of `origin`'s if known, else of the local one, else ""."""
    return known_tips(repository, [branch])[branch]


def known_tips(repository: Repository, branches: Iterable[str]) -> dict[str, str]:
    """Return the tip of each branch, like `known_tip`, in one git process."""
    refs = {branch: refs_of(repository, branch)[::-1] for branch in branches}
    commits = resolve(repository, (ref for names in refs.values() for ref in names))
    return {
        branch: next((commits[ref] for ref in names if ref in commits), "") for branch, names in refs.items()
    }


def head_branch(repository: Repository) -> str:
    """Return the short name of the branch at HEAD, even if it has no commit yet, or "" if HEAD is detached."""
    return _short(repository, "HEAD", BRANCHES)


def default_candidates(repository: Repository) -> list[str]:
    """Return the possible default branches in order of preference. The first that exists is the default branch.

    In a clone, the branch at `origin/HEAD` comes first; in a bare repository, its own HEAD. Then main, then master.
    """
    at_origin = repository.work_tree is not None
    named = _short(repository, f"{ORIGIN}HEAD", ORIGIN) if at_origin else head_branch(repository)
    return list(dict.fromkeys(filter(None, [named, *USUAL])))


def origin_default(repository: Repository, environ: Mapping[str, str] = os.environ) -> str:
    """Return the default branch according to the CI system, else to `origin` itself, or "" if neither names one.

    If the branch exists in this clone, it is recorded as `origin/HEAD`, as `git clone` does.
    """
    name = _named_by_ci(environ)
    if not name:
        # The remote's URL may be a relative path, which git resolves from the top of the working tree.
        answer = repository.attempt("ls-remote", "--symref", "origin", "HEAD", cwd=repository.work_tree)
        match = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", os.fsdecode(answer.stdout), re.MULTILINE)
        name = match[1] if match else ""
    if name and repository.overlay is None and resolve(repository, [f"{ORIGIN}{name}"]):
        repository.attempt("symbolic-ref", f"{ORIGIN}HEAD", f"{ORIGIN}{name}")
    return name


def _named_by_ci(environ: Mapping[str, str]) -> str:
    """Return the default branch from GitLab's variables or from the event of GitHub or Gitea, or "" elsewhere."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        event = parse_json(Path(environ["GITHUB_EVENT_PATH"]).read_bytes())
        return str(event["repository"]["default_branch"])
    return environ.get("CI_DEFAULT_BRANCH", "")


def _short(repository: Repository, symbolic: str, prefix: str) -> str:
    target = os.fsdecode(repository.attempt("symbolic-ref", "--quiet", symbolic).stdout).strip()
    return target.removeprefix(prefix) if target.startswith(prefix) else ""
