"""A policy put to the test before it is in force: who is locked out, who is missing, what nobody reviews."""

from __future__ import annotations

import time

import pytest
from support.teams import key_of

from gate.codeowners import parse
from gate.policy.load import load_policy
from gate.simulation import Problem, Setup, Simulation, locks_out, outlook, problems, simulate

ADA = f'"@ada": {{role: senior, emails: [ada@x], keys: ["{key_of(1)}"]}}'
BOB = f'"@bob": {{emails: [bob@x], keys: ["{key_of(2)}"], github: bob}}'
ZOE = '"@zoe": {emails: [zoe@x], github: zoe}'
OLD = f'"@old": {{emails: [old@x], keys: [\'valid-before="19990101" {key_of(6)}\']}}'
KIM = f'"@kim": {{keys: ["{key_of(7)}"]}}'
GUARDED = 'guarded: ["@ada", "@bob"]'
BOT = f'"@bot": {{role: bot, emails: [bot@x], keys: ["{key_of(3)}"]}}'


NOW = 10**9


def simulation_of(
    people: str,
    codeowners: str = "",
    require: str = "",
    forge: str = "",
    enforce: str = "true",
    paths: tuple[str, ...] = ("a.py", "docs/b.md", "docs/c.md"),
) -> Simulation:
    text = f"protect: {{main: {{enforce: {enforce}, require: {{{require}}}}}}}\npeople: {{{people}}}\n"
    owners = parse(codeowners.encode(), "CODEOWNERS", "github") if codeowners else None
    return simulate(Setup(load_policy(text.encode(), "gate.yaml"), owners, paths, ("main",), NOW, forge))


def simulated(people: str, codeowners: str = "", require: str = "", forge: str = "") -> list[Problem]:
    return list(problems(simulation_of(people, codeowners, require, forge)))


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
    assert simulated(f"{ADA}, {BOB}", "/docs/ @ada @bob\n/gate.yaml @ada @bob\n/CODEOWNERS @ada @bob") == []


@pytest.mark.parametrize(
    ("codeowners", "require", "free"),
    [
        ("/docs/ @ada @bob", "", "gate.yaml and CODEOWNERS"),
        ("/docs/ @ada @bob\n/gate.yaml @ada @bob", "", "CODEOWNERS"),
        ("", "approvals: [{paths: [/docs/], need: 1}]", "gate.yaml"),
    ],
)
def test_rules_that_anyone_can_lift_are_a_warning(codeowners: str, require: str, free: str) -> None:
    detected = simulated(f"{ADA}, {BOB}", codeowners, require)
    assert [(problem.level, problem.message) for problem in detected] == [
        ("warning", f"Anyone can change {free} on main without review, and lift the other rules")
    ]
    assert "guarded" in detected[0].help
    assert simulated(f"{ADA}, {BOB}", codeowners, ", ".join(filter(None, [require, GUARDED]))) == []


@pytest.mark.parametrize(
    ("people", "require", "expected"),
    [
        (
            f"{ADA}, {BOB}, {ZOE}",
            'guarded: ["@ada", "@bob", "@zoe"]',
            "require.guarded: @zoe has no way",
        ),
        (
            f"{ADA}, {BOB}, {BOT}",
            'guarded: ["@ada", "@bob", "@bot"]',
            "require.guarded: @bot is a bot",
        ),
        (f"{ADA}, {BOB}", 'guarded: ["@ada", "@bob", "@bbo"]', "require.guarded: @bbo is not in"),
        (
            f"{ADA}, {BOB}",
            'guarded: ["@ada", "@bob", "@x/core"]',
            "require.guarded: @x/core is not in",
        ),
        (
            f"{ADA}, {BOB}",
            'approvals: [{need: 1, from: ["@ada", "@bob", "@ob"]}]',
            "[0].from: @ob is not",
        ),
        (
            f"{ADA}, {BOB}",
            'approvals: [{authors: ["@bots"], need: 0}, {need: 1}]',
            "[0].authors: @bots is",
        ),
        (
            f"{ADA}, {BOB}, {OLD}",
            'guarded: ["@ada", "@bob", "@old"]',
            "no key of theirs is valid now",
        ),
        (f"{ADA}, {BOB}, {KIM}", "approvals: 1", "@kim has no `emails` in gate.yaml"),
    ],
)
def test_people_who_cannot_do_what_a_rule_expects_of_them_are_a_warning(
    people: str, require: str, expected: str
) -> None:
    detected = simulated(people, "", require)
    assert [problem.level for problem in detected if expected in problem.message] == ["warning"], detected
    assert all(problem.help for problem in detected)


def test_without_an_address_a_forge_still_knows_who_opened_a_pull_request() -> None:
    gil = '"@gil": {github: gil}'
    detected = simulated(f"{ADA}, {BOB}, {gil}", "", "approvals: 1", "github")
    assert [(problem.level, problem.message.split(" in ")[0]) for problem in detected] == [
        ("note", "@gil has no `emails`")
    ]


def test_many_sole_owners_are_one_problem() -> None:
    names = ("ada", "bob", "cyd", "dan")
    people = ", ".join(
        f'"@{name}": {{emails: [{name}@x], keys: ["{key_of(n)}"]}}' for n, name in enumerate(names, start=1)
    )
    owners = "* @ada\n/docs/b.md @bob\n/docs/c.md @cyd\n/gate.yaml @ada @bob\n/CODEOWNERS @ada @bob\n"
    assert len(simulated(people, owners)) == 3
    four = simulation_of(people, owners, paths=("a.py", "docs/b.md", "docs/c.md", "e.py"))
    assert len(problems(four)) == 3
    four = simulation_of(people, f"{owners}/e.py @dan\n", paths=("a.py", "docs/b.md", "docs/c.md", "e.py"))
    (problem,) = problems(four)
    assert problem.level == "warning"
    assert problem.message.startswith(
        "4 people can't merge changes to files that nobody else owns into main: @ada a.py"
    )
    assert all(f"@{name} " in problem.message for name in names)
    assert "author: true" in problem.help


def test_what_would_lock_out_once_enforced_is_reported_before() -> None:
    simulation = simulation_of(ADA, require="approvals: 1", enforce="false")
    assert not locks_out(problems(simulation))
    later = outlook(simulation)
    assert [problem.level for problem in later] == ["warning"]
    assert later[0].message.startswith("Once everything is enforced: @ada can't merge any change into main")
    assert outlook(simulation_of(f"{ADA}, {BOB}", require="approvals: 1", enforce="false")) == ()


@pytest.mark.parametrize(("days", "reported"), [(10, True), (90, False)])
def test_a_key_that_expires_soon_is_reported_if_somebody_is_locked_out_then(
    days: int, reported: bool
) -> None:
    day = time.strftime("%Y%m%d", time.gmtime(NOW + days * 86400))
    eve = f'"@eve": {{emails: [eve@x], keys: [\'valid-before="{day}" {key_of(5)}\']}}'
    later = outlook(simulation_of(f"{ADA}, {eve}", require="approvals: 1"))
    assert any("when a key expires: @ada can't merge" in problem.message for problem in later) is reported
    assert outlook(simulation_of(f"{ADA}, {BOB}, {eve}", require="approvals: 1")) == ()
