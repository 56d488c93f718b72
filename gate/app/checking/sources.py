"""Read the lines of code that reports show, from the merge result and the base, in one batch each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import CannotDecide
from gate.git.objects import read_blobs
from gate.git.repository import Repository
from gate.model import Change, Verdict, short_name

if TYPE_CHECKING:
    from gate.forges.places import PullRequestRef


@dataclass(frozen=True, slots=True)
class Description:
    """The names of a change: its branch, its subject, and the pull or merge request with its URL.

    `committed` is the time of its last commit, or 0 if it has none.
    """

    source: str
    subject: str
    committed: int
    request: str = ""
    link: str = ""


def describe(
    start: Path,
    change: Change,
    head: str | None,
    environ: Mapping[str, str],
    reviews: PullRequestRef | None = None,
) -> Description:
    """Describe a change by CI's variables, by the name given as `head`, by its commit, and by its pull request."""
    repository = Repository.find(start)
    named = ("GITHUB_HEAD_REF", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "CHANGE_BRANCH")
    source = next((environ[name] for name in named if environ.get(name)), head or "")
    if source in {"", "HEAD"}:
        source = _first_line(repository, "symbolic-ref", "--quiet", "--short", "HEAD") or change.head[:12]
    if source == change.head:
        source = _branch_at(repository, change) or change.head[:12]
    log = "" if change.staged else _first_line(repository, "log", "-1", "--format=%ct %s", change.head, "--")
    committed, _, subject = log.partition(" ")
    request, link = _request(environ)
    if reviews and reviews.page and not link:
        request, link = reviews.name, reviews.page
    return Description(source, subject, int(committed or 0), request, link)


def _branch_at(repository: Repository, change: Change) -> str:
    """Return the branch whose last commit is the head, if there is one: CI often knows only the commit."""
    names = ("refs/heads", "refs/remotes/origin")
    with suppress(CannotDecide):
        at = repository.text("for-each-ref", f"--points-at={change.head}", "--format=%(refname)", *names)
        branches = [
            name.removeprefix("refs/heads/").removeprefix("refs/remotes/origin/") for name in at.split()
        ]
        return next((name for name in branches if name not in {"HEAD", short_name(change.into)}), "")
    return ""


def _first_line(repository: Repository, *command: str) -> str:
    with suppress(CannotDecide):
        return repository.text(*command).strip()
    return ""


def _request(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the name and URL of the pull request that CI runs for, or two empty strings."""
    number = re.fullmatch(r"refs/pull/(\d+)/(?:merge|head)", environ.get("GITHUB_REF", ""))
    if number and environ.get("GITHUB_REPOSITORY"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return f"#{number[1]}", f"{server}/{environ['GITHUB_REPOSITORY']}/pull/{number[1]}"
    project, iid = environ.get("CI_MERGE_REQUEST_PROJECT_URL"), environ.get("CI_MERGE_REQUEST_IID")
    if project and iid:
        return f"!{iid}", f"{project}/-/merge_requests/{iid}"
    if environ.get("CHANGE_URL"):
        return f"#{environ.get('CHANGE_ID', '')}", environ["CHANGE_URL"]
    return "", ""


class Sources:
    """The files that a verdict is about: those with findings, and those that changed."""

    def __init__(self, start: Path, verdict: Verdict) -> None:
        """Prepare to read from the repository around `start`. Nothing is read until the first lines are requested."""
        self._start = start
        self._verdict = verdict

    def lines(self, path: str) -> Sequence[str]:
        """Return the lines of a file in the merge result, or none if it has no such file."""
        numbered = self._found if path in self._found else self._after
        return _lines(numbered.get(path))

    def before(self, path: str) -> Sequence[str]:
        """Return the lines of a file in the base, or none if it has no such file."""
        return _lines(self._before.get(path))

    @cached_property
    def _found(self) -> Mapping[str, bytes | None]:
        verdict = self._verdict
        paths = {finding.path for result in verdict.checks for finding in getattr(result, "findings", ())}
        paths |= {finding.path for outcome in verdict.outcomes for finding in outcome.findings}
        return self._read(verdict.change.tree, paths)

    @cached_property
    def _after(self) -> Mapping[str, bytes | None]:
        change = self._verdict.change
        return self._read(change.tree, (file.path for file in change.files))

    @cached_property
    def _before(self) -> Mapping[str, bytes | None]:
        change = self._verdict.change
        # The old path of a renamed file is among the files too.
        return self._read(change.base_tree, (file.path for file in change.files))

    def _read(self, tree: str, paths: Iterable[str]) -> Mapping[str, bytes | None]:
        # A report is still useful without source lines; a partial clone may not have some of them.
        with suppress(CannotDecide):
            return read_blobs(Repository.find(self._start), tree, filter(None, paths)) if tree else {}
        return {}


def _lines(content: bytes | None) -> Sequence[str]:
    if not content:
        return ()
    # Split lines as tools do: a form feed doesn't end a line, although `str.splitlines` treats it so.
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return text.removesuffix("\n").split("\n")
