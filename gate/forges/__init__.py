"""Clients for forges: read reviews over the network, only when the user asks for it.

To add a forge, write a module that implements `Forge`, and add it to `FORGES`.
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
    """The interface of a forge's module."""

    def read_request(self, wire: Wire) -> PullRequest:
        """Return the current state of the pull request. Raises CannotDecide."""

    def open_requests(self, wire: Wire, into: str) -> list[OpenPullRequest]:
        """Return the open pull requests that target the branch `into`. Raises CannotDecide."""

    def read_team(self, wire: Wire, name: str) -> tuple[str, ...]:
        """Return the logins of a team's members. Raises CannotDecide."""


def forge(request: PullRequestRef) -> Forge:
    """Return the module for a pull request's forge."""
    return cast("Forge", import_module(FORGES[request.source]))


def connect(request: PullRequestRef) -> Writer:
    """Return a client for a pull request's forge. Raises UsageError if the client library isn't installed."""
    from gate.forges.clients import GitHubClient, GitLabClient

    return GitLabClient(request) if request.source == "gitlab" else GitHubClient(request)
