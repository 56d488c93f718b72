"""The requirement `rolled-back`: a release that was rolled back needs a new approval."""

from __future__ import annotations

from gate.model import NOT_ASKED, Missing, Outcome
from gate.requirements.approvals import how_to_approve
from gate.requirements.facts import Facts

ID = "rolled-back"


def evaluate(facts: Facts) -> Outcome:
    """Met with an approval of the whole release that is later than its last rollback, in any environment."""
    release = facts.release
    if release is None or not release.rolled_back or release.returning:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    environments = " and ".join(sorted(release.rolled_back))
    paths = {file.path for file in facts.change.files}
    for approval in facts.approvals:
        if approval.kind == "approve" and approval.counted and approval.id in release.recent:
            paths -= set(approval.files)
    if not paths:
        return Outcome(ID, "met", f"rolled back in {environments}, but approved again since")
    reviewers = {
        person.name for person in facts.policy.people.values() if person.role in {"senior", "member"}
    }
    from_ = tuple(sorted(reviewers - facts.author_names()))
    key = f"{facts.policy.file}: protect.{facts.branch}"
    advice = (
        "find out why it was rolled back; a fix is a new commit, which doesn't need this",
        f"to release the same commit again, someone other than its authors runs {how_to_approve(facts)}",
    )
    missing = (Missing(tuple(sorted(paths)), 1, from_, key),)
    return Outcome(
        ID,
        "unmet",
        f"it was rolled back in {environments}, and nobody has approved it since",
        missing,
        advice,
    )
