"""GitHub: pull requests, their reviews, and team members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gate.approvals.reviews import PullRequest, Review, State
from gate.errors import CannotDecide
from gate.forges.places import PullRequestRef
from gate.forges.wire import (
    Json,
    NoPullRequest,
    OpenPullRequest,
    Wire,
    every,
    moment,
    one,
    project_path,
    quoted,
    text,
    unreadable,
)

STATES: Mapping[str, State | None] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "objected",
    "DISMISSED": "dismissed",
    "COMMENTED": None,
    "PENDING": None,
}
"""The meaning of each state of a review; None for those that decide nothing."""
# GitHub itself retargets a pull request when its base branch is deleted.
RETARGETED = {"base_ref_changed", "automatic_base_change_succeeded"}


def read_request(wire: Wire) -> PullRequest:
    """Return the current state of the pull request. Raises CannotDecide."""
    source = wire.request_ref
    number, is_merge_result = (source.number, source.queued) if source.number else _pushed(wire)
    pull = f"/repos/{project_path(source)}/pulls/{number}"
    first = one(wire, pull)
    reviews = reviews_in(source, every(wire, f"{pull}/reviews"), STATES)
    logins = commit_logins(every(wire, f"{pull}/commits"))
    events = every(wire, f"/repos/{project_path(source)}/issues/{number}/events")
    moved = [text(event, "created_at") for event in events if event.get("event") in RETARGETED]
    request = request_of(source, number, first, one(wire, pull), reviews, logins, moved)
    return replace(request, is_merge_result=is_merge_result)


def open_requests(wire: Wire, into: str) -> list[OpenPullRequest]:
    """Return the open pull requests that target a branch. Raises CannotDecide."""
    source = wire.request_ref
    pulls = every(wire, f"/repos/{project_path(source)}/pulls", {"state": "open", "base": into})
    requests = [open_request(source, pull) for pull in pulls if pull.get("state") == "open"]
    return [request for request in requests if request.into == into]


def open_request(source: PullRequestRef, pull: Json) -> OpenPullRequest:
    """Parse one pull request of a list. Raises CannotDecide if it can't be parsed."""
    number, head, into = pull.get("number"), text(pull, "head", "sha"), text(pull, "base", "ref")
    try:
        opened = moment(text(pull, "created_at"))
    except ValueError as error:
        raise unreadable(source, f"pull request {number}") from error
    if not isinstance(number, int) or not head or not into:
        raise unreadable(source, "the list of pull requests")
    author, title = text(pull, "user", "login"), text(pull, "title")
    return OpenPullRequest(number, head, into, author, title, opened, pull.get("draft") is True)


def read_team(wire: Wire, name: str) -> tuple[str, ...]:
    """Return the logins of the members of `@org/team`. Raises CannotDecide."""
    organisation, _, team = name.removeprefix("@").partition("/")
    path = f"/orgs/{quoted(organisation)}/teams/{quoted(team)}/members"
    return tuple(filter(None, (text(member, "login") for member in every(wire, path))))


def request_of(
    source: PullRequestRef,
    number: int,
    first: Json,
    last: Json,
    reviews: list[Review],
    logins: dict[str, str],
    moved: list[str],
) -> PullRequest:
    """Build the pull request from the responses. Raises CannotDecide if `first` and `last` show that it changed
    meanwhile.
    """
    head, into = text(last, "head", "sha"), text(last, "base", "ref")
    if not head or not into:
        raise unreadable(source, f"pull request {number}")
    if _moves(first) != _moves(last):
        raise CannotDecide(f"{source.project}#{number} changed while it was being read", "try again")
    author = text(last, "user", "login")
    try:
        retargeted = max(map(moment, moved), default=0)
    except ValueError as error:
        raise unreadable(source, f"pull request {number}") from error
    return PullRequest(
        source.source,
        source.project,
        number,
        into,
        head,
        author,
        tuple(reviews),
        logins,
        retargeted,
        source.queued,
    )


def _moves(pull: Json) -> tuple[str, str, str]:
    """Return the fields that change on any activity: a push, a review, or a removed comment."""
    return text(pull, "head", "sha"), text(pull, "base", "ref"), text(pull, "updated_at")


def commit_logins(commits: list[Json]) -> dict[str, str]:
    """Return the login of each author and committer by email address, according to the forge."""
    logins = {}
    for commit in commits:
        for role in ("author", "committer"):
            email, login = text(commit, "commit", role, "email"), text(commit, role, "login")
            if email and login and login != "web-flow":
                logins[email] = login
    return logins


def reviews_in(source: PullRequestRef, items: list[Json], states: Mapping[str, State | None]) -> list[Review]:
    """Return the reviews that are decisions. Raises CannotDecide for a review that can't be parsed."""
    reviews = []
    for item in items:
        state_name = text(item, "state")
        try:
            state = states[state_name]
            if state is None:
                continue
            reviews.append(
                Review(
                    id=f"{source.source}:{item['id']}",
                    login=text(item, "user", "login") or "ghost",
                    state="dismissed" if item.get("dismissed") else state,
                    commit=text(item, "commit_id"),
                    at=moment(text(item, "submitted_at")),
                    bot=text(item, "user", "type") == "Bot",
                    reason=text(item, "body"),
                )
            )
        except (KeyError, ValueError) as error:
            raise _unknown_review(source, state_name) from error
    return reviews


def _unknown_review(source: PullRequestRef, state: str) -> CannotDecide:
    """Return the error for a review with an unknown state, because it may be an objection."""
    return CannotDecide(
        f"{source.source} has a review in an unknown state ({state or 'missing'})",
        "upgrade gate",
    )


def _pushed(wire: Wire) -> tuple[int, bool]:
    """Return the pull request of the pushed commit, and whether the commit is its merge."""
    source = wire.request_ref
    pulls = every(wire, f"/repos/{project_path(source)}/commits/{quoted(source.commit)}/pulls")
    merged = [
        pull for pull in pulls if text(pull, "merged_at") and pull.get("merge_commit_sha") == source.commit
    ]
    if len(merged) == 1 and isinstance(merged[0].get("number"), int):
        return merged[0]["number"], True
    return only_open(source, pulls), False


def only_open(source: PullRequestRef, pulls: list[Json]) -> int:
    """Return the number of the only open pull request among `pulls` whose head is the commit in question."""
    pulls_open = [
        pull["number"]
        for pull in pulls
        if pull.get("state") == "open" and text(pull, "head", "sha") == source.commit
    ]
    if len(pulls_open) == 1 and isinstance(pulls_open[0], int):
        return pulls_open[0]
    reason = "more than one open pull request has" if pulls_open else "no open pull request has"
    raise (CannotDecide if pulls_open else NoPullRequest)(
        f"{reason} {source.commit[:12]} as its head",
        f"name it: `--reviews {source.source}:{source.project}#12`",
    )
