"""The requirement `passed`: the same commit has already passed other targets."""

from __future__ import annotations

from gate.model import NOT_ASKED, Outcome
from gate.requirements.facts import Facts

ID = "passed"


def evaluate(facts: Facts) -> Outcome:
    """Met if the records show that the commit passed each required target."""
    targets = facts.protection.require.passed
    if not targets or facts.release is None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if facts.release.returning:
        return Outcome(ID, "met", f"it was in {facts.branch} before")
    why = {target: facts.release.passed.get(target, "no record of it") for target in targets}
    wanting = [f"{target}: {reason}" for target, reason in why.items() if reason]
    if not wanting:
        return Outcome(ID, "met", f"passed {' and '.join(targets)}")
    commit = facts.change.head[:12]
    advice = tuple(
        f"run `gate promote {commit} --into {target}` first"
        if facts.policy.is_environment(target)
        else f"release a commit that `gate merge` put on {target}; `gate audit --into {target} --all` lists them"
        for target, reason in why.items()
        if reason
    )
    return Outcome(ID, "unmet", "; ".join(wanting), advice=advice)
