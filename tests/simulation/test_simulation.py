"""A policy put to the test before it is in force: who is locked out, who is missing, what nobody reviews."""

from __future__ import annotations

import pytest
from support.teams import key_of

from gate.codeowners import parse
from gate.policy.load import load_policy
from gate.simulation import Problem, Setup, locks_out, problems, simulate

ADA = f'"@ada": {{role: senior, emails: [ada@x], keys: ["{key_of(1)}"]}}'
BOB = f'"@bob": {{emails: [bob@x], keys: ["{key_of(2)}"], github: bob}}'
ZOE = '"@zoe": {emails: [zoe@x], github: zoe}'
BOT = f'"@bot": {{role: bot, emails: [bot@x], keys: ["{key_of(3)}"]}}'


def simulated(people: str, codeowners: str = "", require: str = "", forge: str = "") -> list[Problem]:
    text = f"protect: {{main: {{require: {{{require}}}}}}}\npeople: {{{people}}}\n"
    owners = parse(codeowners.encode(), "CODEOWNERS", "github") if codeowners else None
    paths = ("a.py", "docs/b.md", "docs/c.md")
    return list(problems(simulate(Setup(load_policy(text.encode()), owners, paths, ("main",), 10**9, forge))))


@pytest.mark.parametrize(
    ("people", "codeowners", "require", "expected"),
    [
        (ADA, "* @ada", "", "@ada can't merge any change into main: nobody else can approve"),
        (f"{ADA}, {BOT}", "* @ada", "", "@ada can't merge any change into main: nobody else can approve"),
        (
            f"{ADA}, {ZOE}",
            "",
            "approvals: 1",
            "@ada can't merge any change into main: nobody else can approve",
        ),
        (f"{ADA}, {BOB}", "", "approvals: 3", "No change can be merged into main"),
        (f"{ADA}, {BOB}", "/docs/ @gone", "", "Nobody can merge a change to docs/b.md and 1 more into main"),
        (
            f"{ADA}, {BOB}",
            "",
            "approvals: [{paths: [/docs/], need: 3}, {need: 1}]",
            "Nobody can merge a change to docs/b.md and 1 more into main",
        ),
        (f"{ADA}, {BOB}", "gate.yaml @gone", "", "Nobody can change gate.yaml on main"),
        (f"{ADA}, {BOB}", "* @acme/web", "", "No change can be merged into main"),
    ],
)
def test_a_lock_out_is_an_error(people: str, codeowners: str, require: str, expected: str) -> None:
    found = simulated(people, codeowners, require)
    assert locks_out(found)
    assert found[0].level == "error"
    assert found[0].message.startswith(expected)
    assert found[0].help


@pytest.mark.parametrize(
    ("people", "codeowners", "require", "expected"),
    [
        (
            f"{ADA}, {BOB}",
            "* @ada @bob\n/docs/ @bob",
            "",
            "@bob can't merge a change to docs/b.md and 1 more",
        ),
        (f"{ADA}, {BOB}", "* @ada @gone", "owners: false, approvals: 1", "CODEOWNERS:1: @gone is not in"),
        (f"{ADA}, {BOB}, {ZOE}", "* @ada @bob @zoe", "", "CODEOWNERS:1: @zoe has no way to approve"),
        (f"{ADA}, {BOB}", "", 'approvals: 1, guarded: ["@ada"]', "@ada can't merge a change to gate.yaml"),
        (
            f"{ADA}, {BOB}",
            "",
            "approvals: [{paths: [/docs/], need: 2}, {need: 1}]",
            "@ada can't merge a change to docs/b.md and 1 more into main",
        ),
        (
            f"{ADA}, {BOB}",
            "",
            'approvals: [{paths: [/docs/], need: 1, from: ["@bob"]}, {need: 1}]',
            "@bob can't merge a change to docs/b.md and 1 more into main",
        ),
        (ADA, "* @ada", 'guarded: ["@ada"]', "@ada can't merge any change into main"),
    ],
)
def test_what_locks_nobody_out_for_good_is_a_warning(
    people: str, codeowners: str, require: str, expected: str
) -> None:
    found = simulated(people, codeowners, require)
    assert not locks_out(found)
    assert any(problem.level == "warning" and problem.message.startswith(expected) for problem in found), (
        found
    )


@pytest.mark.parametrize(
    ("people", "codeowners", "require", "forge"),
    [
        (f"{ADA}, {BOB}", "* @ada @bob", "approvals: 1", ""),
        (f"{ADA}, {BOB}", "* @ada @bob", 'approvals: 1, guarded: ["@ada", "@bob"]', ""),
        (f"{ADA}, {ZOE}", "* @ada @zoe", "approvals: 1", "github"),
        (ADA, "* @ada", "owners: false, seniority: {authors: [junior, member, unknown]}", ""),
    ],
)
def test_a_policy_that_works_is_nothing_to_talk_about(
    people: str, codeowners: str, require: str, forge: str
) -> None:
    codes = simulated(people, codeowners, require, forge)
    assert [problem for problem in codes if "is not in" not in problem.message] == []


def test_that_nobody_has_to_approve_is_noted() -> None:
    assert [problem.level for problem in simulated(ADA)] == ["note"]
    assert "without review" in simulated(ADA)[0].message
    assert simulated(f"{ADA}, {BOB}", "/docs/ @ada @bob") == []
