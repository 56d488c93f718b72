"""How to display a verdict in the current environment, shared by all commands that produce one."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from time import gmtime, strftime, time
from typing import TYPE_CHECKING, TextIO

from gate.app.checking.sources import Sources, describe
from gate.cli.terminal import terminal_height, terminal_width, wants_colour
from gate.git.repository import Repository
from gate.log.sync import remote_of
from gate.model import Change, Verdict
from gate.reports import ReportContext

if TYPE_CHECKING:
    from gate.forges.places import PullRequestRef

EXIT_CODES = {"pass": 0, "blocked": 1, "undecided": 3}
"""The exit code of each decision."""


def context_of(
    verdict: Verdict, command: str, *, stream: TextIO | None = None, everything: bool = False
) -> ReportContext:
    """Return how reports display a verdict on `stream` (default: stdout). `command` produces the verdict again."""
    stream = stream or sys.stdout
    sources = Sources(Path.cwd(), verdict)
    remote = _remote() if verdict.approve_with else ""
    return ReportContext(
        colour=wants_colour(stream),
        width=terminal_width(stream),
        height=terminal_height(stream),
        encoding=stream.encoding or "utf-8",
        everything=everything,
        command=command,
        lines=lru_cache(maxsize=None)(sources.lines),
        before=sources.before,
        made=strftime("%Y-%m-%d %H:%M UTC", gmtime()),
        remote=remote,
        unpushed=bool(remote) and _is_unpushed(verdict.change),
    )


def _remote() -> str:
    """Return the remote that approvals come from in a clone, or "" on a server, which receives them first."""
    repository = Repository.find(Path.cwd())
    return remote_of(repository) if repository.work_tree is not None else ""


def _is_unpushed(change: Change) -> bool:
    """Return whether it is certain that no remote-tracking branch contains the change's commit."""
    if change.staged:
        return False
    refs = ("refs/remotes", "refs/pull", "refs/merge-requests")
    # Where a ref's commit is missing, git can't say; a hint is no reason to end without the report.
    found = Repository.find(Path.cwd()).attempt("for-each-ref", "--count=1", "--contains", change.head, *refs)
    return found.returncode == 0 and not found.stdout


def with_description(
    context: ReportContext, verdict: Verdict, head: str | None, reviews: PullRequestRef | None = None
) -> ReportContext:
    """Return the context with branch, subject, and link to the pull request, for readers elsewhere."""
    about = describe(Path.cwd(), verdict.change, head, os.environ, reviews)
    age = max(int(time()) - about.committed, 0) if about.committed else 0
    return replace(
        context, source=about.source, subject=about.subject, request=about.request, link=about.link, age=age
    )
