"""Environments through the command line: promoted step by step, by people with keys, in real clones."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from support.prometheus import Monitoring, monitoring
from support.town import Clone, Town

REQUIRE = "      owners: false\n      checks: [ok]\n      approvals: 1\n"
STAGING = "  staging: {kind: environment, require: {passed: [main]}}\n"


@pytest.fixture
def prometheus() -> Iterator[Monitoring]:
    with monitoring() as server:
        yield server


def protect(town: Town, environments: str, more: str = "") -> None:
    """A policy with these environments."""
    town.set_policy(town.policy(REQUIRE + environments, more=more))


def merged(town: Town, name: str = "work", files: dict[str, str] | None = None) -> str:
    """A commit that went through main's gate: written by bob, approved and merged by ada."""
    bob, ada = town.clone("bob"), town.clone("ada")
    bob.commit(name, files or {f"{name}.py": "x = 1\n"}, branch=name)
    ada.approve(f"origin/{name}")
    said = ada.gate("merge", f"origin/{name}", "--push")
    assert said.code == 0, said.text
    for clone in (ada, bob, town.clone("newhire"), town.clone("nehemiah")):
        clone.git("fetch", "-q", "origin", "+refs/gate/log:refs/gate/remotes/origin/log", "main")
        clone.fetch()
    return ada.git("rev-parse", "origin/main")


def promoted(clone: Clone, commit: str, environment: str) -> None:
    said = clone.gate("promote", commit, "--into", environment)
    assert said.code == 0, said.text


@pytest.mark.slow
def test_main_then_staging_then_production_each_by_a_record(town: Town) -> None:
    protect(town, STAGING + "  production: {kind: environment, require: {passed: [main, staging]}}\n")
    commit = merged(town)
    ada = town.clone("ada")
    said = ada.gate("check", "--into", "production", "--head", commit)
    assert said.code == 1
    assert "no record that it was released into staging" in said.text
    assert f"gate promote {commit[:12]} --into staging" in said.text
    assert ada.gate("promote", commit, "--into", "production").code == 1
    promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "production", "--head", commit).code == 0
    said = town.clone("nehemiah").gate("promote", commit, "--into", "production")
    assert said.code == 0, said.text
    assert f"production is now at {commit[:12]}." in said.out
    again = ada.gate("promote", commit, "--into", "production")
    assert again.code == 0, "what others have recorded is fetched first"
    assert "already" in again.out


@pytest.mark.slow
def test_a_commit_that_did_not_go_through_mains_gate_goes_nowhere(town: Town) -> None:
    protect(town, STAGING)
    merged(town)
    bob = town.clone("bob")
    unmerged = bob.commit("more", {"more.py": "x = 2\n"}, branch="more")
    said = bob.gate("promote", unmerged, "--into", "staging")
    assert said.code == 1
    assert "main was never at this commit" in said.text
    bob.git("push", "-q", "origin", "HEAD:main")
    bob.fetch()
    said = bob.gate("promote", unmerged, "--into", "staging")
    assert said.code == 1
    assert "its merge is not verified" in said.text


@pytest.mark.slow
def test_what_was_approved_but_never_merged_has_not_passed(town: Town) -> None:
    protect(town, STAGING)
    merged(town)
    bob, ada = town.clone("bob"), town.clone("ada")
    commit = bob.commit("more", {"more.py": "x = 2\n"}, branch="more")
    ada.approve("origin/more")
    assert ada.gate("check", "--head", "origin/more", "--record").code == 0
    said = ada.gate("promote", commit, "--into", "staging")
    assert said.code == 1
    assert "main was never at this commit" in said.text


