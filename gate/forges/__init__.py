"""The forges' edge: what was decided in reviews, asked over the network, and only when somebody said so.

A forge is a module that turns answers into facts, and one line in `FORGES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Protocol, cast

from gate.approvals.reviews import PullRequest
from gate.forges.places import PullRequestRef
from gate.forges.wire import OpenPullRequest, Wire, Writer
from gate.model import Source

FORGES: Mapping[Source, str] = {
    "github": "gate.forges.github",
    "gitlab": "gate.forges.gitlab",
    "gitea": "gate.forges.gitea",
}


class Forge(Protocol):
    """What a module of a forge has."""

    def read_request(self, wire: Wire) -> PullRequest:
        """The pull request as it is now; raises CannotDecide."""

    def open_requests(self, wire: Wire, into: str) -> list[OpenPullRequest]:
        """The open pull requests that target the branch `into`; raises CannotDecide."""

    def read_team(self, wire: Wire, name: str) -> tuple[str, ...]:
        """The logins of a team's members; raises CannotDecide."""


def forge(request: PullRequestRef) -> Forge:
    """The module of a place's forge."""
    return cast("Forge", import_module(FORGES[request.source]))


def connect(request: PullRequestRef) -> Writer:
    """A client for a place; raises UsageError where its library is not installed."""
    from gate.forges.clients import GitHubClient, GitLabClient

    return GitLabClient(request) if request.source == "gitlab" else GitHubClient(request)
