"""Environments through the command line: promoted step by step, by people with keys, in real clones."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import time
from unittest.mock import patch

import pytest
from support.company import Clone, Company
from support.prometheus import Monitoring, monitoring

REQUIRE = "      owners: false\n      checks: [ok]\n      approvals: 1\n"
STAGING = "  staging: {kind: environment, require: {passed: [main]}}\n"


@pytest.fixture
def prometheus() -> Iterator[Monitoring]:
    with monitoring() as server:
        yield server


def protect(company: Company, environments: str, more: str = "") -> None:
    """A policy with these environments."""
    company.set_policy(company.policy(REQUIRE + environments, more=more))


def merged(company: Company, name: str = "work", files: dict[str, str] | None = None) -> str:
    """A commit that went through main's gate: written by bob, approved and merged by ada."""
    bob, ada = company.clone("bob"), company.clone("ada")
    bob.commit(name, files or {f"{name}.py": "x = 1\n"}, branch=name)
    ada.approve(f"origin/{name}")
    result = ada.gate("merge", f"origin/{name}", "--push")
    assert result.code == 0, result.text
    for clone in (ada, bob, company.clone("newhire"), company.clone("nehemiah")):
        clone.git("fetch", "-q", "origin", "+refs/gate/log:refs/gate/remotes/origin/log", "main")
        clone.fetch()
    return ada.git("rev-parse", "origin/main")


def promoted(clone: Clone, commit: str, environment: str) -> None:
    result = clone.gate("promote", commit, "--into", environment)
    assert result.code == 0, result.text


@pytest.mark.slow
def test_main_then_staging_then_production_each_by_a_record(company: Company) -> None:
    protect(company, STAGING + "  production: {kind: environment, require: {passed: [main, staging]}}\n")
    commit = merged(company)
    ada = company.clone("ada")
    result = ada.gate("check", "--into", "production", "--head", commit)
    assert result.code == 1
    assert "no record that it was released into staging" in result.text
    assert f"gate promote {commit[:12]} --into staging" in result.text
    assert ada.gate("promote", commit, "--into", "production").code == 1
    promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "production", "--head", commit).code == 0
    result = company.clone("nehemiah").gate("promote", commit, "--into", "production")
    assert result.code == 0, result.text
    assert f"production is now at {commit[:12]}." in result.out
    again = ada.gate("promote", commit, "--into", "production")
    assert again.code == 0, "what others have recorded is fetched first"
    assert "already" in again.out


@pytest.mark.slow
def test_a_commit_that_did_not_go_through_mains_gate_goes_nowhere(company: Company) -> None:
    protect(company, STAGING)
    merged(company)
    bob = company.clone("bob")
    unmerged = bob.commit("more", {"more.py": "x = 2\n"}, branch="more")
    result = bob.gate("promote", unmerged, "--into", "staging")
    assert result.code == 1
    assert "main was never at this commit" in result.text
    bob.git("push", "-q", "origin", "HEAD:main")
    bob.fetch()
    result = bob.gate("promote", unmerged, "--into", "staging")
    assert result.code == 1
    assert "its merge is not verified" in result.text


@pytest.mark.slow
def test_what_was_approved_but_never_merged_has_not_passed(company: Company) -> None:
    protect(company, STAGING)
    merged(company)
    bob, ada = company.clone("bob"), company.clone("ada")
    commit = bob.commit("more", {"more.py": "x = 2\n"}, branch="more")
    ada.approve("origin/more")
    assert ada.gate("check", "--head", "origin/more", "--record").code == 0
    result = ada.gate("promote", commit, "--into", "staging")
    assert result.code == 1
    assert "main was never at this commit" in result.text


@pytest.mark.slow
def test_a_junior_can_neither_promote_nor_approve_a_release(company: Company) -> None:
    protect(company, "  staging: {kind: environment, require: {passed: [main], approvals: 1}}\n")
    commit = merged(company)
    junior = company.clone("newhire")
    result = junior.gate("promote", commit, "--into", "staging")
    assert result.code == 2
    assert "juniors cannot release" in result.err
    assert "@nehemiah" in result.err
    result = junior.gate("approve", commit, "--into", "staging")
    assert result.code == 2
    assert "juniors cannot approve a release" in result.err
    assert company.clone("nehemiah").gate("approve", commit, "--into", "staging").code == 0
    promoted(company.clone("ada"), commit, "staging")


