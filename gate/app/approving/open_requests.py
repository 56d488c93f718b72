"""The open pull requests of a forge, beside the branches that are here: read over the network, when somebody asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gate.forges import connect, forge
from gate.forges.places import PullRequestRef, find_project, project_at
from gate.forges.wire import OpenPullRequest
from gate.git.history import origin_of
from gate.git.repository import Repository
from gate.git.reviewed_changes import bring
from gate.policy.people import forge_of, repository_name

MARK = {"github": "#", "gitea": "#", "gitlab": "!"}


@dataclass(frozen=True, slots=True)
class Requested:
    """An open request, and where its reviews are. `name` is such as `acme/shop#12`.

    `trouble` says why its commit could not be fetched, if so.
    """

    request: OpenPullRequest
    request_ref: PullRequestRef
    name: str
    trouble: str = ""


def open_requests(
    repository: Repository, where: str, into: str, environ: Mapping[str, str]
) -> list[Requested]:
    """The requests that target `into`, with their commits fetched; `where` is `auto` for the forge of origin.

    Raises UsageError where there is no forge or no token, CannotDecide if the forge does not answer.
    """
    origin = origin_of(repository)
    request_ref = (
        project_at(origin, forge_of(origin), repository_name(origin), environ)
        if where == "auto"
        else find_project(where, environ)
    )
    requests = forge(request_ref).open_requests(connect(request_ref), into)
    missing = bring(repository, (request.head for request in requests))
    return [
        Requested(
            request,
            replace(request_ref, number=request.number),
            f"{request_ref.project}{MARK[request_ref.source]}{request.number}",
            f"commit {request.head[:12]} can't be fetched from origin" if request.head in missing else "",
        )
        for request in requests
    ]
