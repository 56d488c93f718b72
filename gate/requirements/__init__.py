"""What a protected branch can ask for: each requirement a module, `evaluate(facts) -> Outcome`, pure."""

from __future__ import annotations

from collections.abc import Callable

from gate.model import Outcome
from gate.requirements import approvals, checks, guarded, mergeable, owners, seniority
from gate.requirements.facts import Facts

REQUIREMENTS: dict[str, Callable[[Facts], Outcome]] = {
    "mergeable": mergeable.evaluate,
    "owners": owners.evaluate,
    "approvals": approvals.evaluate,
    "seniority": seniority.evaluate,
    "guarded": guarded.evaluate,
    "checks": checks.evaluate,
}
"""Every requirement, in the order in which a verdict tells of them."""
