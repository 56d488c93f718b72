"""The native hooks, installed in real repositories and fired by real commits, merges and pushes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from support.company import Clone, Company, isolated

POLICY = "protect: {main: {require: {checks: [lint]}}}\n"


@pytest.fixture
def hooked(project: Clone, tmp_path: Path) -> Clone:
    """A clone with gate's hooks, and a bare `origin` that has main."""
    project.write({"gate.yaml": POLICY})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "origin.git"))
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    project.git("fetch", "-q", "origin")
    result = project.gate("install")
    assert result.code == 0, result.text
    return project


def attempt(project: Clone, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["git", *args], cwd=project.path, env=isolated(project.path.parent / "home"), capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def stage(project: Clone, name: str, text: str) -> None:
    project.write({name: text})
    project.git("add", name)


@pytest.mark.slow
def test_a_commit_with_a_mistake_is_stopped(hooked: Clone) -> None:
    stage(hooked, "bad.py", "import os\n")
    done = attempt(hooked, "commit", "-m", "Bad")
    assert done.returncode != 0
    assert "F401" in done.stderr
    stage(hooked, "bad.py", "x = 1\n")
    assert attempt(hooked, "commit", "-m", "Good").returncode == 0


@pytest.fixture
def named(hooked: Clone) -> Clone:
    """Such a clone, where names are checked as well."""
    stage(hooked, "gate.yaml", POLICY.replace("[lint]", "[lint, names]"))
    hooked.git("commit", "-q", "--no-verify", "-m", "Names")
    hooked.git("push", "-q", "--no-verify", "origin", "main")
    return hooked


@pytest.mark.slow
def test_a_stopped_commit_shows_the_line_and_the_command_that_asks_about_it_again(named: Clone) -> None:
    stage(named, "bad.py", 'import json\n\nx = json.laods("1")\n')
    done = attempt(named, "commit", "-m", "Bad")
    assert '3 │ x = json.laods("1")' in done.stderr
    assert "run `gate check --staged --fix` to see the diff" in " ".join(done.stderr.split())
    assert '+x = json.loads("1")' in named.gate_process("check", "--staged", "--fix").out


@pytest.mark.slow
def test_a_stopped_push_shows_the_command_that_asks_about_it_again(named: Clone) -> None:
    named.git("checkout", "-q", "-b", "feature")
    stage(named, "bad.py", 'import json\n\nx = json.laods("1")\n')
    named.git("commit", "-q", "--no-verify", "-m", "Bad")
    done = attempt(named, "push", "origin", "feature:main")
    assert "run `gate check --into main --head feature --fix` to see the diff" in " ".join(
        done.stderr.split()
    )


def test_only_what_is_staged_is_looked_at(hooked: Clone) -> None:
    stage(hooked, "good.py", "x = 1\n")
    hooked.write({"good.py": "import os\n", "untracked.py": "import os\n"})
    assert attempt(hooked, "commit", "-m", "Good").returncode == 0


def test_a_partial_commit_is_checked_as_it_would_be_committed(hooked: Clone) -> None:
    stage(hooked, "bad.py", "import os\n")
    stage(hooked, "good.py", "x = 1\n")
    assert attempt(hooked, "commit", "-m", "Good", "--", "good.py").returncode == 0


@pytest.mark.slow
def test_a_missing_approval_does_not_stop_a_commit_but_a_push(hooked: Clone) -> None:
    stage(hooked, "CODEOWNERS", "* @somebody\n")
    assert attempt(hooked, "commit", "--no-verify", "-m", "Owners").returncode == 0
    assert attempt(hooked, "push", "--no-verify", "-q", "origin", "main").returncode == 0
    hooked.git("checkout", "-q", "-b", "feature")
    stage(hooked, "good.py", "x = 1\n")
    assert attempt(hooked, "commit", "-m", "Good").returncode == 0
    assert attempt(hooked, "push", "-q", "origin", "feature").returncode == 0
    done = attempt(hooked, "push", "origin", "HEAD:main")
    assert done.returncode != 0
    assert "@somebody" in done.stderr


@pytest.mark.slow
@pytest.mark.attack(36, "push several refs at once")
def test_every_ref_of_a_push_is_looked_at(hooked: Clone) -> None:
    hooked.git("branch", "other")
    stage(hooked, "bad.py", "import os\n")
    hooked.git("commit", "-q", "--no-verify", "-m", "Bad")
    done = attempt(hooked, "push", "origin", "other", "main")
    assert done.returncode != 0
    assert "F401" in done.stderr


@pytest.mark.attack(36, "delete a protected branch")
def test_a_protected_branch_is_not_deleted(hooked: Clone) -> None:
    done = attempt(hooked, "push", "origin", ":main")
    assert done.returncode != 0
    assert "delete" in done.stderr


@pytest.mark.slow
@pytest.mark.attack(36, "force-push a protected branch")
def test_commits_of_a_protected_branch_are_not_thrown_away(hooked: Clone) -> None:
    stage(hooked, "good.py", "x = 1\n")
    assert attempt(hooked, "commit", "-m", "Good").returncode == 0
    assert attempt(hooked, "push", "-q", "origin", "main").returncode == 0
    for moved in ("main^:main", "main^:refs/heads/feature"):
        done = attempt(hooked, "push", "--force", "origin", moved)
        assert (done.returncode != 0) == moved.endswith(":main"), done.stderr
        assert ("would remove commits" in done.stderr) == moved.endswith(":main")
    # The same content, and yet the commit that others build on would be gone.
    hooked.git("commit", "-q", "--amend", "--no-verify", "-m", "Better words")
    assert attempt(hooked, "push", "--force", "origin", "main").returncode != 0


def test_a_branch_that_moved_elsewhere_has_to_be_fetched_first(hooked: Clone) -> None:
    tree = hooked.git("rev-parse", "main^{tree}")
    elsewhere = hooked.git("commit-tree", tree, "-p", "main", "-m", "Elsewhere")
    hooked.git("push", "-q", "--no-verify", "origin", f"{elsewhere}:main")
    hooked.git("update-ref", "refs/remotes/origin/main", "main")
    (hooked.path / ".git" / "objects" / elsewhere[:2] / elsewhere[2:]).unlink()
    done = attempt(hooked, "push", "--force", "origin", "main")
    assert done.returncode != 0
    assert "git fetch" in done.stderr


@pytest.mark.attack(36, "create a protected branch at an unapproved commit")
def test_a_protected_branch_does_not_begin_with_what_nobody_approved(hooked: Clone) -> None:
    stage(hooked, "gate.yaml", "protect: {main: {}, release: {}}\n")
    hooked.git("commit", "-q", "--no-verify", "-m", "Policy")
    hooked.git("push", "-q", "--no-verify", "origin", "main")
    hooked.git("checkout", "-q", "-b", "release")
    stage(hooked, "good.py", "x = 1\n")
    hooked.git("commit", "-q", "--no-verify", "-m", "Good")
    done = attempt(hooked, "push", "origin", "release")
    assert done.returncode != 0
    assert "that main has been at" in done.stderr
    assert attempt(hooked, "push", "origin", "main:release").returncode == 0


def test_a_repository_with_no_default_branch_has_none_to_protect(hooked: Clone) -> None:
    for command in (("branch", "-m", "main", "trunk"), ("update-ref", "-d", "refs/remotes/origin/main")):
        hooked.git(*command)
    assert attempt(hooked, "push", "origin", "trunk").returncode == 0


@pytest.mark.slow
def test_a_push_through_pre_commit_is_checked_alike(hooked: Clone) -> None:
    stage(hooked, "good.py", "x = 1\n")
    assert attempt(hooked, "commit", "-m", "Good").returncode == 0
    assert attempt(hooked, "push", "-q", "origin", "main").returncode == 0
    for branch, rev, code in (("new", "main", 0), ("main", "main", 0), ("main", "main^", 1)):
        environment = {
            "PRE_COMMIT_LOCAL_BRANCH": "refs/heads/x",
            "PRE_COMMIT_REMOTE_BRANCH": f"refs/heads/{branch}",
        }
        result = hooked.gate(
            "hook", "pre-push", env={**environment, "PRE_COMMIT_TO_REF": hooked.git("rev-parse", rev)}
        )
        assert result.code == code, result.text


@pytest.mark.slow
def test_at_a_commit_only_what_can_stop_it_is_shown(hooked: Clone) -> None:
    stage(hooked, "CODEOWNERS", "* @somebody\n")
    hooked.git("commit", "-q", "--no-verify", "-m", "Owners")
    hooked.git("push", "-q", "--no-verify", "origin", "main")
    stage(hooked, "bad.py", "import os\n")
    done = attempt(hooked, "commit", "-m", "Bad")
    assert "lint failed" in done.stderr
    assert "To merge into main, this commit also needs: owners" in done.stderr


def test_a_commit_is_possible_where_the_policy_requires_nothing_but_approvals(company: Company) -> None:
    company.set_policy(company.policy("      approvals: 1\n      checks: []\n"))
    new = company.clone("newhire")
    assert new.gate("install").code == 0
    stage(new, "a.py", "x = 2\n")
    done = attempt(new, "commit", "-m", "v2")
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("checks", ["lint, tests", "tests"])
def test_a_check_that_is_left_to_the_push_stops_no_commit(hooked: Clone, checks: str) -> None:
    policy = POLICY.replace("[lint]", f"[{checks}]") + "checks: {tests: {on-commit: false}}\n"
    stage(hooked, "gate.yaml", policy)
    hooked.git("commit", "-q", "--no-verify", "-m", "Policy")
    hooked.git("push", "-q", "--no-verify", "origin", "main")
    stage(hooked, "test_new.py", "def test_new():\n    assert 1 == 2\n")
    assert hooked.gate("check", "--staged", "--into", "main").code == 1
    done = attempt(hooked, "commit", "-m", "New")
    assert done.returncode == 0, done.stderr
    assert "gate: tests will run when the change is merged, or pushed to main" in done.stderr
    pushed = attempt(hooked, "push", "origin", "main")
    assert pushed.returncode != 0
    assert "assert 1 == 2" in pushed.stderr


@pytest.mark.slow
def test_a_stopped_commit_names_what_runs_at_the_push(hooked: Clone) -> None:
    policy = POLICY.replace("[lint]", "[lint, tests]") + "checks: {tests: {on-commit: false}}\n"
    stage(hooked, "gate.yaml", policy)
    hooked.git("commit", "-q", "--no-verify", "-m", "Policy")
    hooked.git("push", "-q", "--no-verify", "origin", "main")
    stage(hooked, "bad.py", "import os\n")
    done = attempt(hooked, "commit", "-m", "Bad")
    assert done.returncode != 0
    assert "tests will run when the change is merged, or pushed to main" in done.stderr
    assert "`gate check --staged` checks what is staged" in done.stderr
    committed = hooked.gate("check")
    assert committed.code == 0
    assert "staged changes are not included" in committed.text


@pytest.mark.slow
@pytest.mark.attack(35, "fast-forward locally, where no hook runs")
def test_a_fast_forward_that_no_hook_saw_is_caught_at_the_push(hooked: Clone) -> None:
    hooked.git("checkout", "-q", "-b", "feature")
    stage(hooked, "bad.py", "import os\n")
    hooked.git("commit", "-q", "--no-verify", "-m", "Bad")
    hooked.git("checkout", "-q", "main")
    assert attempt(hooked, "merge", "--ff-only", "feature").returncode == 0
    assert attempt(hooked, "push", "origin", "main").returncode != 0


@pytest.mark.slow
def test_a_hook_that_was_there_runs_first_and_comes_back(project: Clone) -> None:
    hooks = project.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    old = hooks / "pre-commit"
    old.write_text("#!/bin/sh\necho it ran >&2\nexit 0\n")
    old.chmod(0o755)
    before = old.read_bytes()
    for _ in range(2):
        assert project.gate("install").code == 0
    stage(project, "good.py", "x = 1\n")
    assert "it ran" in attempt(project, "commit", "-m", "Good").stderr
    assert project.gate("uninstall").code == 0
    assert old.read_bytes() == before
    assert sorted(path.name for path in hooks.glob("pre-*[!e]") if not path.name.endswith(".sample")) == [
        "pre-commit"
    ]


def test_an_existing_hook_runs_even_when_pre_commit_renames_gates(project: Clone) -> None:
    hooks = project.path / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-commit").write_text("#!/bin/sh\necho it ran >&2\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    assert project.gate("install").code == 0
    # What pre-commit's installation does, and what its hook calls.
    (hooks / "pre-commit").rename(hooks / "pre-commit.legacy")
    (hooks / "pre-commit").write_text('#!/bin/sh\nexec "$0.legacy"\n')
    (hooks / "pre-commit").chmod(0o755)
    stage(project, "good.py", "x = 1\n")
    done = attempt(project, "commit", "-m", "Good")
    assert (done.returncode, "it ran" in done.stderr) == (1, True)


def test_hooks_go_where_git_looks_for_them(project: Clone) -> None:
    project.git("config", "core.hooksPath", "my-hooks")
    assert project.gate("install").code == 0
    assert (project.path / "my-hooks" / "pre-push").is_file()


def test_hooks_for_all_repositories_are_reported_as_such(project: Clone, tmp_path: Path) -> None:
    project.git("config", "--global", "core.hooksPath", str(tmp_path / "shared"))
    done = project.gate("install")
    assert (tmp_path / "shared" / "pre-push").exists()
    assert "all your repositories" in done.text
    project.git("config", "core.hooksPath", "mine")
    assert "all your repositories" not in project.gate("install").text
    project.git("config", "--global", "--unset", "core.hooksPath")


@pytest.mark.attack(35, "run the server hook after gate was uninstalled")
def test_a_hook_without_its_gate_fails_closed(hooked: Clone) -> None:
    hook = hooked.path / ".git" / "hooks" / "pre-commit"
    lines = [
        f"python=/gone{line[7:]}" if line.startswith("python=") else line
        for line in hook.read_text().splitlines()
    ]
    hook.write_text("\n".join(lines))
    stage(hooked, "good.py", "x = 1\n")
    done = attempt(hooked, "commit", "-m", "Good")
    assert done.returncode != 0
    assert "gate install" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["main", "trunk"])
