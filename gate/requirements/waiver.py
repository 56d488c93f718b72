"""Emergency override: apply a guardian's waiver to the outcomes, which stay visible."""

from __future__ import annotations

from dataclasses import replace

from gate.model import Approval, Outcome
from gate.requirements import mergeable, rolled_back
from gate.requirements.facts import Facts


def waivers(facts: Facts) -> tuple[Approval, ...]:
    """Return the waivers that count: signed by guardians, with a reason, for exactly this change."""
    return tuple(approval for approval in facts.approvals if approval.counted and approval.kind == "waive")


def waive(outcomes: tuple[Outcome, ...], facts: Facts) -> tuple[Outcome, ...]:
    """Return the outcomes with every unmet or undecided one waived, if there is a waiver. Each still shows what it was.

    A change that can't be merged can't be waived.
    """
    accepted = waivers(facts)
    if not accepted:
        return outcomes
    by = " and ".join(waiver.by for waiver in accepted)
    recent = facts.release.recent if facts.release else frozenset()
    # What was rolled back after a waiver has to be waived again.
    unwaived = frozenset() if any(item.id in recent for item in accepted) else frozenset({rolled_back.ID})
    return tuple(
        replace(outcome, state="met", reason=f"WAIVED by {by}: {outcome.reason}")
        if outcome.state in {"unmet", "undecided"} and outcome.id not in {mergeable.ID, *unwaived}
        else outcome
        for outcome in outcomes
    )


def notes(facts: Facts) -> tuple[str, ...]:
    """Return a line for each waiver, to be displayed with the verdict."""
    return tuple(f"WAIVED by {waiver.by}: {waiver.why}" for waiver in waivers(facts))
