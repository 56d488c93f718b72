"""Read the reviews of a pull request on a forge, all at one time, and compare them with the checked change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gate.approvals.content import parse_contents
from gate.approvals.reviews import (
    PullRequest,
    ReviewDecisions,
    ShownChange,
    completed,
    review_decisions,
    unknown_teams,
)
from gate.codeowners import Rule
from gate.errors import CannotDecide
from gate.forges import forge
from gate.forges.wire import Wire
from gate.git.authors import read_authors
from gate.git.repository import Repository
from gate.git.reviewed_changes import changes_shown, digest_of
from gate.log.admitted import ApprovalLog
from gate.log.decisions import Decisions, decisions_in
from gate.model import Change, short_name
from gate.policy.types import Policy, Protection
from gate.requirements.facts import Facts


@dataclass(frozen=True, slots=True)
class Reviews:
    """The decisions in a pull request, and the policy completed with the forge's people and teams.

    `unread` says, by team, why its members could not be read.
    """

    decisions: ReviewDecisions
    change: Change
    policy: Policy
    unread: Mapping[str, str]


def read_reviews(
    repository: Repository,
    change: Change,
    policy: Policy,
    protection: Protection,
    ownership: Mapping[str, tuple[Rule, ...]],
    wire: Wire,
) -> Reviews:
    """Read the current reviews. Raises CannotDecide if the forge doesn't answer, or has another commit or branch."""
    module = forge(wire.request_ref)
    request = module.read_request(wire)
    _refuse_another_change(request, change)
    commits = (request.head, *(review.commit for review in request.reviews))
    shown = changes_shown(repository, change.base, commits)
    seen = {commit: ShownChange(digest_of(raw), parse_contents(raw)) for commit, raw in shown.items()}
    if request.is_merge_result:
        change = _with_own_commits(repository, request, change, seen)
    owners = {owner for rules in ownership.values() for rule in rules for owner in rule.owners}
    teams, unread = _teams(wire, unknown_teams(policy, sorted({*owners, *protection.require.guarded})))
    whole, guessed = completed(policy, request, sorted(owners), teams)
    return Reviews(review_decisions(request, change, whole, seen, guessed), change, whole, unread)


def with_reviews(
    repository: Repository, facts: Facts, log: ApprovalLog, wire: Wire, now: int
) -> tuple[Facts, Decisions]:
    """Return the facts completed by the forge, and all decisions, counted again together with those in the log."""
    policy, protection = facts.policy, facts.protection
    reviewed = read_reviews(repository, facts.change, policy, protection, facts.ownership, wire)
    decisions = decisions_in(
        repository, log, reviewed.change, reviewed.policy, protection, now, reviewed.decisions
    )
    whole = replace(
        facts,
        change=reviewed.change,
        policy=reviewed.policy,
        approvals=decisions.approvals,
        log_gap=decisions.gap,
        request=reviewed.decisions.request.name,
        contributors=reviewed.decisions.contributors,
        unread_teams=reviewed.unread,
    )
    return whole, decisions


def _refuse_another_change(request: PullRequest, change: Change) -> None:
    branch = short_name(change.into)
    if request.into != branch:
        raise CannotDecide(
            f"{request.name} targets {request.into}, not {branch}",
            f"`--into {request.into}`, or choose another request",
        )
    if not request.is_merge_result and request.head != change.head:
        raise CannotDecide(
            f"{request.name} is at {request.head[:12]} according to {request.source}, but gate checks "
            f"{change.head[:12]}",
            "if it was just pushed, try again; for the forge's merge commit, use the head of the pull request: "
            f"`gate check --head {request.head}` or `gate record {request.head}`",
        )


def _with_own_commits(
    repository: Repository, request: PullRequest, change: Change, seen: Mapping[str, ShownChange]
) -> Change:
    """Return the change of a merge group or merge commit, with the authors of the pull request's commits added.

    Raises CannotDecide if it doesn't make the same change as the pull request.
    """
    own = seen.get(request.head)
    if own is None or own.digest != change.digest:
        raise CannotDecide(
            f"what the commit made of {request.name} changes is not what the request itself changes",
            "it holds another pull request as well, or the base has moved in the same files: update the branch",
        )
    authors = {author.email.casefold(): author for author in change.authors}
    for author in read_authors(repository, change.base, request.head):
        authors.setdefault(author.email.casefold(), author)
    return replace(change, authors=tuple(authors.values()))


def _teams(wire: Wire, names: Iterable[str]) -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """Return the members of each team, and, for other teams, why they could not be read."""
    teams: dict[str, tuple[str, ...]] = {}
    unread: dict[str, str] = {}
    for name in names:
        try:
            teams[name] = forge(wire.request_ref).read_team(wire, name)
        except CannotDecide as error:
            unread[name] = error.message
    return teams, unread