@pytest.mark.slow
def test_a_junior_can_neither_promote_nor_approve_a_release(town: Town) -> None:
    protect(town, "  staging: {kind: environment, require: {passed: [main], approvals: 1}}\n")
    commit = merged(town)
    junior = town.clone("newhire")
    said = junior.gate("promote", commit, "--into", "staging")
    assert said.code == 2
    assert "juniors cannot release" in said.err
    assert "@nehemiah" in said.err
    said = junior.gate("approve", commit, "--into", "staging")
    assert said.code == 2
    assert "juniors cannot approve a release" in said.err
    assert town.clone("nehemiah").gate("approve", commit, "--into", "staging").code == 0
    promoted(town.clone("ada"), commit, "staging")


@pytest.mark.slow
def test_a_senior_has_to_send_it_out_where_seniority_is_asked_for(town: Town) -> None:
    protect(town, "  staging: {kind: environment, require: {passed: [main], seniority: true}}\n")
    commit = merged(town)
    bob = town.clone("bob")
    said = bob.gate("promote", commit, "--into", "staging")
    assert said.code == 1
    assert "missing senior approval" in said.text
    assert bob.gate("check", "--into", "staging", "--head", commit).code == 1
    nehemiah = town.clone("nehemiah")
    assert nehemiah.gate("check", "--into", "staging", "--head", commit).code == 0
    assert nehemiah.gate("approve", commit, "--into", "staging").code == 0
    promoted(bob, commit, "staging")


@pytest.mark.slow
def test_the_way_back_is_open_and_the_way_forth_again_is_not(town: Town, prometheus: Monitoring) -> None:
    require = "{passed: [main], metric: [{query: errors, below: 0.01}]}"
    production = f"  production: {{kind: environment, require: {require}}}\n"
    protect(town, production, f"prometheus: {prometheus.address}\n")
    first, second = merged(town, "first"), merged(town, "second")
    ada = town.clone("ada")
    prometheus.answers["errors"] = [0.0]
    promoted(ada, first, "production")
    promoted(ada, second, "production")
    prometheus.status, prometheus.answers["errors"] = 500, "down"
    said = ada.gate("promote", first, "--into", "production")
    assert said.code == 0, said.text
    assert f"production rolled back to {first[:12]}." in said.out
    said = ada.gate("promote", second, "--into", "production")
    assert said.code == 1
    assert "it was rolled back in production, and nobody has approved it since" in " ".join(said.text.split())
    assert town.clone("nehemiah").gate("approve", second, "--into", "production").code == 0
    assert ada.gate("promote", second, "--into", "production").code == 3
    prometheus.status, prometheus.answers["errors"] = 200, [0.5]
    said = ada.gate("promote", second, "--into", "production")
    assert said.code == 1
    assert "`errors` is 0.5, expected below 0.01" in said.text


@pytest.mark.slow
def test_what_was_taken_back_in_staging_does_not_go_on(town: Town) -> None:
    protect(town, STAGING + "  production: {kind: environment, require: {passed: [staging]}}\n")
    first, second = merged(town, "first"), merged(town, "second")
    ada = town.clone("ada")
    for commit in (first, second, first):
        promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "production", "--head", first).code == 0
    said = ada.gate("check", "--into", "production", "--head", second)
    assert said.code == 1
    assert "staging: it was taken back there" in said.text


@pytest.mark.slow
def test_what_was_rolled_back_in_one_environment_enters_no_other(town: Town) -> None:
    protect(town, STAGING + "  production: {kind: environment, require: {passed: [main]}}\n")
    first, second = merged(town, "first"), merged(town, "second")
    ada = town.clone("ada")
    promoted(ada, first, "staging")
    for commit in (first, second):
        promoted(ada, commit, "production")
    early = town.clone("nehemiah").gate("approve", second, "--into", "staging")
    assert early.code == 0, early.text
    promoted(ada, first, "production")
    said = ada.gate("check", "--into", "staging", "--head", second)
    assert said.code == 1, "an approval from before the rollback says nothing about it"
    assert "rolled back in production" in said.text


def without_ada(town: Town, environments: str) -> str:
    """The policy after ada has left."""
    lines = town.policy(REQUIRE + environments).splitlines()
    return "\n".join(line for line in lines if '"@ada": ' not in line).replace('"@ada"', '"@bob"') + "\n"


