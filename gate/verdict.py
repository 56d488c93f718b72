"""The decision: from facts to the one verdict. Pure, and closed wherever the facts leave a doubt."""

from __future__ import annotations

from gate.model import Decision, Outcome, Verdict
from gate.requirements import mergeable, outcomes_of, waiver
from gate.requirements.facts import Facts


def decide(facts: Facts, notes: tuple[str, ...] = ()) -> Verdict:
    """Evaluate every requirement and draw the verdict. `notes` are lines to show with it."""
    outcomes = waiver.waive(outcomes_of(facts), facts)
    notes = (*waiver.notes(facts), *notes)
    decision = draw(outcomes)
    if decision == "blocked" and not any(outcome.state == "unmet" for outcome in outcomes):
        notes += ("The policy asks for nothing here, and a gate that asks for nothing cannot say yes.",)
    return Verdict(decision, facts.change, outcomes, facts.checks, facts.approvals, notes)


def draw(outcomes: tuple[Outcome, ...]) -> Decision:
    """One answer from many: unmet blocks, undecided is undecided, and emptiness is no pass.

    That a change merges cleanly is a condition, not evidence: it alone opens no gate.
    """
    states = {outcome.state for outcome in outcomes}
    if "unmet" in states:
        return "blocked"
    if "undecided" in states:
        return "undecided"
    evidence = (outcome for outcome in outcomes if outcome.id != mergeable.ID)
    return "pass" if any(outcome.state == "met" for outcome in evidence) else "blocked"
