"""The requirement `checks`: every required check ran to completion and has no blocking finding."""

from __future__ import annotations

from typing import assert_never

from gate.model import NOT_ASKED, Broken, Outcome, Ran, Skipped
from gate.requirements.facts import Facts

ID = "checks"


def evaluate(facts: Facts) -> Outcome:
    """Met only if every required check has a result and none blocks.

    A check without a result didn't run, so the outcome is undecided.
    """
    required = facts.protection.require.checks
    if not required:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if not facts.change.tree:
        return Outcome(ID, "undecided", "there is no merge result to check")
    failed: list[str] = []
    passed: list[str] = []
    empty: list[str] = []
    unknown: list[str] = []
    ignored: list[str] = []
    results = {result.id: result for result in facts.checks}
    for name in required:
        match results.get(name):
            case None if not _counts(facts, name):
                ignored.append(f"{name} did not run")
            case Ran() | Broken() | Skipped() as result if result.failed and not _counts(facts, name):
                ignored.append(f"{name} failed")
            case Ran(blocking=blocking) as result:
                if blocking:
                    failed.append(f"{name} ({len(blocking)})")
                else:
                    (empty if result.empty else passed).append(name)
            case Broken():
                unknown.append(f"{name} could not run")
            case Skipped() | None:
                unknown.append(f"{name} did not run")
            case other:
                assert_never(other)
    if failed:
        return Outcome(ID, "unmet", f"failed: {', '.join(failed)}" + _tail(unknown))
    if unknown:
        return Outcome(ID, "undecided", "; ".join(unknown))
    notes = [f"{', '.join(passed)} passed"] if passed else []
    notes += [f"{', '.join(empty)}: nothing ran"] if empty else []
    notes += [f"not enforced: {', '.join(ignored)}"] if ignored else []
    return Outcome(ID, "met", "; ".join(notes))


def _counts(facts: Facts, name: str) -> bool:
    """Return whether a failure of this check fails the requirement, which it does even if the requirement isn't
    enforced.
    """
    return name not in facts.policy.checks or facts.policy.checks[name].enforce


def _tail(unknown: list[str]) -> str:
    return f"; {'; '.join(unknown)}" if unknown else ""