def test_the_first_commit_of_a_repository_is_checked_like_any_other(tmp_path: Path, branch: str) -> None:
    """Of `trunk` nothing says that it is the default branch; its commits are compared with what it was before."""
    (tmp_path / "home").mkdir()
    (tmp_path / "fresh").mkdir()
    fresh = Clone(tmp_path / "fresh", "ada", tmp_path)
    fresh.git("init", "-q", "-b", branch)
    fresh.git("config", "user.name", "Ada")
    fresh.git("config", "user.email", "ada@acme.example")
    assert fresh.gate("install").code == 0
    for name in ("first.py", "second.py"):
        stage(fresh, name, 'import json\n\nx = json.laods("1")\n')
        done = attempt(fresh, "commit", "-m", "Wrong")
        assert done.returncode == 1
        assert f"{name}:3:10: unknown-member" in done.stderr
        stage(fresh, name, "x = 1\n")
        assert attempt(fresh, "commit", "-m", "Right").returncode == 0


@pytest.mark.slow
def test_a_clone_fetches_the_approval_log_as_long_as_the_hooks_are_there(company: Company) -> None:
    """Also from a server that has none yet: a refspec of one ref alone would make `git fetch` fail."""
    clone = company.clone("newhire")
    for _ in range(2):
        assert clone.gate("install").code == 0
    clone.git("fetch", "-q")
    reviewer = company.clone("nehemiah")
    clone.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    reviewer.git("fetch", "-q")
    assert reviewer.gate("approve", "origin/feature").code == 0
    clone.git("fetch", "-q")
    assert clone.git("rev-parse", "refs/gate/remotes/origin/log") == reviewer.git(
        "rev-parse", "refs/gate/log"
    )
    assert clone.gate("uninstall").code == 0
    assert "gate/log" not in clone.git("config", "--get-all", "remote.origin.fetch")


def test_hooks_in_the_working_tree_are_not_for_committing(hooked: Clone) -> None:
    """Husky keeps its hooks in a tracked folder; gate's name this machine's Python."""
    hooked.git("config", "core.hooksPath", ".husky")
    assert ".husky is in the working tree: don't commit these files" in hooked.gate("install").out
    hooked.gate("uninstall")
    hooked.git("config", "core.hooksPath", ".git/hooks")
    assert "working tree" not in hooked.gate("install").out
