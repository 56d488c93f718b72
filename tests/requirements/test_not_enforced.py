"""`enforce: false`, of a branch, a requirement, or a check: what the verdict makes of it, over facts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.changes import CHANGE

from gate.finding import Finding
from gate.model import Ran, Verdict
from gate.policy.types import BUILT_IN_CHECKS, ApprovalRule, Person, Policy, Protection, Require
from gate.requirements.facts import Facts
from gate.verdict import decide

POLICY = Policy(
    people={"@boss": Person("@boss", "senior", emails=("boss@x",)), "@peer": Person("@peer")},
    file="gate.yaml",
)
FAILED = Ran("lint", (), (Finding("a.py", 1, 1, 1, "F401", "error", "unused"),), 0.1, seen=3)
ALLOWED = replace(FAILED, enforced=False)
FAILING = replace(FAILED, id="types")
PASSED = Ran("types", (), (), 0.1, seen=3)
REQUIRE = Require(
    owners=None, approvals=(ApprovalRule(1),), guarded=("@boss",), checks=("types", "lint"), history="squash"
)
ALL = "approvals, guarded, checks"


def verdict(
    *unenforced: str,
    enforce: bool = True,
    lint: Ran = FAILED,
    types: Ran = PASSED,
    file: str = "gate.yaml",
    blocker: str = "",
) -> Verdict:
    checks = {**BUILT_IN_CHECKS, "lint": replace(BUILT_IN_CHECKS["lint"], enforce=lint.enforced)}
    facts = Facts(
        replace(CHANGE, merge_blocker=blocker),
        replace(POLICY, file=file, checks=checks),
        Protection(replace(REQUIRE, unenforced=frozenset(unenforced)), enforce=enforce),
        weakenings=(Finding("a.py", 1, 0, 1, "suppression", "error", "new `noqa`"),),
        checks=(types, lint),
    )
    return decide(facts)


def note(what: str, where: str = "gate.yaml") -> tuple[str, ...]:
    return (f"Not enforced on main yet, would block: {what} (`enforce: false` in {where})",)


@pytest.mark.parametrize(
    ("found", "decision", "notes"),
    [
        (verdict(), "blocked", ()),
        (verdict("approvals"), "blocked", note("approvals")),
        (verdict("history"), "blocked", ()),
        (verdict("approvals", "guarded"), "blocked", note("approvals, guarded")),
        (verdict("approvals", "guarded", "checks"), "pass", note(ALL)),
        (verdict("approvals", "guarded", lint=ALLOWED), "pass", note("approvals, guarded, lint")),
        (verdict("approvals", "guarded", "checks", lint=ALLOWED), "pass", note("approvals, guarded, lint")),
        (verdict(lint=ALLOWED), "blocked", note("lint")),
        (verdict(lint=replace(PASSED, id="lint", enforced=False)), "blocked", ()),
        (verdict(enforce=False), "pass", note(ALL)),
        (verdict(enforce=False, lint=ALLOWED), "pass", note("approvals, guarded, lint")),
        (verdict("checks", lint=ALLOWED, types=FAILING), "blocked", note("checks")),
        (verdict(enforce=False, file=""), "pass", note(ALL, "the policy")),
        (verdict(enforce=False, blocker="in conflict"), "blocked", note(ALL)),
    ],
)
def test_the_note_names_what_would_block(found: Verdict, decision: str, notes: tuple[str, ...]) -> None:
    assert (found.decision, found.notes) == (decision, notes)


@pytest.mark.parametrize(
    ("found", "enforced"),
    [
        (verdict(), {"mergeable", "approvals", "guarded", "checks", "history"}),
        (verdict("approvals", "mergeable"), {"mergeable", "guarded", "checks", "history"}),
        (verdict(enforce=False), {"mergeable"}),
        (verdict("approvals", enforce=False), {"mergeable"}),
    ],
)
def test_only_a_conflict_is_always_enforced(found: Verdict, enforced: set[str]) -> None:
    ids = {"mergeable", "approvals", "guarded", "checks", "history"}
    assert {outcome.id for outcome in found.outcomes if outcome.enforced} & ids == enforced


def test_nobody_is_asked_for_what_is_not_enforced() -> None:
    assert not verdict(enforce=False).reviewers
    assert not verdict(enforce=False).approve_with
    rest = verdict("approvals")
    assert [request.names for request in rest.reviewers] == [("@boss",)]
    asking = [outcome.id for outcome in rest.outcomes if any("@boss" in line for line in outcome.advice)]
    assert asking == ["guarded"]


def test_the_first_requirement_that_people_can_still_meet_names_whom_to_ask() -> None:
    require = Require(owners=None, approvals=(ApprovalRule(9),), guarded=("@boss",), checks=())
    weakened = (Finding("a.py", 1, 0, 1, "suppression", "error", "new `noqa`"),)
    outcomes = decide(Facts(CHANGE, POLICY, Protection(require), weakenings=weakened)).outcomes
    asking = [outcome.id for outcome in outcomes if any("@boss" in line for line in outcome.advice)]
    assert ([outcome.id for outcome in outcomes if outcome.blocks], asking) == (
        ["approvals", "guarded"],
        ["guarded"],
    )
