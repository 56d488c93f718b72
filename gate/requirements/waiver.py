"""Emergency override: what a guardian's waiver does to the outcomes. Nothing of what it covers is hidden."""

from __future__ import annotations

from dataclasses import replace

from gate.model import Approval, Outcome
from gate.requirements import mergeable, rolled_back
from gate.requirements.facts import Facts


def waivers(facts: Facts) -> tuple[Approval, ...]:
    """The waivers that count: signed by guardians, with a reason, for exactly this change."""
    return tuple(approval for approval in facts.approvals if approval.counted and approval.kind == "waive")


def waive(outcomes: tuple[Outcome, ...], facts: Facts) -> tuple[Outcome, ...]:
    """The outcomes with every unmet or undecided one set aside, if there is a waiver; each still says what it was.

    What cannot be merged at all cannot be waived either.
    """
    accepted = waivers(facts)
    if not accepted:
        return outcomes
    by = " and ".join(waiver.by for waiver in accepted)
    recent = facts.release.recent if facts.release else frozenset()
    # What was rolled back since has to be waived again.
    unwaived = frozenset() if any(item.id in recent for item in accepted) else frozenset({rolled_back.ID})
    return tuple(
        replace(outcome, state="met", reason=f"WAIVED by {by}: {outcome.reason}")
        if outcome.state in {"unmet", "undecided"} and outcome.id not in {mergeable.ID, *unwaived}
        else outcome
        for outcome in outcomes
    )


def notes(facts: Facts) -> tuple[str, ...]:
    """A line for each waiver, to be shown with the verdict."""
    return tuple(f"WAIVED by {waiver.by}: {waiver.why}" for waiver in waivers(facts))
