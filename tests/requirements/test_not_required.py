"""Approvals that no requirement looks at are shown and don't count; everything else stays as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.changes import CHANGE

from gate.codeowners import parse
from gate.model import Approval
from gate.policy.types import (
    ApprovalRule,
    BudgetRequired,
    OwnersRequired,
    Person,
    Policy,
    Protection,
    Require,
    SeniorityRequired,
)
from gate.requirements.facts import Facts, Release
from gate.requirements.not_required import discount_unrequired

PEOPLE = {
    person.name: person
    for person in (
        Person("@ada", "senior"),
        Person("@bob"),
        Person("@cyd"),
        Person("@dan", "junior"),
        Person("@new", "junior", senior="@dan"),
        Person("@ci", "bot"),
    )
}
POLICY = Policy(people=PEOPLE, teams={"@acme/dba": ("@bob", "@new")}, file="gate.yaml")
EVERYBODY = frozenset(PEOPLE)
CODE = parse(b"a.py @cyd\nb.py\n", "CODEOWNERS", "github")
NO_OWNERS = Require(owners=None)


def approval(by: str, kind: str = "approve", *, counted: bool = True) -> Approval:
    why = "" if counted else "author of the change"
    return Approval(by, by, kind, "ssh", counted, why, ("a.py",))  # type: ignore[arg-type]  # a kind of decision


def facts(require: Require, *approvals: Approval, release: Release | None = None) -> Facts:
    owned = CODE.owners_of_all([file.path for file in CHANGE.files])
    return Facts(
        CHANGE, POLICY, Protection(require), "CODEOWNERS", owned, approvals=approvals, release=release
    )


def counting(given: Facts) -> set[str]:
    return {item.by for item in discount_unrequired(given).approvals if item.counted}


@pytest.mark.parametrize(
    ("require", "required"),
    [
        (NO_OWNERS, set()),
        (replace(NO_OWNERS, approvals=(ApprovalRule(1),)), EVERYBODY),
        (replace(NO_OWNERS, approvals=(ApprovalRule(0),)), set()),
        (replace(NO_OWNERS, approvals=(ApprovalRule(1, whom=("@bob",)), ApprovalRule(2))), EVERYBODY),
        (replace(NO_OWNERS, approvals=(ApprovalRule(1, whom=("@bob",)),)), {"@bob"}),
        (replace(NO_OWNERS, approvals=(ApprovalRule(1, whom=("@acme/dba",)),)), {"@bob", "@new"}),
        (replace(NO_OWNERS, approvals=(ApprovalRule(1, whom=("junior",)),)), {"@dan", "@new"}),
        (replace(NO_OWNERS, approvals=(ApprovalRule(0, whom=("@bob", "senior")),)), set()),
        (replace(NO_OWNERS, guarded=("@acme/dba",)), {"@bob", "@new"}),
        (replace(NO_OWNERS, seniority=SeniorityRequired()), {"@ada", "@dan"}),
        (replace(NO_OWNERS, seniority=SeniorityRequired(need="member")), {"@ada", "@bob", "@cyd", "@dan"}),
        (replace(NO_OWNERS, seniority=SeniorityRequired(need="junior")), EVERYBODY - {"@ci"}),
        (replace(NO_OWNERS, budget=BudgetRequired()), {"@ada", "@dan"}),
        (Require(), {"@cyd"}),
        (Require(owners=OwnersRequired(fallback=("@bob",))), {"@bob", "@cyd"}),
        (Require(guarded=("@ada",)), {"@ada", "@cyd"}),
    ],
)
def test_who_counts(require: Require, required: set[str]) -> None:
    assert counting(facts(require, *map(approval, PEOPLE))) == required


@pytest.mark.parametrize(
    ("release", "counted"),
    [(None, set()), (Release(0), set()), (Release(0, rolled_back={"live": frozenset({"id"})}), EVERYBODY)],
)
def test_after_a_rollback_everybody_counts(release: Release | None, counted: set[str]) -> None:
    assert counting(facts(NO_OWNERS, *map(approval, PEOPLE), release=release)) == counted


@pytest.mark.parametrize(
    ("require", "why"), [(NO_OWNERS, "approval not required"), (Require(), "not an owner of these files")]
)
def test_what_does_not_count_says_why_and_is_good_for_nothing(require: Require, why: str) -> None:
    (item,) = discount_unrequired(facts(require, approval("@bob"))).approvals
    assert (item.counted, item.why, item.files) == (False, why, ())


@pytest.mark.parametrize(
    "item", [approval("@bob", "block"), approval("@bob", "waive"), approval("@bob", counted=False)]
)
def test_objections_waivers_and_what_did_not_count_stay(item: Approval) -> None:
    assert discount_unrequired(facts(NO_OWNERS, item)).approvals == (item,)
