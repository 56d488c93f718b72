"""Whom a policy asks at all: an approval that nobody asked for is shown, and told to be of no use here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gate.codeowners import Rule
from gate.model import Approval
from gate.policy.people import members
from gate.policy.types import Policy, Require
from gate.requirements.facts import Release
from gate.requirements.owners import people_of
from gate.requirements.seniority import RANK


def mark_unasked(
    approvals: tuple[Approval, ...],
    policy: Policy,
    require: Require,
    ownership: Mapping[str, tuple[Rule, ...]],
    release: Release | None = None,
) -> tuple[Approval, ...]:
    """The approvals, with those discounted that no requirement would look at.

    Where the policy asks for a number of people, or a release was rolled back, everybody is asked. An objection is
    never discounted.
    """
    if any(rule.need and not rule.whom for rule in require.approvals) or (release and release.rolled_back):
        return approvals
    required = members(policy, require.guarded) | _seniors(policy, require) | _named(policy, require)
    if require.owners is not None:
        required |= people_of(
            policy,
            [
                *require.owners.fallback,
                *(owner for rules in ownership.values() for rule in rules for owner in rule.owners),
            ],
        )
    why = "not an owner of these files" if require.owners is not None else "approval not required"
    return tuple(
        replace(approval, counted=False, why=why, files=())
        if approval.counted and approval.kind == "approve" and approval.by not in required
        else approval
        for approval in approvals
    )


def _named(policy: Policy, require: Require) -> frozenset[str]:
    """The people whom rules about approvals name, by their names, their teams or their roles."""
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
