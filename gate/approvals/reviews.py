"""A pull request on a forge, and its reviews as decisions that can be counted. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from gate.approvals.content import Contents
from gate.approvals.decisions import Decision, Reviewed
from gate.approvals.record import Record
from gate.model import Change, Source
from gate.policy.people import members, person_by_login
from gate.policy.types import Person, Policy

State = Literal["approved", "objected", "dismissed"]

LONGEST_REASON = 200
DISMISSED = "dismissed"
REPLACED = "superseded by a later review of the same person"
RETARGETED = "stale: given before the pull request was aimed at this branch"


@dataclass(frozen=True, slots=True)
class Review:
    """A person's decision in a review, and the commit it is for ("" if the forge doesn't say).

    `at` is the time in seconds by the forge's clock. Comments aren't decisions, so they are left out.
    """

    id: str
    login: str
    state: State
    commit: str
    at: int
    bot: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request or merge request, as the forge describes it at one moment. `reviews` are in order.

    `into` is the short name of its target branch since the time `retargeted`, or from the start if that is 0. `logins`
    are the forge's accounts by email address. `author` opened the pull request. With `is_merge_result`, the checked
    commit is one that the forge created from its head, such as that of a merge group.
    """

    source: Source
    project: str
    number: int
    into: str
    head: str
    author: str
    reviews: tuple[Review, ...]
    logins: Mapping[str, str] = field(default_factory=dict)
    retargeted: int = 0
    is_merge_result: bool = False

    @property
    def name(self) -> str:
        """`acme/shortener#12`, or with `!` as on GitLab."""
        return f"{self.project}{'!' if self.source == 'gitlab' else '#'}{self.number}"


@dataclass(frozen=True, slots=True)
class ShownChange:
    """The change that reviewers of a commit saw: its digest and its contents."""

    digest: str
    contents: Contents


@dataclass(frozen=True, slots=True)
class ReviewDecisions:
    """The decisions in a pull request. `contributors` are people who had a part in the change."""

    request: PullRequest
    decisions: tuple[Decision, ...]
    lists: Mapping[str, Contents]
    contributors: frozenset[str] = frozenset()
    guessed: frozenset[str] = frozenset()


def review_decisions(
    request: PullRequest,
    change: Change,
    policy: Policy,
    seen: Mapping[str, ShownChange],
    guessed: frozenset[str],
) -> ReviewDecisions:
    """Return the decisions in a pull request. `seen` is what reviewers saw of each commit, where that is available."""
    by_person: dict[str, list[Review]] = defaultdict(list)
    for review in sorted(request.reviews, key=lambda review: review.at):
        by_person[review.login.casefold()].append(review)
    decisions = []
    for reviews in by_person.values():
        latest = -1
        for review in reviews:
            # The forge's timestamps are in whole seconds; a review that is later in the list counts as later.
            latest = max(review.at, latest + 1)
            void = _void(review, review is reviews[-1], request)
            decisions.append(_decision(review, void, latest, request, change, seen))
    contributors = _people(policy, request.source, (request.author, *request.logins.values()))
    return ReviewDecisions(
        request,
        tuple(decisions),
        {reviewed.digest: reviewed.contents for reviewed in seen.values()},
        contributors,
        guessed,
    )


def completed(
    policy: Policy, request: PullRequest, owners: Iterable[str], teams: Mapping[str, tuple[str, ...]]
) -> tuple[Policy, frozenset[str]]:
    """Return the policy with what the forge knows, and the people who are in it only by login.

    If the policy lists people, only they count, and a team consists of those of its members who are listed. Otherwise a
    person whom CODEOWNERS names as `@login` is that login, with the email addresses that the forge reports.
    """
    if policy.people:
        people_in = {
            name: tuple(sorted(_people(policy, request.source, team))) for name, team in teams.items()
        }
        return replace(policy, teams={**policy.teams, **people_in}), frozenset()
    named = [login for logins in teams.values() for login in logins]
    named += [owner[1:] for owner in owners if owner.startswith("@") and "/" not in owner]
    every = {login.casefold(): login for login in (*request.logins.values(), *named)}
    people = {f"@{login}": _person(login, request) for login in every.values()}
    logins_in = {name: tuple(f"@{every[login.casefold()]}" for login in team) for name, team in teams.items()}
    return replace(policy, people=people, teams={**policy.teams, **logins_in}), frozenset(people)


def unknown_teams(policy: Policy, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that look like teams and that the policy doesn't define."""
    team_names = {name.casefold() for name in policy.teams}
    wanted = (name for name in names if name.startswith("@") and "/" in name)
    return tuple(
        dict.fromkeys(
            name for name in wanted if name.casefold() not in team_names and not members(policy, (name,))
        )
    )


def _person(login: str, request: PullRequest) -> Person:
    emails = tuple(email for email, owner in request.logins.items() if owner.casefold() == login.casefold())
    hidden = (f"{login}@users.noreply.github.com",) if request.source == "github" else ()
    logins = {source: login if source == request.source else "" for source in ("github", "gitlab", "gitea")}
    return Person(
        f"@{login}",
        emails=emails + hidden,
        github=logins["github"],
        gitlab=logins["gitlab"],
        gitea=logins["gitea"],
    )


def _people(policy: Policy, source: Source, logins: Iterable[str]) -> frozenset[str]:
    persons = (person_by_login(policy, source, login) for login in logins)
    return frozenset(person.name for person in persons if person is not None)


def _void(review: Review, last: bool, request: PullRequest) -> str:
    if review.state == "dismissed":
        return DISMISSED
    if not last:
        return REPLACED
    if review.state == "approved" and request.retargeted and review.at <= request.retargeted:
        return RETARGETED
    return ""


def _decision(
    review: Review, void: str, at: int, request: PullRequest, change: Change, seen: Mapping[str, ShownChange]
) -> Decision:
    content = seen.get(review.commit)
    record = Record(
        kind="block" if review.state == "objected" else "approve",
        repository=change.repository if _same(change.repository, request.project) else request.project,
        into=f"refs/heads/{request.into}",
        base=change.base,
        # In a merge group, the checked head counts as the pull request's own head.
        head=change.head if review.commit == request.head else review.commit,
        change=content.digest if content else "",
        by=f"@{review.login}",
        at=at,
        nonce="",
        reason=review.reason.strip().partition("\n")[0].strip()[:LONGEST_REASON],
        source=request.source,
    )
    dismissed = review.state == "dismissed"
    return Decision(review.id, record, Reviewed(review.login, void, dismissed, review.bot))


def _same(repository: str, project: str) -> bool:
    """Return whether the policy's `repository` is this project. It may include the host."""
    own, requested = repository.casefold(), project.casefold()
    return not own or own == requested or own.endswith(f"/{requested}")
