"""Gitea and Forgejo. They differ from GitHub in review states and in how they report a new target branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gate.approvals.reviews import PullRequest, State
from gate.errors import CannotDecide
from gate.forges.github import commit_logins, only_open, open_request, request_of, reviews_in
from gate.forges.wire import OpenPullRequest, Wire, every, one, one_if_any, project_path, quoted, text

# A review requested from a team has no user, and hasn't been given.
STATES: Mapping[str, State | None] = {
    "APPROVED": "approved",
    "REQUEST_CHANGES": "objected",
    "COMMENT": None,
    "PENDING": None,
    "REQUEST_REVIEW": None,
}


def read_request(wire: Wire) -> PullRequest:
    """Return the current state of the pull request. Raises CannotDecide."""
    source = wire.request_ref
    number, is_merge_result = (source.number, source.queued) if source.number else _pushed(wire)
    repository = f"/repos/{project_path(source)}"
    pull = f"{repository}/pulls/{number}"
    first = one(wire, pull)
    reviews = reviews_in(source, every(wire, f"{pull}/reviews"), STATES)
    logins = commit_logins(every(wire, f"{pull}/commits"))
    events = every(wire, f"{repository}/issues/{number}/timeline")
    moved = [text(event, "created_at") for event in events if event.get("type") == "change_target_branch"]
    request = request_of(source, number, first, one(wire, pull), reviews, logins, moved)
    return replace(request, is_merge_result=is_merge_result)


def open_requests(wire: Wire, into: str) -> list[OpenPullRequest]:
    """Return the open pull requests that target a branch. Raises CannotDecide."""
    source = wire.request_ref
    pulls = every(wire, f"/repos/{project_path(source)}/pulls", {"state": "open"})
    requests = [open_request(source, pull) for pull in pulls if pull.get("state") == "open"]
    return [request for request in requests if request.into == into]


def read_team(wire: Wire, name: str) -> tuple[str, ...]:
    """Return the logins of the members of `@org/team`. Raises CannotDecide."""
    organisation, _, team = name.removeprefix("@").partition("/")
    teams = every(wire, f"/orgs/{quoted(organisation)}/teams")
    ids = [item.get("id") for item in teams if text(item, "name").casefold() == team.casefold()]
    if not ids:
        raise CannotDecide(f"{wire.request_ref.source} has no team {name}, or hides it from the token")
    return tuple(filter(None, (text(member, "login") for member in every(wire, f"/teams/{ids[0]}/members"))))


def _pushed(wire: Wire) -> tuple[int, bool]:
    """Return the pull request of the pushed commit, and whether the commit is its merge."""
    source = wire.request_ref
    repository = f"/repos/{project_path(source)}"
    merged = one_if_any(wire, f"{repository}/commits/{quoted(source.commit)}/pull")
    if merged and text(merged, "merge_commit_sha") == source.commit and merged.get("merged") is True:
        number = merged.get("number")
        if isinstance(number, int):
            return number, True
    return only_open(source, every(wire, f"{repository}/pulls")), False