@pytest.mark.slow
@pytest.mark.parametrize("words", [(), ("--dry-run",)], ids=["for real", "dry run"])
def test_whose_record_would_not_count_cannot_promote(company: Company, words: tuple[str, ...]) -> None:
    protect(company, STAGING.replace("kind: environment", 'kind: environment, verdicts: ["@nehemiah"]'))
    commit = merged(company)
    ada, nehemiah = company.clone("ada"), company.clone("nehemiah")
    before = log_of(ada)
    result = ada.gate("promote", commit, "--into", "staging", *words)
    assert (result.code, log_of(ada)) == (2, before), result.text
    assert "only records by people in `protect.staging.verdicts` count" in result.err
    assert "@nehemiah" in result.err
    result = nehemiah.gate("promote", commit, "--into", "staging", *words)
    assert result.code == 0, result.text


@pytest.mark.slow
def test_a_senior_has_to_send_it_out_where_seniority_is_asked_for(company: Company) -> None:
    protect(company, "  staging: {kind: environment, require: {passed: [main], seniority: true}}\n")
    commit = merged(company)
    bob = company.clone("bob")
    result = bob.gate("promote", commit, "--into", "staging")
    assert result.code == 1
    assert "missing senior approval" in result.text
    assert bob.gate("check", "--into", "staging", "--head", commit).code == 1
    nehemiah = company.clone("nehemiah")
    assert nehemiah.gate("check", "--into", "staging", "--head", commit).code == 0
    assert nehemiah.gate("approve", commit, "--into", "staging").code == 0
    promoted(bob, commit, "staging")


@pytest.mark.slow
def test_the_way_back_is_open_and_the_way_forth_again_is_not(
    company: Company, prometheus: Monitoring
) -> None:
    require = "{passed: [main], metric: [{query: errors, below: 0.01}]}"
    production = f"  production: {{kind: environment, require: {require}}}\n"
    protect(company, production, f"prometheus: {prometheus.address}\n")
    first, second = merged(company, "first"), merged(company, "second")
    ada = company.clone("ada")
    prometheus.answers["errors"] = [0.0]
    promoted(ada, first, "production")
    promoted(ada, second, "production")
    prometheus.status, prometheus.answers["errors"] = 500, "down"
    result = ada.gate("promote", first, "--into", "production")
    assert result.code == 0, result.text
    assert f"production rolled back to {first[:12]}." in result.out
    result = ada.gate("promote", second, "--into", "production")
    assert result.code == 1
    assert "it was rolled back in production, and nobody has approved it since" in " ".join(
        result.text.split()
    )
    assert company.clone("nehemiah").gate("approve", second, "--into", "production").code == 0
    assert ada.gate("promote", second, "--into", "production").code == 3
    prometheus.status, prometheus.answers["errors"] = 200, [0.5]
    result = ada.gate("promote", second, "--into", "production")
    assert result.code == 1
    assert "`errors` is 0.5, expected below 0.01" in result.text


@pytest.mark.slow
def test_what_was_taken_back_in_staging_does_not_go_on(company: Company) -> None:
    protect(company, STAGING + "  production: {kind: environment, require: {passed: [staging]}}\n")
    first, second = merged(company, "first"), merged(company, "second")
    ada = company.clone("ada")
    for commit in (first, second, first):
        promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "production", "--head", first).code == 0
    result = ada.gate("check", "--into", "production", "--head", second)
    assert result.code == 1
    assert "staging: it was rolled back there" in result.text


@pytest.mark.slow
def test_what_was_rolled_back_in_one_environment_enters_no_other(company: Company) -> None:
    protect(company, STAGING + "  production: {kind: environment, require: {passed: [main]}}\n")
    first, second = merged(company, "first"), merged(company, "second")
    ada = company.clone("ada")
    promoted(ada, first, "staging")
    for commit in (first, second):
        promoted(ada, commit, "production")
    early = company.clone("nehemiah").gate("approve", second, "--into", "staging")
    assert early.code == 0, early.text
    promoted(ada, first, "production")
    result = ada.gate("check", "--into", "staging", "--head", second)
    assert result.code == 1, "an approval from before the rollback says nothing about it"
    assert "rolled back in production" in result.text
    again = company.clone("nehemiah").gate("approve", second, "--into", "staging")
    assert again.code == 0, again.text
    promoted(ada, second, "staging")


