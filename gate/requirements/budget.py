"""The requirement `budget`: enough of the promised downtime is left to risk a release."""

from __future__ import annotations

from gate.model import NOT_ASKED, Missing, Outcome
from gate.requirements.approvals import approvers, how_to_approve
from gate.requirements.facts import Facts
from gate.wording import listed

ID = "budget"


def evaluate(facts: Facts) -> Outcome:
    """Unmet if less is left than a release may risk. If little is left, a senior must approve the whole release."""
    rule, release = facts.protection.require.budget, facts.release
    if rule is None or release is None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if release.returning:
        return Outcome(ID, "met", f"it was in {facts.branch} before, and rolling back is always allowed")
    if release.downtime is None:
        return Outcome(ID, "undecided", f"the downtime is unknown: {release.no_downtime}")
    left = rule.minutes - release.downtime
    remaining = f"{left:.1f} of {rule.minutes:g} minutes left in {rule.window / 86400:g} days"
    if left < rule.risk:
        advice = ("only rollbacks are allowed; a guardian can override this: `gate explain waiver`",)
        return Outcome(
            ID, "unmet", f"frozen: {remaining}, and a release may risk {rule.risk:g}", advice=advice
        )
    if left >= rule.low:
        return Outcome(ID, "met", remaining)
    seniors = (
        frozenset(p.name for p in facts.policy.people.values() if p.role == "senior") - facts.author_names()
    )
    approved = approvers(facts)
    paths = tuple(path for path, people in approved.items() if not people & seniors)
    if not paths:
        return Outcome(ID, "met", f"{remaining}, approved by a senior")
    key = f"{facts.policy.file}: protect.{facts.branch}.require.budget.low"
    advice = (
        f"ask {listed(sorted(seniors), 'or') or 'a guardian to name a senior'} to run {how_to_approve(facts)}",
    )
    missing = (Missing(paths, 1, tuple(sorted(seniors)), key),)
    return Outcome(
        ID, "unmet", f"{remaining}, below {rule.low:g}: needs approval from a senior", missing, advice
    )
