"""What an environment asks for, requirement by requirement, over facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gate.model import Approval, Change, FileChange, Outcome
from gate.policy.types import (
    RELEASE,
    BudgetRequired,
    Metric,
    Person,
    Policy,
    Protection,
    Require,
    SeniorityRequired,
    SoakRequired,
)
from gate.requirements import budget, metric, passed, seniority, soaked
from gate.requirements.facts import Deployment, Facts, Reading, Release

HEAD, OTHER, NOW = "a" * 40, "b" * 40, 100_000
PEOPLE = {
    person.name: person
    for person in (
        Person("@ada", role="senior"),
        Person("@bob"),
        Person("@new", role="junior"),
        Person("@ci", role="bot"),
    )
}
CHANGE = Change(
    "acme/app", "refs/environments/live", OTHER, HEAD, OTHER, "t", "b", "d", (),
    (FileChange("a.py", "modified", "100644", "100644", "1", "2"),),
)  # fmt: skip


def facts(require: Require, release: Release, *approvals: Approval) -> Facts:
    policy = Policy(
        people=PEOPLE,
        protect={"staging": Protection(RELEASE, kind="environment"), "main": Protection()},
        prometheus="http://prometheus",
        file="gate.yaml",
    )
    return Facts(
        CHANGE, policy, Protection(require, kind="environment"), approvals=approvals, release=release
    )


def approval(by: str) -> Approval:
    return Approval("1", by, "approve", "ssh", True, files=("a.py",))


def message(outcome: Outcome) -> tuple[str, str]:
    return outcome.state, outcome.reason


PASSED = replace(RELEASE, passed=("main", "staging"))


def test_passed_needs_every_target_and_says_what_to_do() -> None:
    release = Release(NOW, passed={"main": "", "staging": "no record"})
    outcome = passed.evaluate(facts(PASSED, release))
    assert message(outcome) == ("unmet", "staging: no record")
    assert outcome.advice == ("run `gate promote aaaaaaaaaaaa --into staging` first",)
    assert passed.evaluate(facts(PASSED, Release(NOW, passed={"main": "", "staging": ""}))).state == "met"
    assert passed.evaluate(facts(PASSED, Release(NOW))).state == "unmet", "what is not known has not passed"
    assert passed.evaluate(facts(RELEASE, Release(NOW))).state == "not_applicable"


SOAK = replace(RELEASE, soaked=SoakRequired("staging", 1800, "up"))
WELL = {"up": Reading((1.0, 1.0))}


@pytest.mark.parametrize(
    ("deployments", "state", "reason"),
    [
        ([Deployment(HEAD, NOW - 1800)], "met", "it was in staging for 30 min, healthy"),
        ([Deployment(HEAD, NOW - 1799)], "unmet", "it has been in staging for 29 min of 30 min"),
        (
            [Deployment(HEAD, NOW - 9000, NOW - 100), Deployment(OTHER, NOW - 100)],
            "met",
            "it was in staging for 2 h, healthy",
        ),
        (
            [Deployment(HEAD, NOW - 9000, NOW - 100, returned=NOW - 100)],
            "unmet",
            "it was rolled back in staging",
        ),
        (
            [
                Deployment(HEAD, NOW - 900, NOW - 600),
                Deployment(OTHER, NOW - 600, NOW - 500),
                Deployment(HEAD, NOW - 500),
            ],
            "unmet",
            "it has been in staging for 8 min of 30 min",
        ),
        ([Deployment(OTHER, NOW - 9000)], "unmet", "it has never been in staging"),
        (
            [Deployment(HEAD, NOW + 9000)],
            "unmet",
            "it was released into staging in the future, by the clock of the person who signed the release",
        ),
        ([], "unmet", "it has never been in staging"),
    ],
)
def test_soaked_is_one_time_in_one_go(deployments: list[Deployment], state: str, reason: str) -> None:
    assert message(
        soaked.evaluate(facts(SOAK, Release(NOW, deployments=tuple(deployments), readings=WELL)))
    ) == (
        state,
        reason,
    )


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (Reading((1.0, 0.0)), "unmet"),
        (Reading((1.0, float("nan"))), "undecided"),
        (Reading(), "undecided"),
        (Reading(trouble="no answer"), "undecided"),
        (None, "undecided"),
    ],
)
def test_soaked_and_ill_or_unknown_is_no_pass(reading: Reading | None, state: str) -> None:
    readings = {"up": reading} if reading else {}
    release = Release(NOW, deployments=(Deployment(HEAD, 0),), readings=readings)
    assert soaked.evaluate(facts(SOAK, release)).state == state


METRIC = replace(RELEASE, metric=(Metric("errors", below=0.01), Metric("rate", above=1, below=100)))


@pytest.mark.parametrize(
    ("errors", "rate", "state"),
    [
        (Reading((0.0, 0.009)), Reading((2.0,)), "met"),
        (Reading((0.0, 0.01)), Reading((2.0,)), "unmet"),
        (Reading((0.0,)), Reading((1.0,)), "unmet"),
        (Reading((0.0,)), Reading((100.0,)), "unmet"),
        (Reading((0.0, float("nan"))), Reading((2.0,)), "undecided"),
        (Reading((float("nan"),)), Reading((200.0,)), "unmet"),
        (Reading((float("inf"),)), Reading((2.0,)), "unmet"),
        (Reading(), Reading((2.0,)), "undecided"),
        (Reading(trouble="refused"), Reading((2.0,)), "undecided"),
        (Reading(trouble="refused"), Reading((200.0,)), "unmet"),
    ],
)
def test_metric_every_value_within_its_limits(errors: Reading, rate: Reading, state: str) -> None:
    release = Release(NOW, readings={"errors": errors, "rate": rate})
    assert metric.evaluate(facts(METRIC, release)).state == state
    assert metric.evaluate(facts(METRIC, Release(NOW))).state == "undecided", "nobody has asked"


@pytest.mark.parametrize(
    ("downtime", "approved", "state"),
    [
        (0.0, "", "met"),
        (15.0, "", "met"),
        (15.5, "", "unmet"),
        (15.5, "@bob", "unmet"),
        (15.5, "@ada", "met"),
        (19.0, "@ada", "met"),
        (19.5, "@ada", "unmet"),
        (45.0, "@ada", "unmet"),
        (None, "@ada", "undecided"),
    ],
)
def test_budget_freezes_or_asks_a_senior(downtime: float | None, approved: str, state: str) -> None:
    require = replace(RELEASE, budget=BudgetRequired(minutes=20, risk=1, low=5))
    given = [approval(approved)] if approved else []
    outcome = budget.evaluate(facts(require, Release(NOW, downtime=downtime, no_downtime="why"), *given))
    assert outcome.state == state
    assert state != "unmet" or outcome.advice


@pytest.mark.parametrize(
    ("promoter", "approved", "state"),
    [("@ada", "", "met"), ("@bob", "", "unmet"), ("@new", "", "unmet"), ("@ci", "", "unmet"), ("", "", "unmet"),
     ("@ci", "@ada", "met"), ("@new", "@bob", "unmet"), ("", "@ada", "met")],
)  # fmt: skip
def test_seniority_of_a_release_is_who_sends_it_out(promoter: str, approved: str, state: str) -> None:
    require = replace(RELEASE, seniority=SeniorityRequired())
    given = [approval(approved)] if approved else []
    outcome = seniority.evaluate(facts(require, Release(NOW, promoter=promoter), *given))
    assert outcome.state == state
    assert state != "unmet" or "@ada" in outcome.advice[0]


def test_a_release_without_files_is_not_approved_by_nobody() -> None:
    require = replace(RELEASE, seniority=SeniorityRequired())
    empty = replace(facts(require, Release(NOW, promoter="@bob")), change=replace(CHANGE, files=()))
    assert seniority.evaluate(empty).state == "unmet"


def test_the_way_back_is_always_open() -> None:
    back = Release(NOW, returning=True)
    everything = replace(
        PASSED,
        soaked=SOAK.soaked,
        metric=METRIC.metric,
        budget=BudgetRequired(),
        seniority=SeniorityRequired(),
    )
    for requirement in (passed, soaked, metric, budget, seniority):
        assert requirement.evaluate(facts(everything, back)).state == "met"
