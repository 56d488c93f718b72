"""The requirement `history`: of the commits that a change was made in, none enters the branch."""

from __future__ import annotations

from gate.model import NOT_ASKED, Outcome
from gate.requirements.facts import Facts

ID = "history"


def evaluate(facts: Facts) -> Outcome:
    """Unmet where a step that has been made brought more than one commit.

    What has yet to be merged meets it: `gate merge` then makes one commit.
    """
    if facts.protection.require.history != "squash" or facts.release is not None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if facts.change.merged_commits > 1:
        reason = (
            f"it has {facts.change.merged_commits} commits, and {facts.branch} accepts one for each change"
        )
        return Outcome(ID, "unmet", reason, advice=("`gate merge` squashes it into one commit",))
    return Outcome(ID, "met", "one commit" if facts.change.merged_commits else "to be merged as one commit")
