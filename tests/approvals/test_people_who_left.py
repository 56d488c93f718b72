"""Replaced keys and people who left: what they objected to stands, what they approve elsewhere does not count."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.company import Company, Result

REQUIRE = (
    '      owners: false\n      approvals: 1\n      guarded: ["@ada", "@nehemiah"]\n      checks: [ok]\n'
)


@pytest.mark.attack(46, "approve on a release branch after leaving")
@pytest.mark.slow
def test_whom_the_default_branch_no_longer_lists_counts_on_no_older_branch(company: Company) -> None:
    company.set_policy(everywhere(company))
    company.server.git("branch", "release/1", "main")
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    new.fetch()
    new.git("switch", "-q", "-c", "fix", "origin/release/1")
    new.commit("fix", {"a.py": "x = 2\n"}, branch="fix")
    bob.approve("origin/fix", "--into", "release/1")
    assert bob.may_merge("origin/fix", "--into", "release/1")
    company.set_policy(without(everywhere(company), "@bob"))
    for clone in (ada, bob):
        clone.fetch()
        assert not clone.may_merge("origin/fix", "--into", "release/1")
    refused = bob.gate("approve", "origin/fix", "--into", "release/1", "--yes")
    assert refused.code == 2
    ada.approve("origin/fix", "--into", "release/1")
    assert ada.may_merge("origin/fix", "--into", "release/1")


@pytest.mark.slow
def test_a_clone_of_one_branch_does_not_guess_who_counts(company: Company, tmp_path: Path) -> None:
    """Without the default branch nobody can say who left; the audit fetches it, since a release branch begins there."""
    company.set_policy(everywhere(company))
    company.server.git("branch", "release/1", "main")
    new, bob = company.clone("newhire"), company.clone("bob")
    new.fetch()
    new.git("switch", "-q", "-c", "fix", "origin/release/1")
    new.commit("fix", {"a.py": "x = 2\n"}, branch="fix")
    bob.approve("origin/fix", "--into", "release/1")
    company.set_policy(without(everywhere(company), "@bob"))
    server = str(company.server.path)
    bob.git("clone", "-q", "--single-branch", "--branch", "release/1", server, str(tmp_path / "one"))
    clone = replace(bob, path=tmp_path / "one")
    clone.git("fetch", "-q", "origin", "fix:refs/remotes/origin/fix")
    undecided = clone.gate("check", "--into", "release/1", "--head", "origin/fix")
    assert undecided.code == 3, undecided.text
    assert "git fetch origin +refs/heads/main:refs/remotes/origin/main" in undecided.text
    assert clone.gate("audit", "--into", "release/1").code == 3
    # The audit can decide now: nobody approved the commits of the policy.
    assert clone.gate("audit", "--into", "release/1", "--fetch").code == 1
    assert not clone.may_merge("origin/fix", "--into", "release/1")


@pytest.mark.slow
def test_a_default_branch_of_another_name_is_known_in_ci(company: Company, tmp_path: Path) -> None:
    """A checkout in CI has no `origin/HEAD`, and may have no credentials either to ask `origin`."""
    company.set_policy(everywhere(company).replace("  main:", "  trunk:"))
    company.server.git("branch", "-m", "main", "trunk")
    new = company.clone("newhire")
    new.git("switch", "-q", "-c", "feature")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    new.git("remote", "set-head", "origin", "--delete")
    new.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    assert new.gate("check", "--into", "trunk").code == 3
    event = tmp_path / "event.json"
    event.write_text('{"repository": {"default_branch": "trunk"}}')
    for variables in ({"GITHUB_EVENT_PATH": str(event)}, {"CI_DEFAULT_BRANCH": "trunk"}):
        checked = new.gate("check", "--into", "trunk", env=variables)
        assert checked.code == 1, checked.text
        new.git("remote", "set-head", "origin", "--delete")


@pytest.mark.slow
def test_an_objection_outlives_its_key_and_its_author(company: Company) -> None:
    company.set_policy(everywhere(company))
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    assert bob.approve("feature", "--block", "--reason", "drops the index").code == 0
    ada.approve("feature")
    first = bob.decisions("origin/feature")
    (objection,) = [each["id"][:12] for each in first if each["kind"] == "block"]

    # Another key: it stands, and the key that was replaced cannot lift it.
    policy = everywhere(company).replace(company.public("bob"), company.public("second"))
    company.set_policy(policy)
    ada.fetch()
    assert "drops the index" in ada.gate("check", "--head", "origin/feature").out
    assert not ada.may_merge("origin/feature")

    # No longer there: a guardian says why it no longer matters, and nobody else can.
    company.set_policy(without(policy, "@bob"))
    ada.fetch()
    blocked = ada.gate("check", "--head", "origin/feature").out
    assert f"`gate revoke {objection} --reason TEXT`" in " ".join(blocked.split())
    assert new.gate("revoke", objection, "--reason", "I want it").code == 2
    assert "needs a reason" in ada.gate("revoke", objection).err
    assert ada.gate("revoke", objection, "--reason", "left; the index is not used").code == 0
    assert ada.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["@Bob", "@robert"])
def test_a_new_name_lifts_no_objection_and_can_withdraw_it(company: Company, name: str) -> None:
    company.set_policy(everywhere(company))
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.approve("feature", "--block", "--reason", "drops the index")
    ada.approve("feature")
    company.set_policy(everywhere(company).replace("@bob", name))
    ada.fetch()
    assert not ada.may_merge("origin/feature")
    (objection,) = [each["id"][:12] for each in ada.decisions("origin/feature") if each["kind"] == "block"]
    refused = ada.gate("revoke", objection, "--reason", "I disagree")
    assert refused.code == 2, refused.text
    bob.fetch()
    withdrawn = bob.gate("revoke", objection)
    assert withdrawn.code == 0, withdrawn.text
    ada.gate("approvals", "--fetch", "origin/feature")
    assert ada.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.parametrize("replaced_first", [False, True])
def test_a_replaced_key_lifts_nothing_unless_it_did_so_before(
    company: Company, *, replaced_first: bool
) -> None:
    company.set_policy(everywhere(company))
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    bob.approve("feature", "--block", "--reason", "drops the index")
    ada.approve("feature")
    (objection,) = [each["id"][:12] for each in bob.decisions("origin/feature") if each["kind"] == "block"]
    new_key = company.path / "keys" / "second"
    if not replaced_first:
        assert bob.gate("revoke", objection).code == 0
    rotate = company.clone("nehemiah")
    rotate.git("switch", "-q", "-c", "rotate", "origin/main")
    rotated = everywhere(company).replace(company.public("bob"), company.public("second"))
    rotate.commit("rotate", {"gate.yaml": rotated}, branch="rotate")
    ada.approve("origin/rotate")
    merged = ada.gate("merge", "origin/rotate", "--push")
    assert merged.code == 0, merged.text
    if replaced_first:
        # The holder of the old key still has a clone in which it is listed.
        stale = company.clone("bob", "stale")
        stale.git(
            "update-ref", "refs/remotes/origin/main", f"{stale.git('rev-parse', 'origin/main').strip()}^"
        )
        stale.gate("revoke", objection)
    ada.gate("approvals", "--fetch", "origin/feature")
    assert ada.may_merge("origin/feature") != replaced_first
    bob.fetch()
    assert bob.gate("revoke", objection, "--key", str(new_key)).code == 0
    ada.gate("approvals", "--fetch", "origin/feature")
    assert ada.may_merge("origin/feature")


@pytest.mark.slow
@pytest.mark.parametrize("through_the_gate", [True, False])
@pytest.mark.attack(46, "approve on a release branch after leaving, without a server hook")
def test_the_audit_of_an_older_branch_knows_who_left_when(
    company: Company, *, through_the_gate: bool
) -> None:
    """What they let in before stays verified. What they sign later never counts, also by a clone of long ago."""
    no_checks = everywhere(company).replace("checks: [ok]", "checks: []")
    company.set_policy(no_checks)
    company.server.git("branch", "release/1", "main")
    new, bob, ada = company.clone("newhire"), company.clone("bob"), company.clone("ada")
    start = company.server.git("rev-parse", "main")

    def merge_into_release(name: str) -> None:
        new.fetch()
        new.git("switch", "-q", "-c", name, "origin/release/1")
        new.commit(name, {f"{name}.py": "x = 2\n"}, branch=name)
        bob.git("fetch", "-q", "origin", f"{name}:refs/remotes/origin/{name}", "release/1")
        for args in (("approve", f"origin/{name}", "--into", "release/1", "--yes"),
                     ("merge", f"origin/{name}", "--into", "release/1")):  # fmt: skip
            result = bob.gate(*args)
            assert result.code == 0, result.text
        bob.git("push", "-q", "origin", "release/1", "refs/gate/log")

    bob.fetch()
    bob.git("branch", "-q", "release/1", "origin/release/1")
    merge_into_release("early")
    left = without(no_checks, "@bob")
    if through_the_gate:
        new.commit("bob left", {"gate.yaml": left}, branch="left")
        for args in (("approve", "origin/left", "--yes"), ("merge", "origin/left", "--push")):
            ada.fetch()
            result = ada.gate(*args)
            assert result.code == 0, result.text
    else:
        company.set_policy(left)

    def audit(name: str) -> Result:
        return company.clone("ada", name).gate(
            "audit", "--fetch", f"{start}..origin/release/1", "--into", "release/1"
        )

    assert audit("before").code == 0, audit("before").text
    time.sleep(1.1)  # dates in git have seconds
    merge_into_release("late")
    result = audit("after")
    assert result.code == 1, result.text
    assert "1 of 2 merges" in result.out
    nehemiah = company.clone("nehemiah")
    nehemiah.git("fetch", "-q", "origin", "release/1")
    approved = nehemiah.gate("approve", "FETCH_HEAD", "--into", "release/1", "--yes")
    assert approved.code == 0, approved.text
    assert audit("afterwards").code == 0, audit("afterwards").text


def everywhere(company: Company) -> str:
    """The same rules for every branch."""
    return company.policy(REQUIRE).replace("  main:\n", '  "*":\n')


def without(policy: str, name: str) -> str:
    lines = policy.replace(f'["{name}", ', "[").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(f'  "{name}":'))


@pytest.mark.slow
def test_a_removed_key_is_not_advised_to_be_added_again(company: Company) -> None:
    """The key was replaced on purpose, perhaps because it was stolen."""
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    company.set_policy(company.policy(keys={"nehemiah": [company.public("second")]}))
    senior.fetch()
    replaced = senior.gate("approve", "origin/feature", "--yes")
    assert replaced.code == 2
    assert "was removed from the policy of main" in replaced.err
    assert "sign with the key that replaced it" in replaced.err
    assert "add `" not in replaced.err
