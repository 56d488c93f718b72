"""The requirement `history`: a change's own commits must not enter the branch."""

from __future__ import annotations

from gate.model import NOT_ASKED, Outcome
from gate.requirements.facts import Facts

ID = "history"


def evaluate(facts: Facts) -> Outcome:
    """Unmet if a merge that was already made brought more than one commit.

    A change that isn't merged yet meets it, because `gate merge` creates a single commit.
    """
    if facts.protection.require.history != "squash" or facts.release is not None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if facts.change.merged_commits > 1:
        reason = (
            f"it has {facts.change.merged_commits} commits, and {facts.branch} accepts one for each change"
        )
        return Outcome(ID, "unmet", reason, advice=("`gate merge` squashes it into one commit",))
    return Outcome(ID, "met", "one commit" if facts.change.merged_commits else "to be merged as one commit")
