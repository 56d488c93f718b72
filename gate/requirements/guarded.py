"""The requirement `guarded`: what makes the gate see less, or changes the gate, needs a guardian."""

from __future__ import annotations

from gate.model import NOT_ASKED, Ask, Missing, Outcome
from gate.policy.people import members
from gate.requirements.asking import and_list, files
from gate.requirements.facts import Facts

ID = "guarded"


def evaluate(facts: Facts) -> Outcome:
    """Met if nothing weakens the gate, or a guardian who is no author has approved each weakened file."""
    found = facts.weakenings
    guardians = facts.protection.require.guarded
    paths = tuple(dict.fromkeys(finding.path for finding in found))
    if not guardians:
        told = f"{_count(len(found))}, and the policy names no guardians" if found else NOT_ASKED
        return Outcome(ID, "not_applicable", told, findings=found)
    if not found:
        return Outcome(ID, "met", "nothing in it makes the gate see less")
    people = members(facts.policy, guardians)
    allowed = people - facts.author_names()
    answered = {
        path
        for approval in facts.approvals
        if approval.counted and approval.kind == "approve" and approval.by in allowed
        for path in approval.files
    }
    open_paths = tuple(path for path in paths if path not in answered)
    if not open_paths:
        return Outcome(ID, "met", f"{_count(len(found))}, approved by a guardian", findings=found)
    rule = f"{facts.policy.file}: protect.{facts.branch}.require.guarded"
    missing = (Missing(open_paths, 1, tuple(guardians), rule),)
    if not allowed:
        reason = "no guardian is left who is not an author of the change"
        return Outcome(ID, "unmet", reason, missing, (f"name another in {rule}",), found)
    reason = f"{_count(len(found))} in {files(len(open_paths))}, not approved by a guardian"
    asking = (f"ask {and_list(allowed, 'or')}",)
    advice = (*asking, "or take out of the change what makes the gate see less")
    asks = (Ask(open_paths, 1, allowed),)
    return Outcome(ID, "unmet", reason, missing, advice, found, asks=asks, asking=asking)


def _count(number: int) -> str:
    return "1 weakening" if number == 1 else f"{number} weakenings"