@pytest.mark.slow
def test_a_fast_clock_does_not_move_an_approval_past_a_rollback(company: Company) -> None:
    protect(company, STAGING)
    first, second = merged(company, "first"), merged(company, "second")
    ada, senior = company.clone("ada"), company.clone("nehemiah")
    promoted(ada, first, "staging")
    tomorrow = time() + 24 * 60 * 60
    with patch("time.time", lambda: tomorrow):
        early = senior.gate("approve", second, "--into", "staging")
    assert early.code == 0, early.text
    for commit in (second, first):
        promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "staging", "--head", second).code == 1
    again = senior.gate("approve", second, "--into", "staging")
    assert again.code == 0, again.text
    promoted(ada, second, "staging")


def without_ada(company: Company, environments: str) -> str:
    """The policy after ada has left."""
    lines = company.policy(REQUIRE + environments).splitlines()
    return "\n".join(line for line in lines if '"@ada": ' not in line).replace('"@ada"', '"@bob"') + "\n"


@pytest.mark.slow
def test_going_back_past_a_release_takes_it_back_whoever_leaves_then(company: Company) -> None:
    environments = STAGING + "  production: {kind: environment, require: {passed: [main]}}\n"
    protect(company, environments)
    first, second, third = (merged(company, name) for name in ("first", "second", "third"))
    ada = company.clone("ada")
    for commit in (first, second, third, first):
        promoted(ada, commit, "production")
    for commit in (second, third):
        for environment in ("staging", "production"):
            result = ada.gate("check", "--into", environment, "--head", commit)
            assert (result.code, "rolled back in production" in result.text) == (1, True), result.text
    fourth = merged(company, "policy", {"gate.yaml": without_ada(company, environments)})
    bob = company.clone("bob")
    result = bob.gate("check", "--into", "staging", "--head", third)
    assert (result.code, "rolled back in production" in result.text) == (1, True), (
        "ada's key is gone, not her rollback"
    )
    assert bob.gate("check", "--into", "staging", "--head", fourth).code == 0


@pytest.mark.slow
def test_somebody_alone_can_go_back_and_on_again(company: Company) -> None:
    """Nobody else could approve: the way back needs nobody, and the way on is a new commit."""
    alone = (
        "version: 1\nrepository: acme/shortener\nprotect:\n  main:\n    require: {owners: false, checks: [ok]}\n"
        + STAGING
        + "people:\n"
        + f"  \"@ada\": {{role: senior, emails: [ada@acme.example], keys: ['{company.public('ada')}']}}\n"
        + 'checks:\n  ok: {command: ["true"], report: none}\n'
    )
    company.set_policy(alone)
    ada = company.clone("ada")
    commits = []
    for name in ("one", "two", "three"):
        ada.commit(name, {f"{name}.py": "x = 1\n"}, branch=name)
        result = ada.gate("merge", f"origin/{name}", "--push")
        assert result.code == 0, result.text
        ada.fetch()
        commits.append(ada.git("rev-parse", "origin/main"))
    first, second, third = commits
    for commit in (first, second, first):
        promoted(ada, commit, "staging")
    again = ada.gate("promote", second, "--into", "staging")
    assert again.code == 1
    assert "a fix is a new commit" in " ".join(again.text.split())
    promoted(ada, third, "staging")


@pytest.mark.slow
def test_the_way_back_leads_to_what_was_there_before_the_first_record(company: Company) -> None:
    protect(company, "  production: {kind: environment, require: {passed: [main]}}\n")
    ada = company.clone("ada")
    ada.fetch()
    before = ada.git("rev-parse", "origin/main")
    first, second = merged(company, "first"), merged(company, "second")
    promoted(ada, first, "production")
    beside = ada.commit("aside", {"aside.py": "x = 3\n"}, branch="aside")
    for commit in (second, beside):
        assert "rolled back" not in ada.gate("promote", commit, "--into", "production", "--dry-run").out
    result = ada.gate("promote", before, "--into", "production")
    assert result.code == 0, result.text
    assert f"production rolled back to {before[:12]}." in result.out
    assert ada.gate("check", "--into", "production", "--head", first).code == 1
    promoted(ada, second, "production")
    promoted(ada, before, "production")


