"""The requirement `approvals`: enough people approve exactly this content, and nobody known objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.model import NOT_ASKED, Approval, Ask, Missing, Outcome
from gate.requirements.asking import and_list
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
        advice = ("`gate approvals --fetch` brings it from the remote",)
        return Outcome(ID, "undecided", facts.log_gap, advice=advice)
    need = facts.protection.require.approvals
    if not need:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if not facts.change.tree:
        return Outcome(ID, "undecided", "nothing to approve: there is no merge result")
    if not facts.change.files:
        return Outcome(ID, "met", "nothing changes, so nothing needs an approval")
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
    """With what somebody approves this change: a command; where reviews count, on the forge as well."""
    if facts.change.staged:
        return "`gate approve`, once it is committed"
    command = f"`gate approve {facts.change.head[:12]} --into {facts.branch}`"
    return f"{command}, or on {facts.request}" if facts.request else command


def _objected(facts: Facts, objections: list[Approval]) -> Outcome:
    of_person: dict[str, list[Approval]] = {}
    for objection in objections:
        of_person.setdefault(objection.by, []).append(objection)
    said = "; ".join(f"{name} objects{_because(some)}" for name, some in of_person.items())
    advice = tuple(
        f"settle it with {name}, who takes it back {and_list(_ways_back(facts, some))}"
        for name, some in of_person.items()
    )
    return Outcome(ID, "unmet", said, advice=advice)


def _because(objections: Iterable[Approval]) -> str:
    why = "; ".join(dict.fromkeys(objection.why for objection in objections if objection.why))
    return f": {why}" if why else ", and gives no reason"


def _ways_back(facts: Facts, objections: Iterable[Approval]) -> frozenset[str]:
    """How a person takes all of their objections back."""
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
    have = f"approved by {and_list(everybody)}" if everybody else "nobody has approved it"
    if len(lacking) < len(given):
        have += f", {len(lacking)} of {len(given)} files not by enough"
    reason = f"needs {_people(more)} more: {have}" if everybody else f"needs {_people(need)}: {have}"
    if len(left) < more:
        reason += ", and too few are left who may"
        advice = f"add people who are no authors of it to `people` in {facts.policy.file or 'gate.yaml'}"
        return Outcome(ID, "unmet", reason, missing, (advice,))
    asking = (f"ask {and_list(left, 'or')}",)
    return Outcome(
        ID,
        "unmet",
        reason,
        missing,
        (*asking, f"they approve with {how_to_approve(facts)}"),
        asks=(Ask(tuple(lacking), more, left),),
        asking=asking,
    )


def _people(number: int) -> str:
    return "the approval of 1 person" if number == 1 else f"the approval of {number} people"
