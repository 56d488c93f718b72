"""The requirements `approvals` and `seniority`, and what a waiver does to outcomes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.changes import CHANGE

from gate.model import Approval, Author, Outcome
from gate.policy.types import ApprovalRule, Person, Policy, Protection, Require, SeniorityRequired
from gate.requirements import approvals, seniority, waiver
from gate.requirements.facts import Facts, Release
from gate.verdict import decide

PEOPLE = {
    "@boss": Person("@boss", "senior", emails=("boss@x",)),
    "@lead": Person("@lead", "senior", emails=("lead@x",)),
    "@peer": Person("@peer", "member", emails=("peer@x",)),
    "@new": Person("@new", "junior", senior="@boss", emails=("new@x",)),
    "@other": Person("@other", "junior", emails=("other@x",)),
    "@ci": Person("@ci", "bot"),
}

COMMAND = "`gate approve aaaaaaaaaaaa --into main`"


def facts(
    *approved: Approval,
    need: int = 0,
    authors: tuple[str, ...] = ("new@x",),
    people: dict[str, Person] = PEOPLE,
) -> Facts:
    change = replace(CHANGE, authors=tuple(Author(email, email) for email in authors))
    require = Require(
        approvals=(ApprovalRule(need),) if need else (), seniority=SeniorityRequired(), guarded=("@boss",)
    )
    policy = Policy(people=people, file="gate.yaml")
    return Facts(change, policy, Protection(require), approvals=approved)


def by(name: str, *paths: str, kind: str = "approve", counted: bool = True, why: str = "") -> Approval:
    files = paths or ("a.py", "b.py")
    assert kind in {"approve", "block", "waive"}
    return Approval("f" * 64, name, kind, "ssh", counted, why, files)  # type: ignore[arg-type] # one of the three


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (facts(), "not_applicable", "not required"),
        (facts(need=1), "unmet", "needs 1 approval; has none"),
        (facts(by("@peer"), need=1), "met", "approved by @peer"),
        (facts(by("@peer", counted=False, why="stale"), need=1), "unmet", "needs 1 approval; has none"),
        (facts(by("@peer"), need=2), "unmet", "needs 1 more approval; approved by @peer"),
        (facts(by("@peer"), by("@peer"), need=2), "unmet", "needs 1 more approval; approved by @peer"),
        (facts(by("@peer"), by("@boss"), need=2), "met", "approved by @boss and @peer"),
        (facts(by("@peer", "a.py"), need=1), "unmet", "approved by @peer except 1 file of 2"),
        (facts(by("@peer", "a.py"), by("@boss", "b.py"), need=1), "met", "approved by @boss and @peer"),
        (facts(by("@peer", kind="block", why="no")), "unmet", "@peer objects: no"),
        (facts(by("@boss"), by("@peer", kind="block"), need=1), "unmet", "@peer objects"),
        (facts(by("@peer", kind="block", counted=False)), "not_applicable", "not required"),
        (replace(facts(by("@peer"), need=1), log_gap="the log lacks"), "undecided", "the log lacks"),
        (replace(facts(), log_gap="the log lacks"), "undecided", "the log lacks"),
        (replace(facts(need=1), change=replace(CHANGE, tree="")), "undecided", "no merge result"),
        (replace(facts(need=1), change=replace(CHANGE, files=())), "met", "no files changed"),
        (facts(need=9), "unmet", "and only 4 other people can approve"),
        (facts(need=9, people={n: PEOPLE[n] for n in ("@new", "@peer")}), "unmet", "only 1 other person can"),
        (facts(need=1, people={}), "unmet", "and nobody else can approve"),
    ],
)
def test_approvals(found: Facts, state: str, reason: str) -> None:
    outcome = approvals.evaluate(found)
    assert outcome.state == state
    assert reason in outcome.reason


def test_as_many_as_there_are_can_approve_and_no_more() -> None:
    enough = approvals.evaluate(facts(need=4))
    assert (enough.reason, enough.advice) == ("needs 4 approvals; has none", ())
    assert enough.asks[0].need == 4
    stuck = approvals.evaluate(facts(need=5))
    assert not stuck.asks
    assert stuck.advice == ("add people who are not authors of this change to `people` in gate.yaml",)
    found = facts(need=5)
    shared = approvals.evaluate(replace(found, policy=replace(found.policy, file="ci/gate.yaml")))
    assert shared.advice == ("add people who are not authors of this change to `people` in ci/gate.yaml",)
    built_in = approvals.evaluate(replace(found, policy=replace(found.policy, file="")))
    assert built_in.advice == stuck.advice
    assert shared.missing[0].rule == "ci/gate.yaml: protect.main.require.approvals"


@pytest.mark.parametrize(
    ("authors", "guarded", "advice"),
    [
        (("new@x",), ("@boss", "@lead"), "@boss or @lead can settle it with `gate revoke ffffffffffff --reason TEXT`"),
        (("boss@x",), ("@boss", "@lead"), "@lead can settle it with `gate revoke ffffffffffff --reason TEXT`"),
        (("new@x",), (), "@boss, @lead, or @peer can settle it"),
        (("boss@x",), ("@boss",), "nobody can settle it: name guardians who are not authors"),
    ],
)  # fmt: skip
def test_the_objection_of_a_person_who_left_can_be_settled(
    authors: tuple[str, ...], guarded: tuple[str, ...], advice: str
) -> None:
    found = facts(by("@gone", kind="block"), authors=authors)
    outcome = approvals.evaluate(replace(found, protection=Protection(Require(guarded=guarded))))
    assert outcome.reason == "@gone objects (no reason given)"
    assert outcome.advice[0].startswith("@gone is no longer in the policy")
    assert advice in outcome.advice[0]


def test_an_objection_is_withdrawn_where_it_was_given() -> None:
    signed = by("@peer", kind="block", why="too slow")
    outcome = approvals.evaluate(facts(signed, signed))
    assert outcome.reason == "@peer objects: too slow"
    assert outcome.advice == ("resolve it with @peer, who can withdraw it with `gate revoke ffffffffffff`",)
    # Somebody of the forge has no key to revoke with, listed or not.
    review = replace(signed, by="@gone", source="github")
    asked = replace(facts(review), request="acme/app#7")
    assert approvals.evaluate(asked).advice == (
        "resolve it with @gone, who can withdraw it by approving acme/app#7",
    )


def test_a_contributor_who_left_is_not_looked_up() -> None:
    found = replace(facts(by("@peer"), need=1), contributors=frozenset({"@gone"}))
    assert approvals.evaluate(found).state == "met"


def test_whom_to_ask_leaves_out_authors_bots_and_who_has_approved() -> None:
    outcome = approvals.evaluate(facts(by("@peer"), need=2))
    assert outcome.missing[0].whom == ("@boss", "@lead", "@other")
    assert outcome.asks[0].whom == {"@boss", "@lead", "@other"}


def test_the_verdict_says_how_to_approve() -> None:
    verdict = decide(facts(by("@peer"), need=2))
    assert verdict.approve_with == "`gate approve aaaaaaaaaaaa --into main`"
    assert any(verdict.approve_with in line for outcome in verdict.outcomes for line in outcome.advice)


@pytest.mark.parametrize(
    ("boss", "lead", "where", "expected"),
    [
        (Person("@boss", "senior", keys=("k",)), Person("@lead", "senior", keys=("l",)), "", COMMAND),
        (
            Person("@boss", "senior", github="boss"),
            Person("@lead", "senior", github="lead"),
            "",
            "review the pull request on GitHub",
        ),
        (
            Person("@boss", "senior", gitlab="boss"),
            Person("@lead", "senior", gitlab="lead"),
            "!7 on GitLab",
            "review !7 on GitLab",
        ),
        (
            Person("@boss", "senior", github="boss"),
            Person("@lead", "senior", keys=("l",)),
            "",
            f"{COMMAND}, or approve the pull request on GitHub",
        ),
        (
            Person("@boss", "senior", keys=("k",), github="boss"),
            Person("@lead", "senior", keys=("l",)),
            "",
            COMMAND,
        ),
    ],
)
def test_people_without_a_key_are_asked_to_review_on_the_forge(
    boss: Person, lead: Person, where: str, expected: str
) -> None:
    people = {"@boss": boss, "@lead": lead, "@new": Person("@new", "member", emails=("new@x",))}
    verdict = decide(replace(facts(need=1, people=people), request=where))
    assert verdict.approve_with == expected
    asking = [
        line for outcome in verdict.outcomes for line in outcome.advice if line.startswith("to approve")
    ]
    assert asking == [f"to approve, {'they run ' if expected.startswith('`') else ''}{expected}"]


@pytest.mark.parametrize(
    ("found", "state", "reason"),
    [
        (facts(), "unmet", "@new's work needs approval from @boss"),
        (facts(by("@boss")), "met", "approved by @boss"),
        (facts(by("@lead")), "unmet", "@new's work needs approval from @boss"),
        (facts(by("@peer")), "unmet", "@new's work needs approval from @boss"),
        (facts(by("@lead"), authors=("new@x", "boss@x")), "met", "approved by @lead"),
        (facts(authors=("new@x", "boss@x")), "unmet", "needs approval from a senior"),
        (facts(by("@lead"), authors=("other@x",)), "met", "approved by @lead"),
        (facts(by("@peer"), authors=("other@x",)), "unmet", "@other's work needs"),
        (facts(by("@lead"), authors=("stranger@y",)), "met", "approved by @lead"),
        (facts(authors=("stranger@y",)), "unmet", "stranger@y's work needs approval from a senior"),
        (facts(by("@boss"), authors=("new@x", "stranger@y")), "met", "approved by @boss"),
        (facts(by("@lead"), authors=("new@x", "stranger@y")), "unmet", "@new's work needs"),
        (facts(authors=("peer@x",)), "not_applicable", "not needed: no author is"),
        (facts(authors=("boss@x",)), "not_applicable", "not needed: no author is"),
        (facts(authors=()), "unmet", "an unnamed author"),
        (facts(by("@boss", "a.py")), "unmet", "@new's work"),
        (facts(authors=("other@x", "boss@x", "lead@x")), "unmet", "every senior is an author of it"),
        (replace(facts(), change=replace(CHANGE, files=())), "not_applicable", "no files changed"),
        (replace(facts(), protection=Protection()), "not_applicable", "not required"),
    ],
)
def test_seniority(found: Facts, state: str, reason: str) -> None:
    outcome = seniority.evaluate(found)
    assert outcome.state == state
    assert reason in outcome.reason


def test_an_address_that_the_policy_does_not_list_is_named() -> None:
    """Otherwise, people ask for an approval although their own address is only missing."""
    assert seniority.evaluate(facts(authors=("new@x",))).advice == ()
    (advice,) = seniority.evaluate(facts(authors=("stranger@y",))).advice
    assert advice.startswith("stranger@y isn't under anyone's `emails` in gate.yaml")


def test_an_unknown_author_is_junior_even_where_only_juniors_are_listed() -> None:
    found = facts(authors=("stranger@y",))
    rule = replace(found.protection.require, seniority=SeniorityRequired(authors=("junior",)))
    assert seniority.evaluate(replace(found, protection=Protection(rule))).state == "unmet"


def test_a_waiver_overrides_what_was_unmet_and_says_so() -> None:
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


@pytest.mark.parametrize(
    ("ids", "recent", "state"),
    [
        ("a", "", "unmet"), ("a", "b", "unmet"), ("a", "a", "met"), ("ab", "b", "met"), ("ab", "c", "unmet"),
        ("ab", "ab", "met"),
    ],
)  # fmt: skip
def test_only_a_waiver_after_a_rollback_waives_it(ids: str, recent: str, state: str) -> None:
    outcomes = (Outcome("rolled-back", "unmet", "rolled back"), Outcome("soaked", "unmet", "too early"))
    waivers = [replace(by("@boss", kind="waive", why="outage"), id=id_) for id_ in ids]
    waived = waiver.waive(outcomes, replace(facts(*waivers), release=Release(0, recent=frozenset(recent))))
    assert [outcome.state for outcome in waived] == [state, "met"]