@pytest.mark.slow
def test_a_policy_that_was_pushed_past_the_gate_decides_about_no_release(company: Company) -> None:
    protect(company, STAGING)
    merged(company)
    junior = company.clone("newhire")
    policy = company.policy(REQUIRE + "  staging: {kind: environment, require: {metric: []}}\n")
    junior.commit("no gate", {"gate.yaml": policy.replace("role: junior", "role: senior")}, branch="easy")
    junior.git("push", "-q", "origin", "HEAD:main")
    ada = company.clone("ada")
    ada.fetch()
    head = ada.git("rev-parse", "origin/main")
    result = ada.gate("check", "--into", "staging", "--head", head)
    assert result.code == 1, result.text
    assert "changed the rules on main without being verified" in " ".join(result.text.split())
    assert "juniors cannot release" in junior.gate("promote", head, "--into", "staging").err


def log_of(clone: Clone) -> str:
    return clone.git("ls-remote", "origin", "refs/gate/log")


@pytest.mark.slow
def test_a_dry_run_proves_that_a_release_can_be_recorded_and_records_nothing(company: Company) -> None:
    protect(company, STAGING)
    commit = merged(company)
    ada, before = company.clone("ada"), log_of(company.clone("ada"))
    result = ada.gate("promote", commit, "--into", "staging", "--dry-run")
    assert (result.code, "Nothing was recorded" in result.out) == (0, True), result.text
    own = ada.git("for-each-ref", "--format=%(objectname)", "refs/gate/log")
    assert log_of(ada).startswith(own)
    assert log_of(ada) == before
    assert company.clone("newhire").gate("promote", commit, "--into", "staging", "--dry-run").code == 2
    keyless = ada.gate("promote", commit, "--into", "staging", "--dry-run", "--key", "/nowhere/key")
    assert keyless.code == 2, keyless.text
    ada.git("config", "remote.origin.pushurl", "/nowhere/origin.git")
    result = ada.gate("promote", commit, "--into", "staging", "--dry-run")
    assert result.code == 3, result.text
    assert "could not be reached" in result.text
    ada.git("config", "--unset", "remote.origin.pushurl")
    # As `git clone --mirror` sets it: only the log is pushed.
    ada.git("config", "remote.origin.mirror", "true")
    refs = company.server.git("for-each-ref", "refs/heads")
    assert ada.gate("promote", commit, "--into", "staging", "--dry-run").code == 0
    promoted(ada, commit, "staging")
    assert company.server.git("for-each-ref", "refs/heads") == refs
    assert "refs/gate/log" in company.server.git("for-each-ref")


@pytest.mark.slow
def test_what_could_not_be_pushed_is_pushed_by_the_same_command(company: Company) -> None:
    protect(company, STAGING)
    commit = merged(company)
    ada = company.clone("ada")
    ada.git("config", "remote.origin.pushurl", "/nowhere/origin.git")
    for _ in range(2):
        result = ada.gate("promote", commit, "--into", "staging")
        assert (result.code, "Run the same command again" in result.out) == (3, True), result.text
    ada.git("config", "--unset", "remote.origin.pushurl")
    result = ada.gate("promote", commit, "--into", "staging")
    assert (result.code, "already at" in result.out) == (0, True), result.text
    assert log_of(ada).startswith(ada.git("rev-parse", "refs/gate/log"))


@pytest.mark.slow
def test_soaking_takes_time_and_then_it_may_go(company: Company) -> None:
    soak = (
        "  production: {kind: environment, require: {passed: [staging], soaked: {in: staging, for: FOR}}}\n"
    )
    protect(company, STAGING + soak.replace("FOR", "30m"))
    commit = merged(company)
    ada = company.clone("ada")
    promoted(ada, commit, "staging")
    result = ada.gate("check", "--into", "production", "--head", commit)
    assert result.code == 1
    assert "of 30 min" in result.text
    merged(company, "policy", {"gate.yaml": company.policy(REQUIRE + STAGING + soak.replace("FOR", "1s"))})
    while "of 1 s" in (result := ada.gate("check", "--into", "production", "--head", commit)).text:
        assert result.code == 1
    assert result.code == 0, result.text


@pytest.mark.slow
def test_an_answer_about_a_release_is_never_cached(company: Company, prometheus: Monitoring) -> None:
    staging = (
        "  staging: {kind: environment, require: {passed: [main], metric: [{query: errors, below: 1}]}}\n"
    )
    protect(company, staging, f"prometheus: {prometheus.address}\n")
    commit = merged(company)
    ada = company.clone("ada")
    for errors, code in ((0.0, 0), (2.0, 1), (0.0, 0)):
        prometheus.answers["errors"] = [errors]
        assert ada.gate_process("check", "--into", "staging", "--head", commit).code == code


