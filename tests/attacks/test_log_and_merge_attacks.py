"""Attacks on the log and on the last step, carried out through the command line and through real pushes.

The number in a name is that of the line in the list of threats.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.company import PEOPLE as EVERYBODY
from support.company import REQUIRE, Clone, Company, isolated, killing
from support.kills import STRIDE

BRANCH = "feature"


def audited(clone: Clone, *args: str) -> list[tuple[str, str]]:
    """Outcome and reason of each step, the latest first."""
    result = clone.gate("audit", "--fetch", "--format", "json", *args)
    steps = json.loads(result.out)
    assert result.code == int(any(step["outcome"] == "failed" for step in steps)), result.text
    return [(step["outcome"], step["reason"]) for step in steps]


def approved(company: Company, files: dict[str, str | bytes], branch: str = BRANCH) -> Clone:
    """A branch that the senior has approved, and the senior's clone."""
    company.clone("newhire").commit("v2", files, branch=branch)
    senior = company.clone("nehemiah")
    senior.approve(branch)
    return senior


@pytest.mark.slow
@pytest.mark.attack(19, "two clones approve at the same time")
def test_19_two_clones_approve_at_once_and_both_count(company: Company) -> None:
    company.set_policy(company.policy("      approvals: 2\n      owners: false\n      checks: [ok]\n"))
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    ada, bob = company.clone("ada"), company.clone("bob")
    for clone in (ada, bob):
        clone.fetch()
        clone.git("remote", "rename", "origin", "later")
        clone.git("update-ref", "refs/remotes/origin/main", "refs/remotes/later/main")
        clone.git("update-ref", f"refs/remotes/origin/{BRANCH}", f"refs/remotes/later/{BRANCH}")
    for clone in (ada, bob):
        clone.git("remote", "set-url", "later", str(company.path / "nowhere.git"))
        assert clone.gate("approve", BRANCH).code == 3
        clone.git("remote", "set-url", "later", str(company.server.path))
    for clone in (ada, bob, ada):
        assert clone.gate("approve", BRANCH).code == 0
    assert ada.git("rev-parse", "refs/gate/log") == company.server.git("rev-parse", "refs/gate/log")
    assert {one["by"] for one in ada.decisions(BRANCH) if one["counted"]} == {"@ada", "@bob"}


@pytest.mark.attack(19, "kill `gate approve` at any call of git")
@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
def test_19_a_kill_at_any_call_of_git_while_approving(company: Company, tmp_path: Path, when: str) -> None:
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.fetch()
    for at in range(1, 100, STRIDE):
        result = senior.gate_process("approve", BRANCH, env=killing(tmp_path, "git", at, when))
        assert result.code in {0, -9}, result.text
        # Whatever was killed: the log can be read, and holds the approval wholly or not at all.
        decisions = senior.decisions(BRANCH)
        assert all(one["counted"] for one in decisions)
        assert len(decisions) <= 1
        senior.git("fsck", "--strict", "--no-dangling")
        if result.code == 0:
            break
    assert at > 8
    assert senior.gate("approve", BRANCH).code == 0
    assert company.server.git("rev-parse", "refs/gate/log") == senior.git("rev-parse", "refs/gate/log")
    assert senior.may_merge("origin/feature")


@pytest.mark.attack(19, "kill `gate merge` at any call of git")
@pytest.mark.slow
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("push", [True, False], ids=["on the remote", "here"])
def test_19_a_kill_at_any_call_of_git_while_merging(
    company: Company, tmp_path: Path, when: str, push: bool
) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    where = company.server if push else senior
    before = senior.git("rev-parse", "main")
    for at in range(1, 200, STRIDE):
        args = ("merge", BRANCH, *(["--push"] if push else []))
        result = senior.gate_process(*args, env=killing(tmp_path, "git", at, when))
        assert result.code in {0, -9}, result.text
        now = where.git("rev-parse", "main")
        if now != before:
            # It moved in one step, to the commit that was checked, and what that refers to is there.
            assert where.git("log", "--first-parent", "--format=%P", "-1", "main").split()[0] == before
            assert where.git("show", "main:a.py") == "x = 2"
            log_commit = where.git("log", "-1", "--format=%(trailers:key=Gate-Log,valueonly)", "main").strip()
            where.git("merge-base", "--is-ancestor", log_commit, "refs/gate/log")
            break
        assert result.code == -9
    assert now != before
    assert at > 15
    assert senior.gate("merge", BRANCH, *(["--push"] if push else [])).code == 0
    assert where.git("rev-parse", "main") == now


