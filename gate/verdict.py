"""The decision: from facts to one verdict. Pure. It fails closed if the facts leave any doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gate.model import Decision, Outcome, ReviewRequest, Verdict
from gate.requirements import enforcement, mergeable, outcomes_of, owners, waiver
from gate.requirements.approvals import how_to_approve
from gate.requirements.facts import Facts
from gate.requirements.review_requests import lines_of, review_requests


def decide(facts: Facts, notes: tuple[str, ...] = ()) -> Verdict:
    """Evaluate every requirement and reach the verdict. `notes` are lines to show with it."""
    outcomes = enforcement.mark(waiver.waive(outcomes_of(facts), facts), facts)
    notes = (*waiver.notes(facts), *enforcement.notes(outcomes, facts), *notes)
    decision = draw(outcomes)
    if decision == "blocked" and not any(outcome.blocks for outcome in outcomes):
        what = "these files" if facts.protection.require.names else "this branch"
        notes += (
            f"The policy requires nothing for {what}. gate passes a change only if a requirement is met.",
        )
    # An approval of what can't merge anyway wouldn't count for what replaces it, so nobody is asked for one.
    asking = () if facts.change.merge_blocker else tuple(outcome for outcome in outcomes if outcome.blocks)
    reviewers = review_requests(asking)
    names = [name for request in reviewers for name in request.names]
    approve_with = how_to_approve(facts, names) if reviewers and facts.policy.people else ""
    return Verdict(
        decision,
        facts.change,
        _asking(outcomes, reviewers, approve_with),
        facts.checks,
        owners.credited(facts),
        notes,
        reviewers,
        approve_with,
    )


def _asking(
    outcomes: tuple[Outcome, ...], reviewers: Sequence[ReviewRequest], approve_with: str
) -> tuple[Outcome, ...]:
    """Return the outcomes. The first that needs approvals gets the advice on whom to ask, for all of them."""
    first = next((outcome for outcome in outcomes if outcome.blocks and outcome.asks), None)
    return tuple(
        replace(outcome, advice=(*lines_of(reviewers, approve_with), *outcome.advice))
        if outcome is first
        else outcome
        for outcome in outcomes
    )


def draw(outcomes: tuple[Outcome, ...]) -> Decision:
    """One answer from many: unmet blocks, undecided is undecided, and emptiness is no pass.

    That a change merges cleanly is a condition, not evidence: it alone opens no gate. What is not enforced has no
    say, and to have tried it is enough.
    """
    states = {outcome.state for outcome in outcomes if outcome.enforced}
    if "unmet" in states:
        return "blocked"
    if "undecided" in states:
        return "undecided"
    evidence = [outcome for outcome in outcomes if outcome.id != mergeable.ID]
    # Of the enforced ones, only met and not applicable ones are left.
    tried = any(outcome.state != "not_applicable" for outcome in evidence)
    return "pass" if tried else "blocked"