@pytest.mark.slow
@pytest.mark.parametrize(
    ("status", "answer", "expected"),
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
            "is not an instant query",
        ),
        (
            200,
            '{"status": "error", "error": "why", "data": {"resultType": "scalar", "result": [1, "0"]}}',
            "`errors`: why",
        ),
        (
            200,
            '{"status": "success", "warnings": ["in part"], "data": {"resultType": "scalar", "result": [1, "0"]}}',
            "warns about `errors`: in part",
        ),
        (302, [0.0], "redirects to nowhere"),
        (200, [float("nan")], "is NaN"),
    ],
)
def test_a_monitoring_that_does_not_say_is_undecided(
    company: Company, prometheus: Monitoring, status: int, answer: list[float] | str, expected: str
) -> None:
    staging = (
        "  staging: {kind: environment, require: {passed: [main], metric: [{query: errors, below: 1}]}}\n"
    )
    protect(company, staging, f"prometheus: {prometheus.address}\n")
    commit = merged(company)
    prometheus.status, prometheus.answers["errors"] = status, answer
    found = company.clone("ada").gate("check", "--into", "staging", "--head", commit)
    assert found.code == 3, found.text
    assert expected in " ".join(found.text.split())


@pytest.mark.slow
def test_no_monitoring_at_all_is_undecided(company: Company) -> None:
    staging = (
        "  staging: {kind: environment, require: {passed: [main], metric: [{query: errors, below: 1}]}}\n"
    )
    protect(company, staging, "prometheus: http://127.0.0.1:9\n")
    commit = merged(company)
    found = company.clone("ada").gate("check", "--into", "staging", "--head", commit)
    assert found.code == 3
    assert "http://127.0.0.1:9 does not answer" in " ".join(found.text.split())


BUDGET = (
    "  production: {kind: environment, require: {passed: [main], budget: {incidents: incidents.jsonl}}}\n"
)


@pytest.mark.slow
def test_the_incident_of_45_minutes_is_more_than_two_years_of_budget(company: Company) -> None:
    protect(company, BUDGET)
    clone = company.clone("nobody", "setup")
    clone.write({"incidents.jsonl": '{"at": "2020-01-01T00:00:00Z", "downtime": 9e9}\n'})
    incident = json.dumps({"at": now(clone), "downtime": 2700, "what": "version 2"})
    clone.write({"incidents.jsonl": f'{{"at": "2020-01-01T00:00:00Z", "downtime": 900000}}\n\n{incident}\n'})
    clone.git("add", "-A")
    clone.git("commit", "-qm", "incidents")
    clone.git("push", "-q", "origin", "HEAD:main")
    ada = company.clone("ada")
    ada.fetch()
    result = ada.gate("budget")
    assert result.code == 1
    assert "45.0 of 20 minutes of downtime used in 365 days, -25.0 left" in result.out
    assert "that is 2.25 times the budget" in result.out
    commit = merged(company)
    result = ada.gate("promote", commit, "--into", "production")
    assert result.code == 1
    assert "frozen: -25.0 of 20 minutes left in 365 days" in " ".join(result.text.split())
    data = json.loads(ada.gate("budget", "--into", "production", "--format", "json").out)
    assert (data["used"], data["left"], data["trouble"]) == (45.0, -25.0, "")


@pytest.mark.slow
def test_whoever_pushes_past_the_gate_takes_no_incident_away(company: Company) -> None:
    protect(company, BUDGET)
    clone = company.clone("nobody", "setup")

    def push(name: str, files: dict[str, str]) -> None:
        clone.write(files)
        clone.git("add", "-A")
        clone.git("commit", "-qm", name)
        clone.git("push", "-q", "origin", "HEAD:main")

    incidents = [json.dumps({"at": now(clone) - 9000, "downtime": seconds}) + "\n" for seconds in (600, 900)]
    push("an incident", {"incidents.jsonl": incidents[0]})
    merged(company, "another", {"incidents.jsonl": incidents[1]})
    clone.git("pull", "-q", "--no-rebase", "origin", "main")
    ada = company.clone("ada")

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


