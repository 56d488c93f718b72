"""The requirement `mergeable`: git can merge the change, and the result can be checked out and has valid rules."""

from __future__ import annotations

from gate.model import UNRESOLVED, Missing, Outcome, short_name
from gate.requirements.facts import Facts
from gate.wording import listed

ID = "mergeable"


def evaluate(facts: Facts) -> Outcome:
    """Unmet if there are conflicts, which the outcome lists."""
    change = facts.change
    if facts.release is not None:
        return Outcome(ID, "not_applicable", "releases are not merged")
    if change.tree and not change.merge_blocker:
        return Outcome(ID, "met", "no changes to merge" if not change.files else "merges cleanly")
    branch = short_name(change.into)
    missing = (Missing(change.conflicts, 0, (), ""),) if change.conflicts else ()
    fix = f"merge {branch} into your branch, resolve the conflicts, and commit"
    if change.merge_blocker == UNRESOLVED:
        fix = "resolve the conflicts and `git add` the files"
    if change.tree and not change.conflicts:
        authors = sorted(facts.author_names()) or [author.email for author in change.authors]
        by = f" ({listed(authors, 'or')})" if authors else ""
        fix = (
            f"fix it on the branch first{by}: an approval wouldn't count for the fix, so nobody is asked yet"
        )
    advice = (fix,) if change.conflicts or change.tree else ()
    return Outcome(ID, "unmet", change.merge_blocker or "there is no merge result", missing, advice)
