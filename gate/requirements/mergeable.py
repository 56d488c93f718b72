"""The requirement `mergeable`: there is a merge result, it can be checked out anywhere, and has readable rules."""

from __future__ import annotations

from gate.model import UNRESOLVED, Missing, Outcome, short_name
from gate.requirements.facts import Facts

ID = "mergeable"


def evaluate(facts: Facts) -> Outcome:
    """Unmet where git cannot merge the head into the base by itself, with the files to resolve."""
    change = facts.change
    if facts.release is not None:
        return Outcome(ID, "not_applicable", "a release is taken as it is")
    if change.tree and not change.obstacle:
        return Outcome(ID, "met", "nothing to merge" if not change.files else "merges cleanly")
    branch = short_name(change.into)
    missing = (Missing(change.conflicts, 0, (), ""),) if change.conflicts else ()
    way_out = f"merge {branch} into your branch, resolve, commit, and check again"
    if change.obstacle == UNRESOLVED:
        way_out = "resolve them, `git add` them, and check again"
    advice = (way_out,) if change.conflicts else ()
    return Outcome(ID, "unmet", change.obstacle or "there is no merge result", missing, advice)
