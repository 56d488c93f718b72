"""What came before what, in an audit: the log and the branch prove it, and no clock is believed."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.company import Clone, Company, Result, copy_company, isolated
from support.pushing import on_main
from support.terminal import Terminal

REQUIRE = "      owners: {stale: change}\n      checks: []\n"


def dated(offset: int) -> dict[str, str]:
    """What makes git write dates by a clock that is wrong by so many seconds."""
    now = f"{int(time.time()) + offset} +0000"
    return {"GIT_AUTHOR_DATE": now, "GIT_COMMITTER_DATE": now}


@contextmanager
def clock(offset: int) -> Iterator[None]:
    """The clock of somebody, wrong by so many seconds."""
    right = time.time
    with patch("time.time", lambda: right() + offset):
        yield


def with_feature(company: Company) -> None:
    company.set_policy(company.policy(REQUIRE))
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    company.clone("nehemiah").approve("origin/feature")


def by_hand(clone: Clone, offset: int = 0) -> None:
    """A merge that asks no gate."""
    clone.fetch()
    clone.git("switch", "-q", "-C", "main", "origin/main")
    clone.git("merge", "-q", "--no-ff", "--no-edit", "origin/feature", env=dated(offset))
    clone.git("push", "-q", "origin", "main")


def audit(company: Company) -> Result:
    return company.clone("ada", "auditor").gate("audit", "--fetch", "origin/main^..origin/main")


@pytest.mark.slow
@pytest.mark.attack(15, "a manual merge that is backdated to before an objection")
@pytest.mark.parametrize("offset", [0, -600])
def test_an_objection_is_not_passed_over_by_a_date(company: Company, offset: int) -> None:
    with_feature(company)
    bob = company.clone("bob")
    bob.approve("origin/feature", "--block", "--reason", "drops the index")
    by_hand(company.clone("newhire"), offset)
    failed = audit(company)
    assert failed.code == 1
    assert "@bob objects" in failed.text
    # Its author lets it rest, which the audit shows.
    (objection,) = [each["id"] for each in bob.decisions("origin/feature") if each["kind"] == "block"]
    assert bob.gate("revoke", objection).code == 0
    settled = audit(company)
    assert settled.code == 0, settled.text
    assert "objection of @bob withdrawn afterward" in " ".join(settled.text.split())


@pytest.mark.slow
@pytest.mark.attack(15, "a merge that refers to a log from before the objection")
def test_an_objection_is_not_passed_over_by_an_older_log(company: Company) -> None:
    with_feature(company)
    bob = company.clone("bob")
    new = company.clone("newhire")
    new.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    old = new.git("rev-parse", "refs/gate/log")
    bob.approve("origin/feature", "--block", "--reason", "drops the index")
    new.fetch()
    new.git("switch", "-q", "-C", "main", "origin/main")
    new.git("merge", "-q", "--no-ff", "-m", f"Merge\n\nGate-Log: {old}", "origin/feature", env=dated(-60))
    new.git("push", "-q", "origin", "main")
    assert audit(company).code == 1


@pytest.mark.slow
@pytest.mark.attack(15, "a merge that refers to CI's log entry from before the objection")
def test_an_objection_on_top_of_a_verdict_is_not_passed_over(company: Company) -> None:
    company.set_policy(company.policy())
    new, bot, bob = company.clone("newhire"), company.clone("ci"), company.clone("bob")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    company.clone("nehemiah").approve("origin/feature")
    bot.fetch()
    assert bot.gate("check", "--head", "origin/feature", "--record").code == 0
    new.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    old = new.git("rev-parse", "refs/gate/log")
    bob.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/log")
    bob.approve("origin/feature", "--block", "--reason", "drops the index")
    new.fetch()
    new.git("switch", "-q", "-C", "main", "origin/main")
    new.git("merge", "-q", "--no-ff", "-m", f"Merge\n\nGate-Log: {old}", "origin/feature")
    new.git("push", "-q", "origin", "main")
    assert audit(company).code == 1


@pytest.mark.slow
@pytest.mark.parametrize("offset", [-7200, 7200])
def test_what_is_recorded_after_a_merge_undoes_nothing(company: Company, offset: int) -> None:
    with_feature(company)
    senior = company.clone("nehemiah")
    (approval,) = [each["id"] for each in senior.decisions("origin/feature")]
    assert company.clone("ada").gate("merge", "origin/feature", "--push").code == 0
    with clock(offset):
        # In a clone that has heard nothing of the merge.
        assert senior.gate("revoke", approval).code == 0
        bob = company.clone("bob")
        bob.git("update-ref", "refs/remotes/origin/main", "origin/main^")
        objected = bob.gate("approve", "origin/feature", "--block", "--reason", "too late")
    assert objected.code == 2
    assert "nothing to approve" in objected.err
    assert audit(company).code == 0, audit(company).text


@pytest.mark.slow
def test_a_record_of_a_clone_without_network_counts_if_nothing_proves_that_it_was_later(
    company: Company,
) -> None:
    with_feature(company)
    senior, bob = company.clone("nehemiah"), company.clone("bob", "on-a-train")
    bob.fetch()
    bob.git("remote", "set-url", "origin", str(company.path / "nowhere"))
    merged = senior.gate("merge", "origin/feature", "--push")
    assert merged.code == 0, merged.text
    assert bob.gate("approve", "origin/feature", "--block", "--reason", "wait").code == 3
    bob.git("remote", "set-url", "origin", str(company.server.path))
    bob.git("fetch", "-q", "origin", "refs/gate/log:refs/gate/remotes/origin/log")
    assert bob.gate("approvals", "origin/feature").code == 0
    bob.git("push", "-q", "origin", "refs/gate/log")
    result = audit(company)
    assert result.code == 1
    assert "@bob objects" in result.text


@pytest.mark.slow
def test_what_was_recorded_without_network_can_be_withdrawn_when_it_turns_out_to_be_late(
    company: Company,
) -> None:
    with_feature(company)
    bob = company.clone("bob", "on-a-train")
    bob.fetch()
    bob.git("remote", "set-url", "origin", str(company.path / "nowhere"))
    assert bob.gate("approve", "origin/feature", "--block", "--reason", "wait").code == 3
    assert company.clone("ada").gate("merge", "origin/feature", "--push").code == 0
    bob.git("remote", "set-url", "origin", str(company.server.path))
    again = bob.gate("approve", "origin/feature", "--block", "--reason", "wait")
    assert again.code == 2
    (command,) = re.findall(r"never pushed; withdraw it with `gate (revoke \w+)`", again.err)
    assert bob.gate(*command.split()).code == 0
    assert audit(company).code == 0


@pytest.mark.slow
def test_an_objection_after_a_merge_undoes_nothing_but_answers_a_late_approval(company: Company) -> None:
    with_feature(company)
    bob, ada = company.clone("bob"), company.clone("ada")
    assert ada.gate("merge", "origin/feature", "--push").code == 0
    bob.approve("origin/main", "--block", "--reason", "drops the index")
    result = audit(company)
    assert result.code == 0, result.text
    assert "@bob objected afterward" in " ".join(result.text.split())
    # A commit that bypassed gate only passes by what was recorded after it, so the objection counts, too.
    new = on_main(company.clone("newhire"))
    new.commit("past the gate", {"b.py": "y = 2\n"})
    company.clone("nehemiah").approve("origin/main")
    assert audit(company).code == 0
    bob.approve("origin/main", "--block", "--reason", "not this one")
    result = audit(company)
    assert result.code == 1
    assert "@bob objects" in result.text


@pytest.mark.slow
def test_a_reason_cannot_claim_that_an_objection_came_late(company: Company) -> None:
    with_feature(company)
    bob = company.clone("bob")
    bob.fetch()
    result = bob.gate("approve", "origin/feature", "--block", "--reason", "afterwards: we cannot go back")
    assert result.code == 2
    assert "reason" in result.err


@pytest.mark.slow
def test_an_objection_that_waited_for_its_author_is_not_signed_after_the_merge(company: Company) -> None:
    with_feature(company)
    bob = company.clone("bob")
    bob.fetch()
    gate = [sys.executable, "-P", "-m", "gate", "approve", "origin/feature", "--block", "--reason", "wait"]
    terminal = Terminal(gate, bob.path, isolated(company.path / "home"))
    try:
        assert terminal.wait_for("Object to this?")
        assert company.clone("ada").gate("merge", "origin/feature", "--push").code == 0
        terminal.type("y\n")
        assert terminal.wait_for("too late to object: this change was merged into main")
    finally:
        terminal.close()
    assert audit(company).code == 0, audit(company).text


@pytest.mark.slow
def test_an_objection_that_lost_the_race_against_the_merge_is_withdrawn(company: Company) -> None:
    """The merge reaches the remote after the objection was signed and before it was pushed."""
    with_feature(company)
    bob, ada = company.clone("bob"), company.clone("ada")
    for clone in (bob, ada):
        clone.fetch()
    (company.path / "bin").mkdir()
    git, first = company.path / "bin" / "git", company.path / "first"
    git.write_text(
        f'#!/bin/sh\ncase " $* " in *" push "*) if mkdir "{first}" 2>/dev/null; then (cd "{ada.path}" && '
        f'"{sys.executable}" -P -m gate merge origin/feature --push) >&2; fi ;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    git.chmod(0o755)
    late = bob.gate_process(
        "approve", "origin/feature", "--block", "--reason", "wait",
        env={"PATH": f"{git.parent}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    assert late.code == 2, late.text
    assert "it was withdrawn" in late.err
    result = audit(company)
    assert result.code == 0, result.text


@pytest.mark.slow
@pytest.mark.parametrize("fast", [0, 3600])
def test_a_slow_clock_leaves_no_approval_from_before_a_revocation(company: Company, fast: int) -> None:
    """Someone approves on a machine with a fast clock, then revokes an earlier approval on another machine."""
    company.set_policy(company.policy(REQUIRE))
    new, senior = company.clone("newhire"), company.clone("nehemiah")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    senior.approve("origin/feature")
    (first,) = [each["id"] for each in senior.decisions("origin/feature")]
    new.commit("v3", {"a.py": "x = 3\n"}, branch="feature")
    senior.fetch()
    with clock(fast):
        assert senior.gate("approve", "origin/feature").code == 0
    assert senior.may_merge("origin/feature")
    assert senior.gate("revoke", first).code == 0
    assert not senior.may_merge("origin/feature"), senior.decisions("origin/feature")


@pytest.mark.slow
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    offsets=st.fixed_dictionaries(
        {who: st.integers(-3600, 3600) for who in ("nehemiah", "ada", "bob", "newhire")}
    )
)
def test_no_clock_changes_a_verdict_or_an_audit(
    company_template: Company, tmp_path_factory: pytest.TempPathFactory, offsets: dict[str, int]
) -> None:
    """Approvals, objections, revocations and merges in a known order, whatever the time is for each person."""
    company = copy_company(company_template, Path(tmp_path_factory.mktemp("clocks")) / "company")
    company.set_policy(company.policy(REQUIRE))

    def gate(who: str, *args: str) -> int:
        clone = company.clone(who)
        clone.fetch()
        with clock(offsets[who]):
            return clone.gate(*args, env=dated(offsets[who])).code

    def identity(who: str, branch: str, kind: str) -> str:
        company.clone(who).gate("approvals", "--fetch", f"origin/{branch}")
        listed = company.clone(who).decisions(f"origin/{branch}")
        return str(next(each["id"] for each in listed if (each["by"], each["kind"]) == (f"@{who}", kind)))

    def write(name: str) -> None:
        new = company.clone("newhire")
        new.fetch()
        new.git("switch", "-q", "-C", name, "origin/main")
        new.write({f"{name}.py": "x = 2\n"})
        new.git("add", "-A")
        new.git("commit", "-q", "-m", name, env=dated(offsets["newhire"]))
        new.git("push", "-q", "origin", name)

    write("good")
    assert gate("nehemiah", "approve", "origin/good") == 0
    assert gate("bob", "approve", "origin/good", "--block", "--reason", "no") == 0
    assert gate("ada", "merge", "origin/good", "--push") == 1
    assert gate("bob", "revoke", identity("bob", "good", "block")) == 0
    assert gate("nehemiah", "revoke", identity("nehemiah", "good", "approve")) == 0
    assert gate("ada", "merge", "origin/good", "--push") == 1
    assert gate("nehemiah", "approve", "origin/good") == 0
    counted = [each["id"] for each in company.clone("nehemiah").decisions("origin/good") if each["counted"]]
    assert gate("ada", "merge", "origin/good", "--push") == 0
    assert gate("nehemiah", "revoke", *counted) == 0
    write("bad")
    assert gate("nehemiah", "approve", "origin/bad") == 0
    assert gate("bob", "approve", "origin/bad", "--block", "--reason", "no") == 0
    new = company.clone("newhire")
    new.git("switch", "-q", "-C", "main", "origin/main")
    new.git("merge", "-q", "--no-ff", "--no-edit", "origin/bad", env=dated(offsets["newhire"]))
    new.git("push", "-q", "origin", "main")
    auditor = company.clone("ada", "auditor")
    assert auditor.gate("audit", "--fetch", "origin/main~2..origin/main~1").code == 0
    result = auditor.gate("audit", "origin/main^..origin/main")
    assert result.code == 1
    assert "@bob objects" in result.text
