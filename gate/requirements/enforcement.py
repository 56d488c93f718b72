"""Apply `enforce: false`: such requirements are evaluated and displayed like any other, but don't block."""

from __future__ import annotations

from dataclasses import replace

from gate.model import Outcome
from gate.requirements import checks, mergeable
from gate.requirements.facts import Facts


def mark(outcomes: tuple[Outcome, ...], facts: Facts) -> tuple[Outcome, ...]:
    """Mark each outcome as enforced or not. A change that can't be merged at all always blocks."""
    protection = facts.protection
    return tuple(
        replace(outcome, enforced=False)
        if outcome.id != mergeable.ID
        and (not protection.enforce or outcome.id in protection.require.unenforced)
        else outcome
        for outcome in outcomes
    )


def notes(outcomes: tuple[Outcome, ...], facts: Facts) -> tuple[str, ...]:
    """Return a line that names what would block if it were enforced, if anything would."""
    open_ones = [item.id for item in outcomes if not item.enforced and item.state in {"unmet", "undecided"}]
    for name in facts.protection.require.checks:
        result = next((result for result in facts.checks if result.id == name), None)
        # If the requirement as a whole would block, its checks aren't named individually.
        if checks.ID not in open_ones and result is not None and not result.enforced and result.failed:
            open_ones.append(name)
    if not open_ones:
        return ()
    key = f"`enforce: false` in {facts.policy.file or 'the policy'}"
    return (f"Not enforced on {facts.branch} yet, would block: {', '.join(open_ones)} ({key})",)