def test_the_budget_is_what_prometheus_measures(company: Company, prometheus: Monitoring) -> None:
    budget = "  production: {kind: environment, require: {passed: [main], budget: {downtime: down}}}\n"
    protect(company, budget, f"prometheus: {prometheus.address}\n")
    ada = company.clone("ada")
    ada.fetch()
    prometheus.answers["down"] = [60.0, 30.0]
    result = ada.gate("budget")
    assert (result.code, result.out) == (
        0,
        "production: 1.5 of 20 minutes of downtime used in 365 days, 18.5 left\n",
    )
    for answer in ([], [float("nan")], [float("-inf")], [float("inf")], [-1.0]):
        prometheus.answers["down"] = answer
        result = ada.gate("budget")
        assert (result.code, "downtime unknown" in result.out) == (3, True), answer


def test_a_budget_that_nothing_measures_says_what_to_set(company: Company) -> None:
    protect(company, "  production: {kind: environment, require: {passed: [main], budget: true}}\n")
    ada = company.clone("ada")
    ada.fetch()
    result = ada.gate("budget")
    assert result.code == 3
    assert "production: downtime unknown: nothing measures it; set `downtime`" in result.out
    assert "under protect.production.require.budget in gate.yaml" in result.out


def test_mistakes_in_the_incident_log_have_their_line(company: Company) -> None:
    protect(company, BUDGET)
    clone = company.clone("nobody", "setup")
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
    ada = company.clone("ada")
    ada.fetch()
    result = ada.gate("budget")
    assert result.code == 2
    assert [
        line
        for number in range(1, len(mistakes) + 1)
        for line in result.err.splitlines()
        if f"incidents.jsonl:{number}:1: " in line
    ] == [line for line in result.err.splitlines() if "incidents.jsonl" in line]
    assert result.err.count("incidents.jsonl:") == len(mistakes)


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["promote", "HEAD", "--into", "main"], "has no environment 'main'"),
        (["promote", "HEAD", "--into", "prodution"], "has no environment 'prodution'"),
        (["merge", "HEAD", "--into", "staging"], "is an environment; releases are promoted, not merged"),
        (["check", "--staged", "--into", "staging"], "only commits can be released"),
        (["audit", "--into", "staging"], "staging is an environment"),
        (["budget"], "no environments have a budget"),
        (["budget", "--into", "staging"], "staging has no budget"),
    ],
)
def test_wrong_usage_is_reported(company: Company, args: list[str], expected: str) -> None:
    protect(company, STAGING)
    ada = company.clone("ada")
    ada.fetch()
    found = ada.gate(*args)
    assert found.code == 2, found.text
    assert expected in found.err


@pytest.mark.slow
def test_an_environment_that_asks_for_nothing_lets_nothing_in(company: Company) -> None:
    protect(company, "  staging: {kind: environment}\n")
    commit = merged(company)
    result = company.clone("ada").gate("check", "--into", "staging", "--head", commit)
    assert result.code == 1
    assert "nothing is required" in result.text


@pytest.mark.slow
def test_a_promotion_signed_by_a_key_that_nobody_has_says_nothing(company: Company) -> None:
    protect(company, STAGING + "  production: {kind: environment, require: {passed: [staging]}}\n")
    commit = merged(company)
    ada = company.clone("ada")
    promoted(ada, commit, "staging")
    assert ada.gate("check", "--into", "production", "--head", commit).code == 0
    environments = STAGING + "  production: {kind: environment, require: {passed: [staging]}}\n"
    merged(company, "policy", {"gate.yaml": without_ada(company, environments)})
    bob = company.clone("bob")
    bob.fetch()
    bob.git("fetch", "-q", "origin", "+refs/gate/log:refs/gate/remotes/origin/log")
    result = bob.gate("check", "--into", "production", "--head", commit)
    assert result.code == 1
    assert "no record that it was released into staging" in result.text


@pytest.mark.slow
def test_with_little_budget_left_the_approval_of_a_senior_counts(
    company: Company, prometheus: Monitoring
) -> None:
    budget = "{minutes: 20, low: 5, downtime: down}"
    production = f"  production: {{kind: environment, require: {{passed: [main], budget: {budget}}}}}\n"
    protect(company, production, f"prometheus: {prometheus.address}\n")
    commit = merged(company)
    ada, nehemiah = company.clone("ada"), company.clone("nehemiah")
    prometheus.answers["down"] = [16 * 60.0]
    assert ada.gate("promote", commit, "--into", "production").code == 1
    assert nehemiah.gate("approve", commit, "--into", "production").code == 0
    promoted(ada, commit, "production")
