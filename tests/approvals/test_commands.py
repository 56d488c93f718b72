"""approve, approvals, revoke, merge and audit, as two people use them, through the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.company import Clone, Company, isolated
from support.terminal import Terminal
from support.waiting import until


def outcomes(verdict: dict[str, object]) -> dict[str, str]:
    requirements = verdict["requirements"]
    assert isinstance(requirements, list)
    return {requirement["id"]: requirement["outcome"] for requirement in requirements}


@pytest.mark.slow
def test_from_a_branch_to_an_audited_merge(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    assert not new.may_merge("feature")

    result = senior.approve("feature")
    assert "M a.py  (yours)" in result.out
    assert "Approved by @nehemiah" in result.out
    assert "No more approvals are needed" in result.out

    merged = senior.gate("merge", "feature", "--push")
    assert merged.code == 0, merged.text
    message = company.server.git("log", "-1", "--format=%B", "main")
    for trailer in ("Gate-Approved-by: @nehemiah", "Gate-Verdict: ", "Gate-Change: ", "Gate-Log: "):
        assert trailer in message
    assert company.server.git("show", "main:a.py") == "x = 2"

    elsewhere = company.clone("ada")
    audited = elsewhere.gate("audit", "--fetch", "--all")
    assert audited.code == 0, audited.text
    assert "approved by @nehemiah" in audited.out
    assert "signed by @nehemiah" in audited.out


@pytest.mark.slow
def test_a_change_that_no_remote_has_is_to_be_pushed_first(company: Company) -> None:
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature", push=False)

    def asked_to_push() -> bool:
        result = new.gate("check")
        assert result.code == 1, result.text
        assert "To approve, they run" in result.out
        return "Push it first" in result.out

    assert asked_to_push()
    # A ref whose commit is missing hides from git what the others contain, but not the verdict.
    odd = new.path / ".git" / "refs" / "remotes" / "origin" / "odd"
    odd.write_text("1" * 40 + "\n")
    asked_to_push()
    odd.unlink()
    new.git("push", "-q", "origin", "feature")
    assert not asked_to_push()


@pytest.mark.slow
def test_a_new_approval_replaces_a_cached_answer(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.fetch()
    for _ in range(2):
        assert senior.gate_process("check", "--head", "origin/feature").code == 1
    assert senior.gate_process("approve", "feature").code == 0
    for _ in range(2):
        assert senior.gate_process("check", "--head", "origin/feature").code == 0


@pytest.mark.slow
def test_approving_shows_what_is_known_of_the_checks_and_runs_none(company: Company) -> None:
    marker = company.path / "ran"
    company.set_policy(company.policy().replace('["true"]', f'["touch", "{marker}"]'))
    new, senior, ada = company.clone("newhire"), company.clone("nehemiah"), company.clone("ada")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    assert "checks: not run in this clone yet; `gate merge` runs them" in senior.approve("feature").out
    assert not marker.exists()
    ada.fetch()
    ada.gate("check", "--head", "origin/feature")
    assert marker.exists()
    assert "checks: ok passed" in ada.approve("feature").out


@pytest.mark.slow
def test_the_json_of_approvals_is_that_of_the_verdict(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("feature")
    (decision,) = senior.decisions("feature")
    assert decision | {"id": ""} == {
        "id": "",
        "by": "@nehemiah",
        "kind": "approve",
        "source": "ssh",
        "counted": True,
        "why": "",
        "files": ["a.py"],
        "owned": ["a.py"],
    }
    assert senior.verdict("origin/feature")["approvals"] == [decision]


@pytest.mark.slow
def test_the_record_lies_where_the_contract_says(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("feature")
    identity = senior.decisions("feature")[0]["id"]
    digest = senior.verdict("origin/feature")["change"]["digest"]
    expected = [
        f"changes/{digest[:2]}/{digest}",
        f"records/{identity[:2]}/{identity}.json",
        f"records/{identity[:2]}/{identity}.sig",
    ]
    assert senior.log() == expected
    assert company.server.git("ls-tree", "-r", "--name-only", "refs/gate/log").splitlines() == expected


@pytest.mark.slow
def test_approving_twice_records_once(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("feature")
    before = senior.log()
    assert "Already approved" in senior.approve("feature").out
    assert senior.log() == before


@pytest.mark.slow
def test_an_objection_without_a_reason_is_reported_as_such_and_can_still_be_given_one(
    company: Company,
) -> None:
    new, bob = company.clone("newhire"), company.clone("bob")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    assert (
        "Add one, so that the author knows what to change: `--block --reason TEXT`"
        in bob.approve("feature", "--block").out
    )
    assert "@bob objects (no reason given)" in bob.gate("check", "--head", "origin/feature").out
    assert "adds one" not in bob.approve("feature", "--block", "--reason", "drops the index").out
    result = " ".join(bob.gate("check", "--head", "origin/feature").out.split())
    assert "@bob objects: drops the index" in result
    assert "no reason given" not in result
    for identity in re.findall(r"with `gate revoke ([0-9a-f]+)`", result):
        assert bob.gate("revoke", identity).code == 0
    assert "@bob objects:" not in bob.gate("check", "--head", "origin/feature").out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "reason"), [("drops the index\n", ": drops the index"), ("\n", " (no reason given)")]
)
def test_at_a_terminal_whoever_objects_is_asked_why(company: Company, typed: str, reason: str) -> None:
    new, bob = company.clone("newhire"), company.clone("bob")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.fetch()
    argv = [sys.executable, "-P", "-m", "gate", "approve", "feature", "--block"]
    terminal = Terminal(argv, bob.path, isolated(bob.path.parent / "home"))
    try:
        assert terminal.wait_for("Object to this? [y/N]")
        terminal.type("y\n")
        assert terminal.wait_for("Why? What must change?")
        terminal.type(typed)
        assert terminal.wait_for("Pushed to")
    finally:
        terminal.close()
    assert f"@bob objects{reason}" in bob.gate("check", "--head", "origin/feature").out


@pytest.mark.slow
def test_whoever_approves_an_old_copy_of_a_branch_is_warned(company: Company) -> None:
    new, bob = company.clone("newhire"), company.clone("bob")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.fetch()
    bob.git("switch", "-q", "feature")
    assert "warning" not in bob.gate("approve", "--yes").text
    new.commit("v3", {"a.py": "x = 3\n"}, branch="feature")
    for rev in ("feature", "HEAD", "refs/heads/feature"):
        result = bob.gate("approve", rev, "--diff", "--yes")
        assert "your local branch feature is 1 commit behind origin/feature" in result.err
        assert "`gate approve origin/feature`" in result.err
        assert "+x = 2" in result.out
        assert "+x = 3" in result.out.partition("Pushed to origin/feature since")[2]
    assert "warning" not in bob.gate("approve", "origin/feature", "--yes").text
    new.git("push", "-q", "origin", ":feature")
    assert bob.gate("approve", "feature", "--yes").code == 0, (
        "the branch is gone there, and what is here can be signed"
    )


@pytest.mark.slow
def test_an_objection_blocks_until_it_is_revoked(company: Company) -> None:
    new, senior, bob = company.clone("newhire"), company.clone("nehemiah"), company.clone("bob")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.approve("feature", "--block", "--reason", "drops the index")
    senior.approve("feature")
    verdict = senior.verdict("origin/feature")
    assert outcomes(verdict)["approvals"] == "unmet"
    assert "@bob objects: drops the index" in str(verdict["requirements"])

    identity = next(one["id"] for one in bob.decisions("feature") if one["kind"] == "block")
    assert senior.gate("revoke", identity).code == 2
    assert not senior.may_merge("origin/feature")
    assert bob.gate("revoke", identity[:12]).code == 0
    assert senior.gate("approvals", "--fetch", "feature").code == 0
    assert senior.may_merge("origin/feature")


@pytest.mark.slow
def test_an_approval_that_is_revoked_no_longer_counts(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("feature")
    assert senior.may_merge("origin/feature")
    assert senior.gate("revoke", senior.decisions("feature")[0]["id"]).code == 0
    assert [(one["counted"], one["why"]) for one in senior.decisions("feature")] == [(False, "revoked")]
    assert not senior.may_merge("origin/feature")
    senior.approve("feature")
    assert senior.may_merge("origin/feature"), "who changed their mind may change it again"


@pytest.mark.parametrize(
    ("key", "args", "message"),
    [
        ("newhire", (), "@newhire is an author of this change and cannot approve it"),
        ("stranger", (), "is not listed in the policy of main"),
        ("ci", (), "@ci is a bot"),
        ("bob", ("--waive", "--reason", "x"), "@bob is not one of the guardians"),
        ("ada", ("--waive",), "a waiver needs a reason"),
        ("nowhere", (), "there is no key file"),
        ("ada", ("--reason", "x" * 5000), "the reason is longer than"),
    ],
    ids=["own change", "unknown key", "bot", "no guardian", "no reason", "no key", "long reason"],
)
def test_what_would_not_count_is_refused_with_a_sentence(
    company: Company, key: str, args: tuple[str, ...], message: str
) -> None:
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    result = new.gate("approve", "feature", "--key", new.key(key), *args)
    assert result.code == 2
    assert message in result.err
    assert new.git("for-each-ref", "refs/gate") == ""


def test_nothing_to_approve_is_reported(company: Company) -> None:
    senior = company.clone("nehemiah")
    result = senior.gate("approve", "main")
    assert result.code == 2
    assert "nothing to approve: main has no changes for main" in result.err


def test_a_conflict_is_nothing_to_approve(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.commit("own", {"a.py": "x = 3\n"})
    senior.fetch()
    result = senior.gate("approve", "feature")
    assert result.code == 2
    assert "in conflict" in result.err


@pytest.mark.slow
def test_without_a_remote_it_stays_here(company: Company) -> None:
    senior = company.clone("nehemiah")
    senior.git("checkout", "-q", "-b", "feature")
    senior.commit("v2", {"a.py": "x = 2\n"}, author="newhire", push=False)
    senior.git("config", "user.email", "newhire@acme.example")
    senior.git("commit", "-q", "--amend", "--no-edit", "--reset-author")
    senior.git("remote", "remove", "origin")
    result = senior.gate("approve", "feature")
    assert result.code == 0, result.text
    assert senior.may_merge("feature")


@pytest.mark.slow
def test_a_remote_that_cannot_be_reached_loses_nothing(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.fetch()
    away = company.path / "away.git"
    company.server.path.rename(away)
    result = senior.gate("approve", "feature")
    assert result.code == 3
    assert "not pushed" in result.text
    assert senior.may_merge("origin/feature")
    away.rename(company.server.path)
    assert senior.gate("approve", "feature").code == 0
    assert company.server.git("rev-parse", "refs/gate/log") == senior.git("rev-parse", "refs/gate/log")


@pytest.mark.slow
def test_a_waiver_opens_and_is_loud_everywhere(company: Company) -> None:
    new, ada = company.clone("newhire"), company.clone("ada")
    new.commit("hotfix", {"a.py": "x = 2\n"}, branch="hotfix")
    ada.approve("hotfix", "--waive", "--reason", "outage 4711\n\x1b[2K")
    checked = ada.gate("check", "--head", "origin/hotfix")
    assert checked.code == 0
    assert "WAIVED by @ada: outage 4711" in checked.out
    merged = ada.gate("merge", "hotfix", "--push")
    assert merged.code == 0, merged.text
    assert "WAIVED by @ada: outage 4711" in merged.out
    message = company.server.git("log", "-1", "--format=%B", "main")
    assert re.search(r"^Gate-WAIVED-by: @ada \([0-9a-f]{12}\): outage 4711 \\x1b\[2K$", message, re.MULTILINE)
    assert "WAIVED by @ada: outage 4711" in ada.gate("audit", "--all").out


@pytest.mark.slow
@pytest.mark.parametrize("stale", ["change", "owned", "head"])
def test_staleness(company: Company, stale: str) -> None:
    company.set_policy(company.policy(f"      owners: {{stale: {stale}}}\n      checks: [ok]\n"))
    new, senior, bob = company.clone("newhire"), company.clone("nehemiah"), company.clone("bob")
    new.commit("v2", {"a.py": "x = 2\n", "docs/index.md": "# New\n"}, branch="feature")
    senior.approve("feature")
    bob.approve("feature")
    assert bob.may_merge("origin/feature")

    # The branch is rebased over another file: the content is the same, the commit is not.
    new.git("commit", "-q", "--amend", "-m", "the same in other words")
    new.git("push", "-q", "-f", "origin", "feature")
    bob.fetch()
    assert bob.may_merge("origin/feature") == (stale != "head")

    new.commit("more docs", {"docs/index.md": "# Newer\n"}, branch="feature")
    bob.approve("feature")
    why = {
        one["by"]: (one["counted"], one["why"])
        for one in bob.decisions("feature")
        if one["by"] == "@nehemiah"
    }
    expected = {
        "change": (False, "stale: docs/index.md changed since"),
        "owned": (True, "stale for docs/index.md, changed since"),
        "head": (False, "stale: docs/index.md changed since"),
    }
    assert why["@nehemiah"] == expected[stale]
    assert bob.may_merge("origin/feature") == (stale == "owned")


@pytest.mark.slow
def test_an_approval_that_nobody_asked_for_is_reported_so(company: Company) -> None:
    company.set_policy(company.policy("      owners: {stale: change}\n      checks: [ok]\n"))
    new, bob, senior = company.clone("newhire"), company.clone("bob"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.approve("feature")
    assert [(one["counted"], one["why"]) for one in bob.decisions("feature")] == [
        (False, "not an owner of these files")
    ]
    assert bob.verdict("origin/feature")["approvals"] == bob.decisions("feature")
    senior.approve("feature")
    assert senior.may_merge("origin/feature")


@pytest.mark.slow
def test_a_change_of_the_gate_itself_needs_a_guardian(company: Company) -> None:
    policy = company.policy(
        "      owners: false\n      approvals: 1\n      guarded: ['@acme/guardians']\n      checks: [ok]\n"
    )
    company.set_policy(policy)
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    new.commit("easier", {"gate.yaml": policy.replace("approvals: 1", "approvals: 0")}, branch="easier")
    bob.approve("easier")
    assert outcomes(bob.verdict("origin/easier"))["guarded"] == "unmet"
    assert not bob.may_merge("origin/easier")
    ada.approve("easier")
    assert ada.gate("merge", "easier", "--push").code == 0
    # Past the gate it is found by the audit, which looks for weakenings again.
    new.commit("easier still", {"gate.yaml": policy.replace("checks: [ok]", "checks: []")}, branch="still")
    bob.approve("still")
    bob.git("checkout", "-q", "-B", "main", "origin/main")
    bob.git("merge", "-q", "--no-ff", "-m", "by hand", "origin/still")
    bob.git("push", "-q", "origin", "main")
    result = ada.gate("audit", "--fetch")
    assert result.code == 1
    assert "guarded: " in result.out


@pytest.mark.slow
def test_in_a_bare_repository(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("feature")
    server = company.server
    assert [one["counted"] for one in server.decisions("feature")] == [True]
    assert server.may_merge("feature")
    env = ("user.name", "user.email")
    for name in env:
        server.git("config", name, "server@acme.example")
    unsigned = server.gate("merge", "feature")
    assert unsigned.code == 1
    assert "must be signed" in unsigned.err
    assert server.gate("merge", "feature", "--key", server.key("nehemiah")).code == 0
    assert server.git("show", "main:a.py") == "x = 2"
    assert server.gate("audit").code == 0


@pytest.mark.slow
def test_a_repository_of_sha256_objects(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "modern"
    repository = Clone(path, "nehemiah", company.keys)
    path.mkdir()
    (tmp_path / "home").mkdir()
    repository.git("init", "-q", "-b", "main", "--object-format=sha256")
    for name, value in (
        ("name", "n"),
        ("email", "nehemiah@acme.example"),
        ("signingkey", company.keys / "nehemiah"),
    ):
        repository.git("config", f"user.{name}", str(value))
    files = {"gate.yaml": company.policy(), ".github/CODEOWNERS": "* @nehemiah\n", "a.py": "x = 1\n"}
    repository.commit("start", files, push=False)
    repository.git("checkout", "-q", "-b", "feature")
    env = {f"GIT_{who}_EMAIL": "newhire@acme.example" for who in ("AUTHOR", "COMMITTER")}
    repository.write({"a.py": "x = 2\n"})
    repository.git("commit", "-q", "-a", "-m", "v2", env=env)
    repository.git("checkout", "-q", "main")
    for args in (("approve", "feature"), ("merge", "feature"), ("audit",)):
        result = repository.gate(*args)
        assert result.code == 0, result.text
    assert (path / "a.py").read_text() == "x = 2\n"


@pytest.mark.slow
def test_the_agent_signs_too(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.fetch()
    socket = str(company.path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        until(lambda: Path(socket).exists() or agent.poll() is not None)
        assert agent.poll() is None
        env = {"SSH_AUTH_SOCK": socket, "PATH": os.environ["PATH"]}
        subprocess.run(["ssh-add", "-q", senior.key("nehemiah")], env=env, check=True)
        senior.git("config", "user.signingkey", f"key::{company.public('nehemiah')}")
        (company.keys / "nehemiah").unlink()
        result = senior.gate_process("approve", "feature", env={"SSH_AUTH_SOCK": socket})
        assert result.code == 0, result.text
        senior.git("config", "--unset", "user.signingkey")
        result = senior.gate_process("approve", "feature", "--block", env={"SSH_AUTH_SOCK": socket})
        assert result.code == 0, "the agent's key is found without being named"
    finally:
        agent.terminate()
        agent.wait()
    assert {one["why"] for one in senior.decisions("feature")} == {
        "",
        "withdrawn: the same person objects",
    }


@pytest.mark.slow
def test_a_key_with_a_passphrase_needs_the_agent(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.fetch()
    key = senior.key("nehemiah")
    subprocess.run(
        ["ssh-keygen", "-q", "-p", "-P", "", "-N", "secret", "-f", key], check=True, capture_output=True
    )
    result = senior.gate_process(
        "approve", "feature", env={"SSH_ASKPASS": "/bin/false", "SSH_ASKPASS_REQUIRE": "force"}
    )
    assert result.code == 3
    assert "ssh-add" in result.err


def test_a_key_that_others_can_read_is_reported_as_such(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.fetch()
    key = senior.key("nehemiah")
    Path(key).chmod(0o644)
    result = senior.gate("approve", "feature", "--key", key)
    assert result.code == 3
    assert f"`chmod 600 {key}`" in result.err


@pytest.mark.parametrize(("form", "value"), [("openpgp", "ABCDEF01"), ("openpgp", "~/.ssh/gone")])
def test_a_configured_key_that_is_none_is_named(company: Company, form: str, value: str) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.fetch()
    senior.git("config", "gpg.format", form)
    senior.git("config", "user.signingkey", value)
    result = senior.gate("approve", "feature")
    assert result.code == 2
    assert f"user.signingkey is {value}" in result.err


@pytest.mark.slow
def test_a_merge_here_explains_how_to_push_it(company: Company) -> None:
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("feature")
    result = senior.gate("merge", "feature")
    assert result.code == 0
    assert "git push --atomic origin main refs/gate/log" in result.out
    senior.git("push", "-q", "--atomic", "origin", "main", "refs/gate/log")
    assert company.clone("ada").gate("audit", "--fetch").code == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository away")
def test_somebody_elses_repository_is_reported_as_such(company: Company) -> None:
    senior = company.clone("nehemiah")
    for path in (senior.path, senior.path / ".git"):
        os.chown(path, 1234, 1234)
    result = senior.gate("check")
    assert result.code == 2
    assert f"git config --global --add safe.directory {senior.path}" in result.err


def test_a_merged_commit_is_under_the_policy_of_its_time(company: Company) -> None:
    """A person who was listed later can't sign, and is not asked to add a key that is there already."""
    new = company.clone("newhire")
    new.commit("straight in", {"b.py": "y = 2\n"}, push=False)
    new.git("push", "-q", "origin", "HEAD:main")
    commit, base = new.git("rev-parse", "HEAD", "HEAD^").split()
    lead = (
        f'  "@lead": {{emails: [lead@acme.example], keys: ["{company.public("stranger")}"], role: senior}}\n'
    )
    company.set_policy(company.policy().replace("people:\n", f"people:\n{lead}"))
    new.fetch()
    result = new.gate("approve", commit, "--into", "main", "--key", new.key("stranger"))
    assert result.code == 2
    assert f"not listed in the policy of main at {base[:12]}, on which this was merged" in result.err
    assert "use a key that this policy lists" in result.err
    assert "add `" not in result.err
