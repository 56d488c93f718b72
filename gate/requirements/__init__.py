"""The requirements of protected branches and environments: one module each, `evaluate(facts) -> Outcome`, pure."""

from __future__ import annotations

from collections.abc import Callable

from gate.model import Outcome
from gate.requirements import (
    approvals,
    budget,
    checks,
    guarded,
    history,
    mergeable,
    metric,
    owners,
    passed,
    rolled_back,
    seniority,
    soaked,
)
from gate.requirements.facts import Facts

REQUIREMENTS: dict[str, Callable[[Facts], Outcome]] = {
    "mergeable": mergeable.evaluate,
    "owners": owners.evaluate,
    "approvals": approvals.evaluate,
    "seniority": seniority.evaluate,
    "guarded": guarded.evaluate,
    "history": history.evaluate,
    "checks": checks.evaluate,
}
"""Every requirement for a branch, in the order in which a verdict lists them."""

OF_RELEASES: dict[str, Callable[[Facts], Outcome]] = {
    "rolled-back": rolled_back.evaluate,
    "passed": passed.evaluate,
    "soaked": soaked.evaluate,
    "metric": metric.evaluate,
    "budget": budget.evaluate,
}
"""Additional requirements for an environment."""


def outcomes_of(facts: Facts) -> tuple[Outcome, ...]:
    """Evaluate every requirement that exists for this kind of target."""
    environment = facts.protection.kind == "environment"
    evaluations = {**OF_RELEASES, **REQUIREMENTS} if environment else REQUIREMENTS
    return tuple(evaluate(facts) for evaluate in evaluations.values())