@pytest.mark.slow
def test_going_back_past_a_release_takes_it_back_whoever_leaves_then(town: Town) -> None:
    environments = STAGING + "  production: {kind: environment, require: {passed: [main]}}\n"
    protect(town, environments)
    first, second, third = (merged(town, name) for name in ("first", "second", "third"))
    ada = town.clone("ada")
    for commit in (first, second, third, first):
        promoted(ada, commit, "production")
    for commit in (second, third):
        for environment in ("staging", "production"):
            said = ada.gate("check", "--into", environment, "--head", commit)
            assert (said.code, "rolled back in production" in said.text) == (1, True), said.text
    fourth = merged(town, "policy", {"gate.yaml": without_ada(town, environments)})
    bob = town.clone("bob")
    said = bob.gate("check", "--into", "staging", "--head", third)
    assert (said.code, "rolled back in production" in said.text) == (1, True), (
        "ada's key is gone, not her rollback"
    )
    assert bob.gate("check", "--into", "staging", "--head", fourth).code == 0


@pytest.mark.slow
def test_the_way_back_leads_to_what_was_there_before_the_first_record(town: Town) -> None:
    protect(town, "  production: {kind: environment, require: {passed: [main]}}\n")
    ada = town.clone("ada")
    ada.fetch()
    before = ada.git("rev-parse", "origin/main")
    first, second = merged(town, "first"), merged(town, "second")
    promoted(ada, first, "production")
    aside = ada.commit("aside", {"aside.py": "x = 3\n"}, branch="aside")
    for commit in (second, aside):
        assert "rolled back" not in ada.gate("promote", commit, "--into", "production", "--dry-run").out
    said = ada.gate("promote", before, "--into", "production")
    assert said.code == 0, said.text
    assert f"production rolled back to {before[:12]}." in said.out
    assert ada.gate("check", "--into", "production", "--head", first).code == 1
    promoted(ada, second, "production")
    promoted(ada, before, "production")


@pytest.mark.slow
def test_a_policy_that_was_pushed_past_the_gate_decides_about_no_release(town: Town) -> None:
    protect(town, STAGING)
    merged(town)
    junior = town.clone("newhire")
    policy = town.policy(REQUIRE + "  staging: {kind: environment, require: {metric: []}}\n")
    junior.commit("no gate", {"gate.yaml": policy.replace("role: junior", "role: senior")}, branch="easy")
    junior.git("push", "-q", "origin", "HEAD:main")
    ada = town.clone("ada")
    ada.fetch()
    head = ada.git("rev-parse", "origin/main")
    said = ada.gate("check", "--into", "staging", "--head", head)
    assert said.code == 1, said.text
    assert "changed the rules on main past the gate" in " ".join(said.text.split())
    assert "juniors cannot release" in junior.gate("promote", head, "--into", "staging").err


def log_of(clone: Clone) -> str:
    return clone.git("ls-remote", "origin", "refs/gate/log")


@pytest.mark.slow
def test_a_dry_run_proves_that_a_release_can_be_recorded_and_records_nothing(town: Town) -> None:
    protect(town, STAGING)
    commit = merged(town)
    ada, before = town.clone("ada"), log_of(town.clone("ada"))
    said = ada.gate("promote", commit, "--into", "staging", "--dry-run")
    assert (said.code, "Nothing was recorded" in said.out) == (0, True), said.text
    own = ada.git("for-each-ref", "--format=%(objectname)", "refs/gate/log")
    assert log_of(ada).startswith(own)
    assert log_of(ada) == before
    assert town.clone("newhire").gate("promote", commit, "--into", "staging", "--dry-run").code == 2
    keyless = ada.gate("promote", commit, "--into", "staging", "--dry-run", "--key", "/nowhere/key")
    assert keyless.code == 2, keyless.text
    ada.git("config", "remote.origin.pushurl", "/nowhere/origin.git")
    said = ada.gate("promote", commit, "--into", "staging", "--dry-run")
    assert said.code == 3, said.text
    assert "could not be reached" in said.text
    ada.git("config", "--unset", "remote.origin.pushurl")
    promoted(ada, commit, "staging")


