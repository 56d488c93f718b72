"""Where a branch is, and which branch is the default: in a clone by what it tracks, in a bare repository by itself."""

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
"""The branches that are taken for the default one, in this order, where nothing names it."""


def tracking_ref(repository: Repository, branch: str) -> str:
    """The ref that tracks `branch` of `origin`; "" in a bare repository, which tracks nothing.

    There, anyone who can push could have put anything at `refs/remotes/`.
    """
    return f"{ORIGIN}{branch}" if repository.work_tree else ""


def refs_of(repository: Repository, branch: str) -> list[str]:
    """The refs that can hold a branch (a short name): the local one, and the tracking one where there is one."""
    return list(filter(None, [f"{BRANCHES}{branch}", tracking_ref(repository, branch)]))


def known_tip(repository: Repository, branch: str) -> str:
    """Where a branch is: on `origin` where that is known, else here; "" if it is nowhere."""
    return known_tips(repository, [branch])[branch]


def known_tips(repository: Repository, branches: Iterable[str]) -> dict[str, str]:
    """Where each branch is, as `known_tip` says, in one call of git."""
    refs = {branch: refs_of(repository, branch)[::-1] for branch in branches}
    commits = resolve(repository, (ref for names in refs.values() for ref in names))
    return {
        branch: next((commits[ref] for ref in names if ref in commits), "") for branch, names in refs.items()
    }


def head_branch(repository: Repository) -> str:
    """The short name of the branch at HEAD, whether it has a commit or not; "" where none is."""
    return _short(repository, "HEAD", BRANCHES)


def default_candidates(repository: Repository) -> list[str]:
    """The branches that could be the default one, in order: the first that exists is.

    In a clone that is the branch at `origin/HEAD`, in a bare repository its own HEAD; then main, then master.
    """
    at_origin = repository.work_tree is not None
    named = _short(repository, f"{ORIGIN}HEAD", ORIGIN) if at_origin else head_branch(repository)
    return list(dict.fromkeys(filter(None, [named, *USUAL])))


def origin_default(repository: Repository, environ: Mapping[str, str] = os.environ) -> str:
    """The branch that the CI system, else `origin` itself, names as the default one; "" if neither does.

    Where this clone has it, that is noted as `origin/HEAD`, as `git clone` does.
    """
    name = _named_by_ci(environ)
    if not name:
        # The address of a remote may be a path, which git takes as seen from the top of the working tree.
        answer = repository.attempt("ls-remote", "--symref", "origin", "HEAD", cwd=repository.work_tree)
        match = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", os.fsdecode(answer.stdout), re.MULTILINE)
        name = match[1] if match else ""
    if name and repository.overlay is None and resolve(repository, [f"{ORIGIN}{name}"]):
        repository.attempt("symbolic-ref", f"{ORIGIN}HEAD", f"{ORIGIN}{name}")
    return name


def _named_by_ci(environ: Mapping[str, str]) -> str:
    """The default branch in the variables of GitLab, or in the event of GitHub or Gitea; "" elsewhere."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        event = parse_json(Path(environ["GITHUB_EVENT_PATH"]).read_bytes())
        return str(event["repository"]["default_branch"])
    return environ.get("CI_DEFAULT_BRANCH", "")


def _short(repository: Repository, symbolic: str, prefix: str) -> str:
    target = os.fsdecode(repository.attempt("symbolic-ref", "--quiet", symbolic).stdout).strip()
    return target.removeprefix(prefix) if target.startswith(prefix) else ""
