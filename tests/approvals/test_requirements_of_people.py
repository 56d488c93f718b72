"""The requirements `approvals` and `seniority`, and what a waiver does to outcomes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gate.model import Approval, Author, Change, FileChange, Outcome
from gate.policy.types import Person, Policy, Protection, Require, SeniorityRequired
from gate.requirements import approvals, seniority, waiver
from gate.requirements.facts import Facts

FILES = tuple(
    FileChange(path, "modified", "100644", "100644", "0" * 40, "1" * 40) for path in ("a.py", "b.py")
)
CHANGE = Change(
    repository="",
    into="refs/heads/main",
    base="b" * 40,
    head="a" * 40,
    merge_base="b" * 40,
    tree="c" * 40,
    base_tree="d" * 40,
    digest="e" * 64,
    authors=(Author("New", "new@x"),),
    files=FILES,
)
PEOPLE = {
    "@boss": Person("@boss", "senior", emails=("boss@x",)),
    "@lead": Person("@lead", "senior", emails=("lead@x",)),
    "@peer": Person("@peer", "member", emails=("peer@x",)),
    "@new": Person("@new", "junior", senior="@boss", emails=("new@x",)),
    "@other": Person("@other", "junior", emails=("other@x",)),
    "@ci": Person("@ci", "bot"),
}


def facts(
    *approved: Approval,
    need: int = 0,
    authors: tuple[str, ...] = ("new@x",),
    people: dict[str, Person] = PEOPLE,
) -> Facts:
    change = replace(CHANGE, authors=tuple(Author(email, email) for email in authors))
    require = Require(approvals=need, seniority=SeniorityRequired(), guarded=("@boss",))
    policy = Policy(people=people, file="gate.yaml")
    return Facts(change, policy, Protection(require), approvals=approved)


def by(name: str, *paths: str, kind: str = "approve", counted: bool = True, why: str = "") -> Approval:
    files = paths or ("a.py", "b.py")
    assert kind in {"approve", "block", "waive"}
    return Approval("f" * 64, name, kind, "ssh", counted, why, files)  # type: ignore[arg-type] # one of the three


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (facts(), "not_applicable", "the policy does not ask for it"),
        (facts(need=1), "unmet", "needs the approval of 1 person: nobody has approved it"),
        (facts(by("@peer"), need=1), "met", "approved by @peer"),
        (facts(by("@peer", counted=False, why="stale"), need=1), "unmet", "nobody has approved it"),
        (facts(by("@peer"), need=2), "unmet", "needs the approval of 1 person more: approved by @peer"),
        (facts(by("@peer"), by("@peer"), need=2), "unmet", "more: approved by @peer"),
        (facts(by("@peer"), by("@boss"), need=2), "met", "approved by @boss and @peer"),
        (facts(by("@peer", "a.py"), need=1), "unmet", "1 of 2 files not by enough"),
        (facts(by("@peer", "a.py"), by("@boss", "b.py"), need=1), "met", "approved by @boss and @peer"),
        (facts(by("@peer", kind="block", why="no")), "unmet", "@peer objects: no"),
        (facts(by("@boss"), by("@peer", kind="block"), need=1), "unmet", "@peer objects"),
        (facts(by("@peer", kind="block", counted=False)), "not_applicable", "does not ask"),
        (replace(facts(by("@peer"), need=1), log_gap="the log lacks"), "undecided", "the log lacks"),
        (replace(facts(), log_gap="the log lacks"), "undecided", "the log lacks"),
        (replace(facts(need=1), change=replace(CHANGE, tree="")), "undecided", "no merge result"),
        (replace(facts(need=1), change=replace(CHANGE, files=())), "met", "nothing changes"),
        (facts(need=9), "unmet", "too few are left who may"),
        (facts(need=1, people={}), "unmet", "too few are left who may"),
    ],
)
def test_approvals(found: Facts, state: str, reason: str) -> None:
    outcome = approvals.evaluate(found)
    assert outcome.state == state
    assert reason in outcome.reason


def test_whom_to_ask_leaves_out_authors_bots_and_who_has_approved() -> None:
    outcome = approvals.evaluate(facts(by("@peer"), need=2))
    assert outcome.missing[0].whom == ("@boss", "@lead", "@other")
    assert "gate approve aaaaaaaaaaaa --into main" in outcome.advice[1]


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (facts(), "unmet", "the work of @new needs the approval of @boss"),
        (facts(by("@boss")), "met", "approved by @boss"),
        (facts(by("@lead")), "unmet", "the work of @new needs the approval of @boss"),
        (facts(by("@peer")), "unmet", "the work of @new needs the approval of @boss"),
        (facts(by("@lead"), authors=("new@x", "boss@x")), "met", "approved by @lead"),
        (facts(authors=("new@x", "boss@x")), "unmet", "needs the approval of a senior"),
        (facts(by("@lead"), authors=("other@x",)), "met", "approved by @lead"),
        (facts(by("@peer"), authors=("other@x",)), "unmet", "the work of @other needs"),
        (facts(by("@lead"), authors=("stranger@y",)), "met", "approved by @lead"),
        (facts(authors=("stranger@y",)), "unmet", "the work of stranger@y needs the approval of a senior"),
        (facts(by("@boss"), authors=("new@x", "stranger@y")), "met", "approved by @boss"),
        (facts(by("@lead"), authors=("new@x", "stranger@y")), "unmet", "the work of @new needs"),
        (facts(authors=("peer@x",)), "not_applicable", "no author of the change is"),
        (facts(authors=("boss@x",)), "not_applicable", "no author of the change is"),
        (facts(authors=()), "unmet", "nobody that is named"),
        (facts(by("@boss", "a.py")), "unmet", "the work of @new"),
        (facts(authors=("other@x", "boss@x", "lead@x")), "unmet", "none is left who is not an author"),
        (replace(facts(), change=replace(CHANGE, files=())), "not_applicable", "nothing changes"),
        (replace(facts(), protection=Protection()), "not_applicable", "the policy does not ask for it"),
    ],
)
def test_seniority(found: Facts, state: str, reason: str) -> None:
    outcome = seniority.evaluate(found)
    assert outcome.state == state
    assert reason in outcome.reason


def test_an_unknown_author_is_junior_even_where_only_juniors_are_listed() -> None:
    found = facts(authors=("stranger@y",))
    rule = replace(found.protection.require, seniority=SeniorityRequired(authors=("junior",)))
    assert seniority.evaluate(replace(found, protection=Protection(rule))).state == "unmet"


def test_a_waiver_sets_aside_what_was_unmet_and_says_so() -> None:
    outcomes = (
        Outcome("mergeable", "unmet", "in conflict"),
        Outcome("owners", "unmet", "not approved"),
        Outcome("checks", "undecided", "could not run"),
        Outcome("approvals", "met", "fine"),
        Outcome("seniority", "not_applicable", "not asked for"),
    )
    waived = waiver.waive(outcomes, facts(by("@boss", kind="waive", why="outage")))
    assert [outcome.state for outcome in waived] == ["unmet", "met", "met", "met", "not_applicable"]
    assert waived[1].reason == "WAIVED by @boss: not approved"
    assert waiver.waive(outcomes, facts(by("@boss", kind="waive", counted=False))) == outcomes
