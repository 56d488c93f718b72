"""The requirement `guarded`: a change that weakens checks or changes gate itself needs approval from a guardian."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from gate.finding import OWN_FILE, Finding
from gate.model import NOT_ASKED, Missing, MissingApprovals, Outcome
from gate.policy.files import POLICY_FILE
from gate.policy.people import members
from gate.requirements.facts import Facts
from gate.wording import count, listed

ID = "guarded"
MOST_PLACES = 5


def evaluate(facts: Facts) -> Outcome:
    """Met if nothing weakens checks, or if a guardian who isn't an author approved each affected file.

    Unmet, no matter who approves, if nobody could merge anything under the changed rules.
    """
    if facts.release is not None and facts.protection.require.passed:
        return Outcome(ID, "not_applicable", "weakened checks were approved before they were merged")
    if facts.locked:
        return _lock_out(facts)
    weakenings = facts.weakenings
    guardians = facts.protection.require.guarded
    paths = tuple(dict.fromkeys(finding.path for finding in weakenings))
    weakened = count(len(weakenings), "weakened check")
    only_rules = all(finding.rule.startswith(OWN_FILE) for finding in weakenings)
    if not guardians:
        reason = (
            f"{weakened} ({_places(weakenings)}), but the policy lists no guardians"
            if weakenings
            else NOT_ASKED
        )
        return Outcome(ID, "not_applicable", reason, findings=weakenings)
    if not weakenings:
        return Outcome(ID, "met", "no checks weakened")
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
        what = f"changes {listed(paths)}" if only_rules and len(paths) <= MOST_PLACES else weakened
        return Outcome(ID, "met", f"{what}, approved by a guardian", findings=weakenings)
    rule = f"{facts.policy.file}: protect.{facts.branch}.require.guarded"
    missing = (Missing(open_paths, 1, tuple(guardians), rule),)
    if not allowed:
        reason = "every guardian is an author of this change"
        return Outcome(ID, "unmet", reason, missing, (f"add another guardian to {rule}",), weakenings)
    what = f"{weakened} in {count(len(open_paths), 'file')}"
    if only_rules and len(open_paths) <= MOST_PLACES:
        what = f"changes {listed(open_paths)}"
    reason = f"{what}: needs approval from a guardian"
    names = tuple(name for name in guardians if members(facts.policy, (name,)) & allowed)
    asks = (MissingApprovals(open_paths, 1, allowed, names, "guardian"),)
    return Outcome(ID, "unmet", reason, missing, (_way_out(weakenings, answered),), weakenings, asks=asks)


def _places(weakenings: Sequence[Finding]) -> str:
    """Return where the first is, and how many more there are."""
    first, more = weakenings[0], len(weakenings) - 1
    place = f"{first.path}:{first.line}" if first.line else first.path
    return f"{place} and {more} more" if more else place


def _lock_out(facts: Facts) -> Outcome:
    """Unmet, no matter who approves: after this change, no other could be merged, not even one that reverts it."""
    waiver = (
        ", or let a guardian waive this (`gate approve --waive`)" if facts.protection.require.guarded else ""
    )
    advice = (
        f"change {POLICY_FILE} or CODEOWNERS: `gate init --print` proposes a policy that locks nobody out",
        f"to merge it all the same, use `gate merge --force`{waiver}",
    )
    branches = " or ".join(facts.locked)
    return Outcome(ID, "unmet", f"after this change, nobody could merge anything into {branches}", (), advice)


def _way_out(weakenings: Sequence[Finding], approved: Collection[str]) -> str:
    """Return what to remove from the change so that it doesn't need a guardian."""
    positions = dict.fromkeys(
        f"`{finding.path}:{finding.line}`" if finding.line else f"`{finding.path}`"
        for finding in weakenings
        if finding.path not in approved
    )
    more = f" and {len(positions) - MOST_PLACES} more" if len(positions) > MOST_PLACES else ""
    places = ", ".join(list(positions)[:MOST_PLACES])
    only_rules = all(finding.rule.startswith(OWN_FILE) for finding in weakenings)
    what = "the changes to" if only_rules else "what weakens the checks:"
    return f"get approval from a guardian, or revert {what} {places}{more}"
