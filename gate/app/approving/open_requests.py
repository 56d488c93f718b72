"""Read the open pull requests of a forge, over the network and only on request."""

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


@dataclass(frozen=True, slots=True)
class Requested:
    """An open pull request, and where its reviews are. `name` looks like `acme/shop#12`.

    `trouble` says why its commit could not be fetched, if so.
    """

    request: OpenPullRequest
    request_ref: PullRequestRef
    name: str
    trouble: str = ""


def open_requests(
    repository: Repository, where: str, into: str, environ: Mapping[str, str]
) -> list[Requested]:
    """Return the pull requests that target `into`, and fetch their commits. `where` is `auto` for the forge of origin.

    Raises UsageError if there is no forge or no token, and CannotDecide if the forge doesn't answer.
    """
    origin = origin_of(repository)
    request_ref = (
        project_at(origin, forge_of(origin), repository_name(origin), environ)
        if where == "auto"
        else find_project(where, environ)
    )
    requests = forge(request_ref).open_requests(connect(request_ref), into)
    missing = bring(repository, (request.head for request in requests))
    numbered = [(request, replace(request_ref, number=request.number)) for request in requests]
    return [
        Requested(
            request,
            ref,
            ref.name,
            f"commit {request.head[:12]} can't be fetched from origin" if request.head in missing else "",
        )
        for request, ref in numbered
    ]