@pytest.mark.slow
def test_soaking_takes_time_and_then_it_may_go(town: Town) -> None:
    soak = (
        "  production: {kind: environment, require: {passed: [staging], soaked: {in: staging, for: FOR}}}\n"
    )
    protect(town, STAGING + soak.replace("FOR", "30m"))
    commit = merged(town)
    ada = town.clone("ada")
    promoted(ada, commit, "staging")
    said = ada.gate("check", "--into", "production", "--head", commit)
    assert said.code == 1
    assert "of 30 min" in said.text
    merged(town, "policy", {"gate.yaml": town.policy(REQUIRE + STAGING + soak.replace("FOR", "1s"))})
    while "of 1 s" in (said := ada.gate("check", "--into", "production", "--head", commit)).text:
        assert said.code == 1
    assert said.code == 0, said.text


@pytest.mark.slow
def test_an_answer_about_a_release_is_never_a_kept_one(town: Town, prometheus: Monitoring) -> None:
    staging = (
        "  staging: {kind: environment, require: {passed: [main], metric: [{query: errors, below: 1}]}}\n"
    )
    protect(town, staging, f"prometheus: {prometheus.address}\n")
    commit = merged(town)
    ada = town.clone("ada")
    for errors, code in ((0.0, 0), (2.0, 1), (0.0, 0)):
        prometheus.answers["errors"] = [errors]
        assert ada.gate_process("check", "--into", "staging", "--head", commit).code == code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (200, [], "has no data for `errors`"),
        (400, '{"status": "error", "error": "parse error"}', "refuses `errors`: parse error"),
        (503, "<html>", "refuses `errors`: HTTP Error 503"),
        (200, "<html>", "cannot be read"),
        (200, "[" * 100_000, "cannot be read"),
        (200, "[]", "cannot be read"),
        (
            200,
            '{"status": "success", "data": {"resultType": "matrix", "result": []}}',
            "no query for values of one",
        ),
        (
            200,
            '{"status": "error", "error": "why", "data": {"resultType": "scalar", "result": [1, "0"]}}',
            "`errors`: why",
        ),
        (
            200,
            '{"status": "success", "warnings": ["in part"], "data": {"resultType": "scalar", "result": [1, "0"]}}',
            "doubts about `errors`: in part",
        ),
        (302, [0.0], "sends gate on to nowhere"),
        (200, [float("nan")], "is NaN"),
    ],
)
def test_a_monitoring_that_does_not_say_is_undecided(
    town: Town, prometheus: Monitoring, status: int, answer: list[float] | str, said: str
) -> None:
    staging = (
        "  staging: {kind: environment, require: {passed: [main], metric: [{query: errors, below: 1}]}}\n"
    )
    protect(town, staging, f"prometheus: {prometheus.address}\n")
    commit = merged(town)
    prometheus.status, prometheus.answers["errors"] = status, answer
    found = town.clone("ada").gate("check", "--into", "staging", "--head", commit)
    assert found.code == 3, found.text
    assert said in " ".join(found.text.split())


@pytest.mark.slow
def test_no_monitoring_at_all_is_undecided(town: Town) -> None:
    staging = (
        "  staging: {kind: environment, require: {passed: [main], metric: [{query: errors, below: 1}]}}\n"
    )
    protect(town, staging, "prometheus: http://127.0.0.1:9\n")
    commit = merged(town)
    found = town.clone("ada").gate("check", "--into", "staging", "--head", commit)
    assert found.code == 3
    assert "http://127.0.0.1:9 does not answer" in " ".join(found.text.split())


BUDGET = (
    "  production: {kind: environment, require: {passed: [main], budget: {incidents: incidents.jsonl}}}\n"
)


