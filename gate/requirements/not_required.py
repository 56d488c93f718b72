"""Approvals that the policy doesn't require: they are displayed but don't count."""

from __future__ import annotations

from dataclasses import replace

from gate.policy.people import members
from gate.policy.types import Policy, Require
from gate.requirements.facts import Facts
from gate.requirements.owners import people_of
from gate.requirements.seniority import RANK


def discount_unrequired(facts: Facts) -> Facts:
    """Return the facts with approvals that no requirement considers marked as not counting.

    If the policy requires a number of people, or a release was rolled back, everyone's approval counts. Objections
    always count.
    """
    policy, require, release = facts.policy, facts.protection.require, facts.release
    if any(rule.need and not rule.whom for rule in require.approvals) or (release and release.rolled_back):
        return facts
    required = members(policy, require.guarded) | _seniors(policy, require) | _named(policy, require)
    if require.owners is not None:
        owners = (owner for rules in facts.ownership.values() for rule in rules for owner in rule.owners)
        required |= people_of(policy, [*require.owners.fallback, *owners])
    why = "not an owner of these files" if require.owners is not None else "approval not required"
    approvals = tuple(
        replace(approval, counted=False, why=why, files=())
        if approval.counted and approval.kind == "approve" and approval.by not in required
        else approval
        for approval in facts.approvals
    )
    return replace(facts, approvals=approvals)


def _named(policy: Policy, require: Require) -> frozenset[str]:
    """Return the people that approval rules refer to by name, team, or role."""
    named = {name for rule in require.approvals if rule.need for name in rule.whom}
    by_role = {person.name for person in policy.people.values() if person.role in named}
    return members(policy, named) | by_role


def _seniors(policy: Policy, require: Require) -> frozenset[str]:
    if require.seniority is None and require.budget is None:
        return frozenset()
    least = RANK.get(require.seniority.need, 2) if require.seniority else RANK["senior"]
    people = policy.people.values()
    ranked = {person.name for person in people if RANK.get(person.role, -1) >= least}
    return frozenset(ranked | {person.senior for person in people if person.senior})
