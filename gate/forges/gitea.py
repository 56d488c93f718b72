"""Gitea and Forgejo: like GitHub, but for the states of a review and for where a new target branch is told."""

from __future__ import annotations

from collections.abc import Mapping

from gate.approvals.reviews import Request, State
from gate.errors import CannotDecide
from gate.forges.github import commit_logins, only_open, request_of, reviews_in
from gate.forges.wire import Wire, every, one, project_path, quoted, text

# A review that was asked of a team has no user; nor has it been given.
STATES: Mapping[str, State | None] = {
    "APPROVED": "approved",
    "REQUEST_CHANGES": "objected",
    "COMMENT": None,
    "PENDING": None,
    "REQUEST_REVIEW": None,
}


def read_request(wire: Wire) -> Request:
    """The request as it is now; raises CannotDecide."""
    source = wire.place
    number = source.number or _number(wire)
    repository = f"/repos/{project_path(source)}"
    pull = f"{repository}/pulls/{number}"
    first = one(wire, pull)
    reviews = reviews_in(source, every(wire, f"{pull}/reviews"), STATES)
    logins = commit_logins(every(wire, f"{pull}/commits"))
    events = every(wire, f"{repository}/issues/{number}/timeline")
    moved = [text(event, "created_at") for event in events if event.get("type") == "change_target_branch"]
    return request_of(source, number, first, one(wire, pull), reviews, logins, moved)


def read_team(wire: Wire, name: str) -> tuple[str, ...]:
    """The logins of the members of `@org/team`; raises CannotDecide."""
    organisation, _, team = name.removeprefix("@").partition("/")
    teams = every(wire, f"/orgs/{quoted(organisation)}/teams")
    ids = [item.get("id") for item in teams if text(item, "name").casefold() == team.casefold()]
    if not ids:
        raise CannotDecide(f"{wire.place.source} has no team {name}, or hides it from the token")
    return tuple(filter(None, (text(member, "login") for member in every(wire, f"/teams/{ids[0]}/members"))))


def _number(wire: Wire) -> int:
    """The request whose commit was pushed."""
    return only_open(wire.place, every(wire, f"/repos/{project_path(wire.place)}/pulls"))
