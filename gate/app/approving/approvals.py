"""List the decisions recorded about a change: which count, which are discounted, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.app.approving.proposed_change import read_proposed_change
from gate.git.repository import Repository
from gate.log.decisions import Decisions, decisions_about
from gate.log.sync import fetch_log
from gate.model import Change
from gate.requirements.facts import Facts
from gate.requirements.not_required import discount_unrequired
from gate.requirements.owners import credited

if TYPE_CHECKING:
    from gate.forges.places import PullRequestRef


@dataclass(frozen=True, slots=True)
class Listing:
    """The decisions about `change`."""

    change: Change
    decisions: Decisions


def list_approvals(
    start: Path,
    now: int,
    *,
    rev: str | None = None,
    into: str | None = None,
    bring: bool = False,
    reviews: PullRequestRef | None = None,
) -> Listing:
    """Return the decisions about merging `rev` into `into`. With `bring`, fetch the remote's log first.

    `reviews` names the pull request on a forge whose reviews count as well.
    """
    repository = Repository.find(start)
    if bring:
        fetch_log(repository)
    proposed = read_proposed_change(repository, start, rev, into, now)
    change, policy, protection = proposed.change, proposed.policy, proposed.protection
    ownership = proposed.ownership(repository).rules
    review = None
    if reviews and change.digest:
        from gate.app.checking.reviews import read_reviews
        from gate.forges import connect

        reviewed = read_reviews(repository, change, policy, protection, ownership, connect(reviews))
        change, policy, review = reviewed.change, reviewed.policy, reviewed.decisions
    decisions = decisions_about(repository, change, policy, protection, now, review)
    contributors = review.contributors if review else frozenset()
    facts = Facts(
        change,
        policy,
        protection,
        ownership=ownership,
        approvals=decisions.approvals,
        contributors=contributors,
    )
    return Listing(change, replace(decisions, approvals=credited(discount_unrequired(facts))))