@pytest.mark.slow
def test_the_incident_of_45_minutes_is_more_than_two_years_of_budget(town: Town) -> None:
    protect(town, BUDGET)
    clone = town.clone("nobody", "setup")
    clone.write({"incidents.jsonl": '{"at": "2020-01-01T00:00:00Z", "downtime": 9e9}\n'})
    incident = json.dumps({"at": now(clone), "downtime": 2700, "what": "version 2"})
    clone.write({"incidents.jsonl": f'{{"at": "2020-01-01T00:00:00Z", "downtime": 900000}}\n\n{incident}\n'})
    clone.git("add", "-A")
    clone.git("commit", "-qm", "incidents")
    clone.git("push", "-q", "origin", "HEAD:main")
    ada = town.clone("ada")
    ada.fetch()
    said = ada.gate("budget")
    assert said.code == 1
    assert "45.0 of 20 minutes of downtime used in 365 days, -25.0 left" in said.out
    assert "that is 2.25 times the budget" in said.out
    commit = merged(town)
    said = ada.gate("promote", commit, "--into", "production")
    assert said.code == 1
    assert "frozen: -25.0 of 20 minutes left in 365 days" in " ".join(said.text.split())
    data = json.loads(ada.gate("budget", "--into", "production", "--format", "json").out)
    assert (data["used"], data["left"], data["trouble"]) == (45.0, -25.0, "")


@pytest.mark.slow
def test_whoever_pushes_past_the_gate_takes_no_incident_away(town: Town) -> None:
    protect(town, BUDGET)
    clone = town.clone("nobody", "setup")

    def push(name: str, files: dict[str, str]) -> None:
        clone.write(files)
        clone.git("add", "-A")
        clone.git("commit", "-qm", name)
        clone.git("push", "-q", "origin", "HEAD:main")

    incidents = [json.dumps({"at": now(clone) - 9000, "downtime": seconds}) + "\n" for seconds in (600, 900)]
    push("an incident", {"incidents.jsonl": incidents[0]})
    merged(town, "another", {"incidents.jsonl": incidents[1]})
    clone.git("pull", "-q", "--no-rebase", "origin", "main")
    ada = town.clone("ada")

    def left() -> float:
        ada.fetch()
        return float(json.loads(ada.gate("budget", "--format", "json").out)["left"])

    # What was reviewed counts, also where it is less than before.
    assert left() == 5
    push("none", {"incidents.jsonl": "\n"})
    assert left() == 5
    # Also together with a policy that does not ask for them.
    policy = (clone.path / "gate.yaml").read_text()
    push(
        "no log", {"gate.yaml": policy.replace("incidents: incidents.jsonl", "minutes: 600, downtime: none")}
    )
    assert left() == 5
    push(
        "more",
        {"incidents.jsonl": "".join(incidents) + json.dumps({"at": now(clone) - 7000, "downtime": 60})},
    )
    assert left() == 4


def now(clone: Clone) -> float:
    """The present, as git has it."""
    return float(clone.git("log", "-1", "--format=%ct"))


def test_the_budget_is_what_prometheus_measures(town: Town, prometheus: Monitoring) -> None:
    budget = "  production: {kind: environment, require: {passed: [main], budget: {downtime: down}}}\n"
    protect(town, budget, f"prometheus: {prometheus.address}\n")
    ada = town.clone("ada")
    ada.fetch()
    prometheus.answers["down"] = [60.0, 30.0]
    said = ada.gate("budget")
    assert (said.code, said.out) == (
        0,
        "production: 1.5 of 20 minutes of downtime used in 365 days, 18.5 left\n",
    )
    for answer in ([], [float("nan")], [float("-inf")], [float("inf")], [-1.0]):
        prometheus.answers["down"] = answer
        said = ada.gate("budget")
        assert (said.code, "downtime unknown" in said.out) == (3, True), answer


