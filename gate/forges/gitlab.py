"""GitLab: merge requests, their approvals, and the version that each approval is for.

GitLab doesn't record which commit was approved. It records when, and when each version of the merge request was
created: an approval counts for the latest version at that time. Both times come from the server. Decisions are read
from GitLab's system notes, which nobody else can write or delete.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gate.approvals.reviews import PullRequest, Review, State
from gate.errors import CannotDecide
from gate.forges.places import PullRequestRef
from gate.forges.wire import Json, NoPullRequest, OpenPullRequest, Wire, every, one, quoted, text, unreadable

APPROVED, WITHDRAWN = "approved this merge request", "unapproved this merge request"
OBJECTED = "requested changes"
# GitLab itself retargets a merge request when its target branch is deleted.
RETARGETED = re.compile(r"^changed (?:automatically )?target branch |This merge request now targets the `")
BOT = re.compile(r"(?:project|group)_\d+_bot(?:_|\d|$)")
NO_REPLY = re.compile(r"(?:\d+-)?([^@+]+)@users\.noreply\.[^@]+", re.IGNORECASE)
LANDED_AS = ("merge_commit_sha", "squash_commit_sha", "sha")
"""Fields that may name the last commit of a merged request on its branch; without a merge commit, its own head."""

Dated = tuple[datetime, str]


def read_request(wire: Wire) -> PullRequest:
    """Return the current state of the merge request. Raises CannotDecide."""
    source = wire.request_ref if wire.request_ref.number else _pushed(wire)
    request = f"/projects/{quoted(source.project)}/merge_requests/{source.number}"
    first = one(wire, request)
    approvals = one(wire, f"{request}/approvals")
    notes = [note for note in every(wire, f"{request}/notes") if note.get("system") is True]
    reviewers = every(wire, f"{request}/reviewers")
    versions = every(wire, f"{request}/versions")
    commits = every(wire, f"{request}/commits")
    last = one(wire, request)
    head, into = text(last, "sha"), text(last, "target_branch")
    if not head or not into:
        raise unreadable(source, request)
    name = f"{source.project}!{source.number}"
    # A note that is deleted meanwhile moves the others between pages, so one could be missed.
    moves = ("sha", "target_branch", "user_notes_count")
    if [first.get(name) for name in moves] != [last.get(name) for name in moves]:
        raise CannotDecide(f"{name} changed while it was being read", "try again")
    try:
        version_times = sorted(
            (_time(item, "created_at"), text(item, "head_commit_sha")) for item in versions
        )
        if not version_times or version_times[-1][1] != head:
            raise CannotDecide(f"{name}: GitLab has not yet processed the commit {head[:12]}", "try again")
        aimed = [_time(note, "created_at") for note in notes if RETARGETED.search(_body(note))]
        reviews = _reviews(source, approvals, notes, reviewers, version_times)
    except ValueError as error:
        raise unreadable(source, request) from error
    retargeted = int(max(aimed).timestamp()) if aimed else 0
    author = text(last, "author", "username")
    logins = _logins(commits)
    number, is_merge_result = source.number, source.queued
    return PullRequest(
        "gitlab", source.project, number, into, head, author, reviews, logins, retargeted, is_merge_result
    )


def _pushed(wire: Wire) -> PullRequestRef:
    """Return the merge request that added the commit to its branch: as a merge, squashed, or as its own last commit."""
    source = wire.request_ref
    path = f"/projects/{quoted(source.project)}/repository/commits/{quoted(source.commit)}/merge_requests"
    numbers = [
        item.get("iid")
        for item in every(wire, path)
        if item.get("state") == "merged" and source.commit in {text(item, name) for name in LANDED_AS}
    ]
    if len(numbers) == 1 and isinstance(numbers[0], int):
        return replace(source, number=numbers[0], queued=True)
    if not numbers:
        raise NoPullRequest(f"no merged merge request ended in {source.commit[:12]}")
    raise CannotDecide(
        f"more than one merge request ended in {source.commit[:12]}",
        f"name it: `--reviews gitlab:{source.project}!12`",
    )


def open_requests(wire: Wire, into: str) -> list[OpenPullRequest]:
    """Return the open merge requests that target a branch. Raises CannotDecide."""
    path = f"/projects/{quoted(wire.request_ref.project)}/merge_requests"
    items = every(wire, path, {"state": "opened", "target_branch": into})
    requests = [_open_request(wire.request_ref, item) for item in items if item.get("state") == "opened"]
    return [request for request in requests if request.into == into]


def _open_request(source: PullRequestRef, item: Json) -> OpenPullRequest:
    number, head, into = item.get("iid"), text(item, "sha"), text(item, "target_branch")
    try:
        opened = int(_time(item, "created_at").timestamp())
    except ValueError as error:
        raise unreadable(source, f"merge request {number}") from error
    if not isinstance(number, int) or not head or not into:
        raise unreadable(source, "the list of merge requests")
    author, title = text(item, "author", "username"), text(item, "title")
    return OpenPullRequest(number, head, into, author, title, opened, item.get("draft") is True)


def read_team(wire: Wire, name: str) -> tuple[str, ...]:
    """Return the logins of the members of the group `@group/sub`, including inherited members. Raises CannotDecide."""
    path = f"/groups/{quoted(name.removeprefix('@'))}/members/all"
    return tuple(filter(None, (text(member, "username") for member in every(wire, path))))


def _reviews(
    source: PullRequestRef,
    approvals: Json,
    notes: Iterable[Json],
    reviewers: Iterable[Json],
    versions: list[Dated],
) -> tuple[Review, ...]:
    """Return the latest decision of each reviewer. Raises ValueError if the response can't be parsed."""
    statements: dict[str, list[Dated]] = defaultdict(list)
    for note in notes:
        if _body(note) in {APPROVED, WITHDRAWN, OBJECTED}:
            statements[text(note, "author", "username")].append((_time(note, "created_at"), _body(note)))
    approved_by = approvals.get("approved_by")
    if not isinstance(approved_by, list):
        raise ValueError("no list of approvals")
    standing = {text(item, "user", "username"): item for item in approved_by if isinstance(item, dict)}
    objecting = {
        text(item, "user", "username"): _time(item, "created_at")
        for item in reviewers
        if item.get("state") == "requested_changes"
    }
    reviews = []
    for login in sorted({*statements, *standing, *objecting} - {""}):
        history = sorted(statements[login])
        decisive = [entry for entry in history if entry[1] != WITHDRAWN]
        if login in objecting or (decisive and decisive[-1][1] == OBJECTED):
            at = max([entry[0] for entry in history] or [objecting[login]])
            reviews.append(_review(source, login, "objected", at, versions))
        elif login in standing:
            times = [entry[0] for entry in history if entry[1] == APPROVED]
            exact = text(standing[login], "approved_at")
            times += [_time(standing[login], "approved_at")] if exact else []
            reviews.append(_review(source, login, "approved", max(times, default=None), versions))
        else:
            reviews.append(_review(source, login, "dismissed", history[-1][0], versions))
    return tuple(reviews)


def _review(
    source: PullRequestRef, login: str, state: State, at: datetime | None, versions: list[Dated]
) -> Review:
    shown = [commit for since, commit in versions if at is not None and since < at]
    return Review(
        id=f"gitlab:{source.number}:{login}",
        login=login,
        state=state,
        commit=shown[-1] if shown else "",
        at=int(at.timestamp()) if at else 0,
        bot=bool(BOT.match(login)),
    )


def _logins(commits: Iterable[Json]) -> dict[str, str]:
    """Return logins by email address, for authors who use GitLab's private commit addresses."""
    emails = {text(commit, role) for commit in commits for role in ("author_email", "committer_email")}
    return {email: match[1] for email in sorted(emails) if (match := NO_REPLY.fullmatch(email))}


def _body(note: Json) -> str:
    return text(note, "body").strip()


def _time(item: Json, name: str) -> datetime:
    time = datetime.fromisoformat(text(item, name))
    if time.tzinfo is None:
        raise ValueError("a time without a time zone")
    return time
