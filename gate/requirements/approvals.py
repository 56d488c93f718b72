"""The requirement `approvals`: enough people approve exactly this content, and nobody known objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.model import NOT_ASKED, Approval, Ask, Missing, Outcome
from gate.requirements.asking import and_list, files
from gate.requirements.facts import Facts

ID = "approvals"


def evaluate(facts: Facts) -> Outcome:
    """Met if each changed file has as many approvals, by as many people, as the policy asks for.

    An objection blocks whatever the number is, also where the policy asks for none. A log that may lack
    decisions is undecided: the one that is missing may be an objection.
    """
    objections = [approval for approval in facts.approvals if approval.counted and approval.kind == "block"]
    if objections:
        return _objected(facts, objections)
    if facts.log_gap:
        advice = ("fetch the approval log: `gate approvals --fetch`",)
        return Outcome(ID, "undecided", facts.log_gap, advice=advice)
    need = facts.protection.require.approvals
    if not need:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if not facts.change.tree:
        return Outcome(ID, "undecided", "there is no merge result to approve")
    if not facts.change.files:
        return Outcome(ID, "met", "no files changed")
    return _enough(facts, need)


def approvers(facts: Facts) -> Mapping[str, frozenset[str]]:
    """By changed path, the people whose approval of it counts."""
    people: dict[str, set[str]] = {file.path: set() for file in facts.change.files}
    for approval in facts.approvals:
        if approval.counted and approval.kind == "approve":
            for path in approval.files:
                people.setdefault(path, set()).add(approval.by)
    return {path: frozenset(names) for path, names in people.items()}


def how_to_approve(facts: Facts) -> str:
    """How to approve this change: a command; where reviews count, on the forge as well."""
    if facts.change.staged:
        return "`gate approve` once it is committed"
    command = f"`gate approve {facts.change.head[:12]} --into {facts.branch}`"
    return f"{command}, or approve {facts.request}" if facts.request else command


def _objected(facts: Facts, objections: list[Approval]) -> Outcome:
    of_person: dict[str, list[Approval]] = {}
    for objection in objections:
        of_person.setdefault(objection.by, []).append(objection)
    reason = "; ".join(f"{name} objects{_because(theirs)}" for name, theirs in of_person.items())
    advice = tuple(
        f"resolve it with {name}, who can withdraw it {and_list(_ways_back(facts, theirs))}"
        for name, theirs in of_person.items()
    )
    return Outcome(ID, "unmet", reason, advice=advice)


def _because(objections: Iterable[Approval]) -> str:
    why = "; ".join(dict.fromkeys(objection.why for objection in objections if objection.why))
    return f": {why}" if why else " (no reason given)"


def _ways_back(facts: Facts, objections: Iterable[Approval]) -> frozenset[str]:
    """How a person withdraws all of their objections."""
    return frozenset(
        f"with `gate revoke {objection.id[:12]}`"
        if objection.source == "ssh"
        else f"by approving {facts.request}"
        for objection in objections
    )


def _enough(facts: Facts, need: int) -> Outcome:
    given = approvers(facts)
    lacking = {path: need - len(names) for path, names in given.items() if len(names) < need}
    everybody = frozenset().union(*given.values())
    if not lacking:
        return Outcome(ID, "met", f"approved by {and_list(everybody)}")
    more = max(lacking.values())
    rule = f"{facts.policy.file}: protect.{facts.branch}.require.approvals"
    people = {person.name for person in facts.policy.people.values() if person.role != "bot"}
    able = frozenset(people - facts.author_names())
    left = able - frozenset.intersection(*(given[path] for path in lacking))
    missing = (Missing(tuple(lacking), more, tuple(sorted(left)), rule),)
    if everybody:
        reason = f"needs {_approvals(more, 'more ')}; approved by {and_list(everybody)}"
        if len(lacking) < len(given):
            reason += f" except {files(len(lacking))} of {len(given)}"
    else:
        reason = f"needs {_approvals(need)}; has none"
    if len(left) < more:
        reason += f", and only {len(left)} other {'person' if len(left) == 1 else 'people'} can approve"
        advice = (
            f"add people who are not authors of this change to `people` in {facts.policy.file or 'gate.yaml'}"
        )
        return Outcome(ID, "unmet", reason, missing, (advice,))
    return Outcome(ID, "unmet", reason, missing, asks=(Ask(tuple(lacking), more, left),))


def _approvals(number: int, more: str = "") -> str:
    return f"{number} {more}approval{'' if number == 1 else 's'}"
