"""GitHub: pull requests, their reviews, and the members of teams."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gate.approvals.reviews import Request, Review, State
from gate.errors import CannotDecide
from gate.forges.places import Place
from gate.forges.wire import Json, Wire, every, moment, one, project_path, quoted, text, unreadable

STATES: Mapping[str, State | None] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "objected",
    "DISMISSED": "dismissed",
    "COMMENTED": None,
    "PENDING": None,
}
"""What the states of a review mean; None for those that decide nothing."""
# GitHub itself aims a request at another branch when the one that it was aimed at is deleted.
RETARGETED = {"base_ref_changed", "automatic_base_change_succeeded"}


def read_request(wire: Wire) -> Request:
    """The request as it is now; raises CannotDecide."""
    place = wire.place
    number, landed = (place.number, place.queued) if place.number else _pushed(wire)
    pull = f"/repos/{project_path(place)}/pulls/{number}"
    first = one(wire, pull)
    reviews = reviews_in(place, every(wire, f"{pull}/reviews"), STATES)
    logins = commit_logins(every(wire, f"{pull}/commits"))
    events = every(wire, f"/repos/{project_path(place)}/issues/{number}/events")
    moved = [text(event, "created_at") for event in events if event.get("event") in RETARGETED]
    request = request_of(place, number, first, one(wire, pull), reviews, logins, moved)
    return replace(request, landed=landed)


def read_team(wire: Wire, name: str) -> tuple[str, ...]:
    """The logins of the members of `@org/team`; raises CannotDecide."""
    organisation, _, team = name.removeprefix("@").partition("/")
    path = f"/orgs/{quoted(organisation)}/teams/{quoted(team)}/members"
    return tuple(filter(None, (text(member, "login") for member in every(wire, path))))


def request_of(
    place: Place,
    number: int,
    before: Json,
    after: Json,
    reviews: list[Review],
    logins: dict[str, str],
    moved: list[str],
) -> Request:
    """The request, from what was read before and after the rest; raises CannotDecide if that differs."""
    head, into = text(after, "head", "sha"), text(after, "base", "ref")
    if not head or not into:
        raise unreadable(place, f"request {number}")
    if _moves(before) != _moves(after):
        raise CannotDecide(f"{place.project}#{number} changed while it was being read", "try again")
    author = text(after, "user", "login")
    try:
        retargeted = max(map(moment, moved), default=0)
    except ValueError as error:
        raise unreadable(place, f"request {number}") from error
    return Request(
        place.source,
        place.project,
        number,
        into,
        head,
        author,
        tuple(reviews),
        logins,
        retargeted,
        place.queued,
    )


def _moves(pull: Json) -> tuple[str, str, str]:
    """What differs as soon as anything happens to a request: a push, a review, a comment that is removed."""
    return text(pull, "head", "sha"), text(pull, "base", "ref"), text(pull, "updated_at")


def commit_logins(commits: list[Json]) -> dict[str, str]:
    """Whose the commits are by the forge: login by e-mail address of authors and committers."""
    found = {}
    for commit in commits:
        for role in ("author", "committer"):
            email, login = text(commit, "commit", role, "email"), text(commit, role, "login")
            if email and login and login != "web-flow":
                found[email] = login
    return found


def reviews_in(place: Place, items: list[Json], states: Mapping[str, State | None]) -> list[Review]:
    """The decisions among reviews; raises CannotDecide for one that cannot be understood."""
    found = []
    for item in items:
        said = text(item, "state")
        try:
            state = states[said]
            if state is None:
                continue
            found.append(
                Review(
                    id=f"{place.source}:{item['id']}",
                    login=text(item, "user", "login") or "ghost",
                    state="dismissed" if item.get("dismissed") else state,
                    commit=text(item, "commit_id"),
                    at=moment(text(item, "submitted_at")),
                    bot=text(item, "user", "type") == "Bot",
                    reason=text(item, "body"),
                )
            )
        except (KeyError, ValueError) as error:
            raise _unknown_review(place, said) from error
    return found


def _unknown_review(place: Place, state: str) -> CannotDecide:
    """What to raise for a review that cannot be understood: it may be an objection."""
    return CannotDecide(
        f"{place.source} has a review in an unknown state ({state or 'missing'})",
        "upgrade gate",
    )


def _pushed(wire: Wire) -> tuple[int, bool]:
    """The request whose commit was pushed, and whether that is the commit as which it has landed."""
    place = wire.place
    pulls = every(wire, f"/repos/{project_path(place)}/commits/{quoted(place.commit)}/pulls")
    landed = [
        pull for pull in pulls if text(pull, "merged_at") and pull.get("merge_commit_sha") == place.commit
    ]
    if len(landed) == 1 and isinstance(landed[0].get("number"), int):
        return landed[0]["number"], True
    return only_open(place, pulls), False


def only_open(place: Place, pulls: list[Json]) -> int:
    """The number of the one open request among `pulls` that has the place's commit as its head."""
    found = [
        pull["number"]
        for pull in pulls
        if pull.get("state") == "open" and text(pull, "head", "sha") == place.commit
    ]
    if len(found) == 1 and isinstance(found[0], int):
        return found[0]
    many = "more than one open pull request has" if found else "no open pull request has"
    raise CannotDecide(
        f"{many} {place.commit[:12]} as its head", f"name it: `--reviews {place.source}:{place.project}#12`"
    )