def run_limited(clone: Clone, *args: str) -> subprocess.CompletedProcess[str]:
    """Run gate where no file can grow: what a full disk looks like."""
    command = f"ulimit -f 0; exec '{sys.executable}' -m gate {' '.join(args)}"
    env = isolated(clone.path.parent / "home") | {"PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["sh", "-c", command], cwd=clone.path, env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.attack(19, "a full disk")
def test_19_a_full_disk(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    before = senior.git("rev-parse", "refs/gate/log", "main")
    for args in (
        ("approve", BRANCH, "--block"),
        ("merge", BRANCH),
        ("revoke", senior.decisions(BRANCH)[0]["id"]),
    ):
        done = run_limited(senior, *args)
        assert done.returncode in {2, 3}, done.stderr
        assert "Traceback" not in done.stderr
        assert "internal error" not in done.stderr
        assert senior.git("rev-parse", "refs/gate/log", "main") == before
    assert senior.gate("merge", BRANCH).code == 0


@pytest.mark.attack(19, "a log that can't be written")
def test_19_a_log_that_cannot_be_written(company: Company) -> None:
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.fetch()
    (senior.path / ".git/refs/gate").write_text("in the way")
    result = senior.gate("approve", BRANCH)
    assert result.code == 3
    assert "the log cannot be written" in result.err


@pytest.mark.slow
@pytest.mark.attack(19, "lose or damage gate's caches")
def test_19_what_gate_remembers_may_be_lost_or_damaged(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    assert senior.may_merge("origin/feature")
    folder = senior.path / ".git/gate/log"
    for name in ("index", "verified"):
        whole = (folder / name).read_bytes()
        for damaged in (b"", whole[:-10], whole[: len(whole) // 2], b"\0" * len(whole), whole + b"x"):
            (folder / name).write_bytes(damaged)
            assert senior.may_merge("origin/feature")
        (folder / name).unlink()
        assert senior.may_merge("origin/feature")


def racing_policy(company: Company, command: str) -> None:
    """A policy whose check runs `command` the first time: something happens while gate is checking."""
    script = company.path / "race"
    marker = company.path / "raced"
    script.write_text(f'#!/bin/sh\n[ -e "{marker}" ] && exit 0\ntouch "{marker}"\n{command}\n')
    script.chmod(0o755)
    policy = company.policy().replace('command: ["true"]', f'command: ["{script}"]')
    company.set_policy(policy)


def as_people(company: Company) -> str:
    env = isolated(company.path / "home")
    return "env -i " + " ".join(f"{name}='{value}'" for name, value in env.items())


@pytest.mark.slow
@pytest.mark.attack(34, "the base moves during the check")
@pytest.mark.parametrize("push", [True, False], ids=["on the remote", "here"])
def test_34_the_branch_moves_while_it_is_checked(company: Company, push: bool) -> None:
    other = company.clone("ada")
    other.commit("meanwhile", {"b.py": "y = 2\n"}, push=False)
    other.git("push", "-q", "origin", "main:parked")
    where = company.server.path if push else company.path / "nehemiah"
    racing_policy(company, f"{as_people(company)} git -C {where} update-ref refs/heads/main refs/heads/moved")
    other.fetch()
    other.git("rebase", "-q", "origin/main")
    other.git("push", "-q", "-f", "origin", "main:moved")
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("checkout", "-q", "-B", "main", "origin/main")
    senior.git("checkout", "-q", "--detach")
    senior.git("branch", "moved", "origin/moved")
    result = senior.gate("merge", BRANCH, *(["--push"] if push else []))
    assert result.code == 0, result.text
    assert "changed in the meantime: checking again" in result.err
    clone = company.server if push else senior
    assert clone.git("show", "main:a.py") == "x = 2"
    assert clone.git("show", "main:b.py") == "y = 2"
    assert clone.git("log", "--first-parent", "--format=%s", "main").splitlines()[1] == "meanwhile"


@pytest.mark.slow
@pytest.mark.attack(34, "an objection arrives during the check")
def test_34_an_objection_comes_in_while_it_is_checked(company: Company) -> None:
    bob = company.clone("bob")
    racing_policy(
        company, f"cd {bob.path} && {as_people(company)} {sys.executable} -m gate approve {BRANCH} --block"
    )
    senior = approved(company, {"a.py": "x = 2\n"})
    bob.fetch()
    result = senior.gate("merge", BRANCH, "--push")
    assert result.code == 1, result.text
    assert "@bob objects" in result.out
    assert company.server.git("log", "-1", "--format=%s", "main") == "policy"


@pytest.mark.slow
@pytest.mark.attack(34, "the head moves during the check")
def test_34_the_proposed_branch_moves_while_it_is_checked(company: Company) -> None:
    new = company.clone("newhire")
    racing_policy(
        company,
        f"{as_people(company)} git -C {company.path}/nehemiah update-ref refs/heads/{BRANCH} refs/heads/evil",
    )
    senior = approved(company, {"a.py": "x = 2\n"})
    new.commit("evil", {"a.py": "import os\n"}, branch="evil")
    senior.fetch()
    senior.git("branch", BRANCH, "origin/feature")
    senior.git("branch", "evil", "origin/evil")
    assert senior.gate("merge", BRANCH, "--push").code == 0
    assert company.server.git("show", "main:a.py") == "x = 2", "what landed is what was checked"


@pytest.mark.slow
@pytest.mark.attack(34, "merge while there is uncommitted work on the branch")
def test_34_uncommitted_work_on_the_branch_is_never_touched(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("checkout", "-q", "main")
    before = senior.git("rev-parse", "main")
    senior.write({"b.py": "my own work\n"})
    result = senior.gate("merge", BRANCH)
    assert result.code == 2
    assert "with changes that are not committed" in result.err
    assert senior.git("rev-parse", "main") == before
    pushed = senior.gate("merge", BRANCH, "--push")
    assert pushed.code == 0, pushed.text
    assert "your local main was not updated" in pushed.out
    assert senior.git("rev-parse", "main") == before
    assert (senior.path / "b.py").read_text() == "my own work\n"


@pytest.mark.slow
@pytest.mark.attack(34, "untracked or ignored files where the merge would write")
@pytest.mark.parametrize("ignored", [False, True], ids=["untracked", "ignored"])
def test_34_a_file_in_the_way_is_never_overwritten(company: Company, ignored: bool) -> None:
    senior = approved(company, {"new.py": "x = 2\n"})
    senior.git("checkout", "-q", "main")
    if ignored:
        (senior.path / ".git/info/exclude").write_text("new.py\n")
    before = senior.git("rev-parse", "main")
    senior.write({"new.py": "my own work\n"})
    result = senior.gate("merge", BRANCH)
    assert result.code == 2, result.text
    assert senior.git("rev-parse", "main") == before
    assert (senior.path / "new.py").read_text() == "my own work\n"


@pytest.mark.slow
@pytest.mark.attack(34, "merge a branch that is checked out: the working tree is updated")
def test_34_the_working_tree_follows(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("checkout", "-q", "main")
    elsewhere = company.path / "linked"
    senior.git("worktree", "add", "-q", "--detach", str(elsewhere))
    assert Clone(elsewhere, "nehemiah", company.keys).gate("merge", BRANCH).code == 0
    assert (senior.path / "a.py").read_text() == "x = 2\n"
    assert senior.git("status", "--porcelain") == ""


@pytest.mark.slow
@pytest.mark.attack(34, "a tag with the name of the branch")
def test_34_a_tag_named_like_the_branch(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("tag", "main", "origin/feature")
    assert senior.gate("merge", BRANCH).code == 0
    assert senior.git("log", "-1", "--format=%s", "refs/heads/main") == "Merge feature into main"


@pytest.mark.attack(34, "local and remote branches that diverged")
def test_34_diverged_branches_are_distinguished(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("checkout", "-q", "main")
    senior.commit("only here", {"b.py": "y = 9\n"}, push=False)
    company.clone("ada").commit("only there", {"web/page.py": "z = 9\n"})
    senior.fetch()
    result = senior.gate("merge", BRANCH)
    assert result.code == 2
    assert "your local main and origin's have diverged" in result.err


@pytest.mark.slow
@pytest.mark.attack(35, "merge by squash or fast-forward")
@pytest.mark.parametrize("how", ["--squash", "--ff-only"])
def test_35_other_ways_to_merge_are_proven_too(company: Company, how: str) -> None:
    new = company.clone("newhire")
    new.commit("first half", {"a.py": "x = 2\n"}, branch=BRANCH)
    new.commit("second half", {"b.py": "y = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.approve(BRANCH)
    assert senior.gate("merge", BRANCH, "--push", how).code == 0
    assert company.server.git("show", "main:b.py") == "y = 2"
    count = len(company.server.git("log", "--format=%H", "main").splitlines())
    assert count == (2 if how == "--squash" else 3)
    ((outcome, reason),) = audited(company.clone("ada"))
    assert outcome == "passed", reason
    assert "approved by @nehemiah" in reason


@pytest.mark.slow
@pytest.mark.attack(35, "fast-forward without a signed verdict")
def test_35_a_fast_forward_needs_a_signed_verdict(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("config", "--unset", "user.signingkey")
    result = senior.gate("merge", BRANCH, "--push", "--ff-only")
    assert result.code == 1
    assert "the merge must be signed" in result.err
    merged = senior.gate("merge", BRANCH, "--push")
    assert merged.code == 1
    assert "the merge must be signed, but there is no SSH key to sign with" in merged.err


@pytest.mark.slow
@pytest.mark.attack(35, "an unsigned verdict, where nobody has a key")
def test_35_where_nobody_has_a_key_an_unsigned_verdict_is_shown_as_such(company: Company) -> None:
    text = company.policy("      owners: false\n      checks: [ok]\n", keys={name: [] for name in EVERYBODY})
    company.set_policy(text)
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.fetch()
    merged = senior.gate("merge", BRANCH, "--push")
    assert merged.code == 0, merged.text
    assert "without a signature" in merged.out
    assert "by an unsigned verdict" in audited(company.clone("ada"))[0][1]


@pytest.mark.slow
@pytest.mark.attack(35, "bypass gate with a push: the audit reports it")
def test_35_a_push_past_the_gate_is_named(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    assert senior.gate("merge", BRANCH, "--push").code == 0
    new = company.clone("newhire")
    new.fetch()
    new.git("checkout", "-q", "-B", "main", "origin/main")
    new.commit("straight in", {"a.py": "import os\n"})
    steps = audited(company.clone("ada"))
    assert [outcome for outcome, _ in steps] == ["failed", "passed"]
    assert "has none" in steps[0][1]


@pytest.mark.slow
@pytest.mark.attack(35, "copy the trailers of another merge")
def test_35_trailers_that_were_copied_prove_nothing(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    assert senior.gate("merge", BRANCH, "--push").code == 0
    new = company.clone("newhire")
    new.commit("evil", {"a.py": "import os\n"}, branch="evil")
    new.git("checkout", "-q", "-B", "main", "origin/main")
    message = company.server.git("log", "-1", "--format=%B", "main")
    new.git("merge", "-q", "--no-ff", "-m", message, "evil")
    new.git("push", "-q", "origin", "main")
    assert [outcome for outcome, _ in audited(company.clone("ada"))] == ["failed", "passed"]


@pytest.mark.slow
@pytest.mark.attack(21, "add unapproved content in a merge commit")
def test_21_what_an_evil_merge_adds_was_approved_by_nobody(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    bob = company.clone("bob")
    bob.fetch()
    bob.git("checkout", "-q", "-B", "main", "origin/main")
    bob.git("merge", "-q", "--no-ff", "--no-commit", "origin/feature")
    bob.write({"b.py": "import os\n"})
    bob.git("add", "-A")
    bob.git("commit", "-q", "-m", "Merge feature into main")
    bob.git("push", "-q", "origin", "main")
    ((outcome, reason),) = audited(company.clone("ada"))
    assert outcome == "failed"
    assert "has none" in reason
    assert senior.gate("audit", "--fetch").code == 1


@pytest.mark.attack(21, "approve a change after editing it in a merge commit")
def test_21_who_makes_an_evil_merge_is_an_author_of_it(company: Company) -> None:
    """The senior hides something in the merge, and signs an approval of just that."""
    company.set_policy(company.policy("      owners: false\n      approvals: 1\n      checks: []\n"))
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.fetch()
    senior.git("checkout", "-q", "-B", "main", "origin/main")
    senior.git("merge", "-q", "--no-ff", "--no-commit", "origin/feature")
    senior.write({"b.py": "import os\n"})
    senior.git("add", "-A")
    senior.git("commit", "-q", "-m", "Merge feature into main")
    made = senior.git("rev-parse", "HEAD")
    senior.git("reset", "-q", "--hard", "origin/main")
    # The same content as a branch of the new hire's gets the approval that fits the evil merge.
    tree = senior.git("rev-parse", f"{made}^{{tree}}")
    env = {f"GIT_{who}_EMAIL": "newhire@acme.example" for who in ("AUTHOR", "COMMITTER")}
    bait = senior.git("commit-tree", tree, "-p", "origin/main", "-m", "v2", env=env)
    assert senior.gate("approve", bait).code == 0
    senior.git("push", "-q", "origin", f"{made}:main")
    outcome, reason = audited(company.clone("ada"))[0]
    assert outcome == "failed", reason
    assert "has none" in reason


@pytest.mark.attack(35, "delete the policy in a push that bypasses gate")
def test_35_taking_the_policy_away_is_a_step_that_fails(company: Company) -> None:
    new = company.clone("newhire")
    new.git("rm", "-q", "gate.yaml")
    new.commit("simpler", {"b.py": "y = 2\n"})
    new.commit("evil", {"a.py": "import os\n"})
    assert [outcome for outcome, _ in audited(company.clone("ada"))] == ["failed", "failed"]


@pytest.mark.slow
@pytest.mark.attack(36, "replace the history")
def test_36_another_root(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    assert senior.gate("merge", BRANCH, "--push").code == 0
    new = company.clone("newhire")
    new.git("checkout", "-q", "--orphan", "fresh", "origin/main")
    new.commit("start", {"a.py": "import os\n"}, push=False)
    new.git("push", "-q", "-f", "origin", "fresh:main")
    ada = company.clone("ada")
    ((outcome, reason),) = audited(ada)
    assert outcome == "failed"
    assert "history was replaced" in reason


@pytest.mark.slow
@pytest.mark.attack(36, "audit a range whose start is no longer in the history")
def test_36_a_range_that_must_begin_at_what_was_deployed(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    deployed = company.server.git("rev-parse", "main")
    assert senior.gate("merge", BRANCH, "--push").code == 0
    assert len(audited(senior, f"{deployed}..origin/main")) == 1
    assert audited(senior, "origin/main..origin/main") == []
    stray = company.clone("newhire").git("rev-parse", BRANCH)
    assert senior.gate("audit", f"{stray}..origin/main").code == 2


@pytest.mark.slow
@pytest.mark.attack(24, "audit in a shallow clone")
def test_24_a_shallow_clone_proves_nothing(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    assert senior.gate("merge", BRANCH, "--push").code == 0
    path = company.path / "shallow"
    company.server.git("clone", "-q", "--depth", "1", f"file://{company.server.path}", str(path))
    shallow = Clone(path, "ada", company.keys)
    result = shallow.gate("audit", "--fetch")
    assert result.code == 3
    assert "shallow" in result.err


@pytest.mark.slow
@pytest.mark.attack(35, "object to a change after it was merged")
def test_35_a_later_record_does_not_undo_the_proof_of_a_merge(company: Company) -> None:
    senior = approved(company, {"a.py": "x = 2\n"})
    approval = senior.decisions(BRANCH)[0]["id"]
    bob = company.clone("bob")
    bob.fetch()
    at_merge = company.server.git("rev-parse", "main")
    assert senior.gate("merge", BRANCH, "--push").code == 0
    # Who objects hears of the merge first, also in a clone that knew nothing of it.
    bob.git("update-ref", "refs/remotes/origin/main", at_merge)
    objected = bob.gate("approve", "origin/feature", "--block")
    assert objected.code == 2
    assert "git revert" in objected.err
    assert senior.gate("revoke", approval).code == 0
    steps = audited(company.clone("ada"))
    assert len(steps) == 1


@pytest.mark.slow
@pytest.mark.attack(35, "merge with plain git")
@pytest.mark.parametrize("require", [REQUIRE, REQUIRE.replace("[ok]", "[]")], ids=["checks", "no checks"])
def test_35_an_ordinary_merge_by_git_is_verified_by_what_is_recorded(company: Company, require: str) -> None:
    company.set_policy(company.policy(require))
    senior = approved(company, {"a.py": "x = 2\n"})
    senior.git("checkout", "-q", "-B", "main", "origin/main")
    senior.git("merge", "-q", "--no-ff", "-m", "by hand", "origin/feature")
    senior.git("push", "-q", "origin", "main")
    ((outcome, reason), _) = [*audited(company.clone("ada"))][:2]
    assert outcome == ("failed" if "[ok]" in require else "passed"), reason