def test_mistakes_in_the_incident_log_have_their_line(town: Town) -> None:
    protect(town, BUDGET)
    clone = town.clone("nobody", "setup")
    mistakes = [
        '{"at": "2026-01-01", "downtime": 1}', "nonsense", '{"at": 1, "downtime": -1}', '{"at": NaN, "downtime": 1}',
        '{"at": true, "downtime": 1}', '{"at": 1, "downtime": 1e999}', f'{{"at": 1{"0" * 400}, "downtime": 1}}',
        '{"at": "0001-01-01T00:00:00+14:00", "downtime": []}', '[1, 2]', '{"at": 1}', "[" * 20000,
        '{"at": 1, "downtime": 9, "downtime": 0}',
    ]  # fmt: skip
    clone.write({"incidents.jsonl": "\n".join(mistakes) + "\n"})
    clone.git("add", "-A")
    clone.git("commit", "-qm", "incidents")
    clone.git("push", "-q", "origin", "HEAD:main")
    ada = town.clone("ada")
    ada.fetch()
    said = ada.gate("budget")
    assert said.code == 2
    assert [
        line
        for number in range(1, len(mistakes) + 1)
        for line in said.err.splitlines()
        if f"incidents.jsonl:{number}:1: " in line
    ] == [line for line in said.err.splitlines() if "incidents.jsonl" in line]
    assert said.err.count("incidents.jsonl:") == len(mistakes)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["promote", "HEAD", "--into", "main"], "has no environment 'main'"),
        (["promote", "HEAD", "--into", "prodution"], "has no environment 'prodution'"),
        (["merge", "HEAD", "--into", "staging"], "is an environment; releases are promoted, not merged"),
        (["check", "--staged", "--into", "staging"], "a commit is released as it is"),
        (["audit", "--into", "staging"], "staging is an environment"),
        (["budget"], "no environments have a budget"),
        (["budget", "--into", "staging"], "staging has no budget"),
    ],
)
def test_wrong_usage_is_told(town: Town, args: list[str], said: str) -> None:
    protect(town, STAGING)
    ada = town.clone("ada")
    ada.fetch()
    found = ada.gate(*args)
    assert found.code == 2, found.text
    assert said in found.err


@pytest.mark.slow
def test_an_environment_that_asks_for_nothing_lets_nothing_in(town: Town) -> None:
    protect(town, "  staging: {kind: environment}\n")
    commit = merged(town)
    said = town.clone("ada").gate("check", "--into", "staging", "--head", commit)
    assert said.code == 1
    assert "nothing is required" in said.text


@pytest.mark.slow
def test_a_promotion_signed_by_a_key_that_nobody_has_says_nothing(town: Town) -> None:
    protect(town, STAGING + "  production: {kind: environment, require: {passed: [staging]}}\n")
    commit = merged(town)
    ada = town.clone("ada")
    promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "production", "--head", commit).code == 0
    environments = STAGING + "  production: {kind: environment, require: {passed: [staging]}}\n"
    merged(town, "policy", {"gate.yaml": without_ada(town, environments)})
    bob = town.clone("bob")
    bob.fetch()
    bob.git("fetch", "-q", "origin", "+refs/gate/log:refs/gate/remotes/origin/log")
    said = bob.gate("check", "--into", "production", "--head", commit)
    assert said.code == 1
    assert "no record that it was released into staging" in said.text


@pytest.mark.slow
def test_with_little_budget_left_the_approval_of_a_senior_counts(town: Town, prometheus: Monitoring) -> None:
    budget = "{minutes: 20, low: 5, downtime: down}"
    production = f"  production: {{kind: environment, require: {{passed: [main], budget: {budget}}}}}\n"
    protect(town, production, f"prometheus: {prometheus.address}\n")
    commit = merged(town)
    ada, nehemiah = town.clone("ada"), town.clone("nehemiah")
    prometheus.answers["down"] = [16 * 60.0]
    assert ada.gate("promote", commit, "--into", "production").code == 1
    assert nehemiah.gate("approve", commit, "--into", "production").code == 0
    promoted(ada, commit, "production")
