"""The hooks for pre-commit's framework: the real one installs this repository and runs them from git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.company import Clone, isolated
from support.environments import install, make_venv
from support.this_repository import clone_of_this_repository, registry_settings

pytestmark = pytest.mark.slow

POLICY = """\
protect: {main: {require: {checks: [types], approvals: 1}}}
people: {"@ada": {role: senior, emails: [ada@acme.example]}, "@bob": {role: senior}}
"""
CONFIG = """\
repos:
  - repo: {url}
    rev: {rev}
    hooks: [{{id: gate}}, {{id: gate-push}}, {{id: gate-owners}}]
"""
# A package of the project's own environment, which pre-commit's knows nothing about.
ONLY_THERE = {"acme_units/__init__.py": "def metres(feet: int) -> float: ...\n", "acme_units/py.typed": ""}
GOOD = "from acme_units import metres\n\n\ndef height() -> float:\n    return metres(3)\n"
BAD = GOOD.replace("metres(3)", 'metres("three")')


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return clone_of_this_repository(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pre-commit keeps the environments that it makes: one installation serves every test."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def scratch(project: Clone, tmp_path: Path) -> Clone:
    """A project with an environment of its own, and an origin."""
    install(make_venv(project.path / ".venv"), "acme_units", "1.0", ONLY_THERE)
    project.write({"gate.yaml": POLICY, ".gitignore": ".venv\n", "CODEOWNERS": "* @bob\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    project.git("clone", "-q", "--bare", str(project.path), str(tmp_path / "origin.git"))
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    project.git("fetch", "-q", "origin")
    return project


def attempt(project: Clone, store: Path, *command: str) -> subprocess.CompletedProcess[str]:
    env = {**isolated(project.path.parent / "home"), **registry_settings(), "PRE_COMMIT_HOME": str(store)}
    # What is installed in pre-commit's environment is run, not the code beside these tests.
    del env["PYTHONPATH"]
    done = subprocess.run(
        command, cwd=project.path, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip
    assert "Traceback" not in done.stdout + done.stderr
    return done


def result(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout + done.stderr


def pre_commit(project: Clone, store: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return attempt(project, store, sys.executable, "-m", "pre_commit", *args)


@pytest.fixture
def hooked(scratch: Clone, published: Clone, store: Path) -> Clone:
    """The project with pre-commit installed for every stage, on a branch of its own."""
    config = CONFIG.format(url=published.path, rev=published.git("rev-parse", "HEAD"))
    scratch.git("checkout", "-q", "-b", "feature")
    scratch.write({".pre-commit-config.yaml": config})
    scratch.git("add", "-A")
    scratch.git("commit", "-q", "-m", "Hooks")
    stages = [f"--hook-type={stage}" for stage in ("pre-commit", "pre-merge-commit", "pre-push")]
    done = pre_commit(scratch, store, "install", "--install-hooks", *stages)
    assert done.returncode == 0, result(done)
    return scratch


def test_try_repo_runs_the_hook_and_finds_the_projects_own_interpreter(
    scratch: Clone, published: Clone, store: Path
) -> None:
    for text, code, words in ((BAD, 1, "incompatible type"), (GOOD, 0, "Passed")):
        scratch.write({"roof.py": text})
        scratch.git("add", "-A")
        done = pre_commit(scratch, store, "try-repo", str(published.path), "gate", "--verbose")
        assert (done.returncode, words in done.stdout) == (code, True), result(done)


def test_commits_merges_and_pushes_go_through_it(hooked: Clone, store: Path) -> None:
    hooked.write({"roof.py": BAD})
    hooked.git("add", "-A")
    done = attempt(hooked, store, "git", "commit", "-m", "Bad")
    assert (done.returncode, "incompatible type" in result(done)) == (1, True), result(done)
    hooked.write({"roof.py": GOOD})
    hooked.git("add", "-A")
    done = attempt(hooked, store, "git", "commit", "-m", "Good")
    assert done.returncode == 0, result(done)

    # Each side is right by itself; only what the merge makes is wrong.
    hooked.git("checkout", "-q", "-b", "side")
    hooked.write({"roof.py": GOOD.replace("height() ->", "height(feet: int) ->")})
    hooked.git("add", "-A")
    hooked.git("commit", "-q", "--no-verify", "-m", "An argument more")
    hooked.git("checkout", "-q", "feature")
    hooked.write({"house.py": "from roof import height\n\n\ndef house() -> float:\n    return height()\n"})
    hooked.git("add", "-A")
    assert attempt(hooked, store, "git", "commit", "-m", "A house").returncode == 0
    done = attempt(hooked, store, "git", "merge", "--no-edit", "side")
    assert (done.returncode, "argument" in result(done)) == (1, True), result(done)
    hooked.git("merge", "--abort")

    # A branch of one's own may be pushed for others to review; main asks for their approval.
    done = attempt(hooked, store, "git", "push", "origin", "feature")
    assert done.returncode == 0, result(done)
    done = attempt(hooked, store, "git", "push", "origin", "feature:main")
    assert (done.returncode, "@bob" in result(done)) == (1, True), result(done)
    done = attempt(hooked, store, "git", "push", "--force", "origin", "main^:main")
    assert (done.returncode, "would remove commits" in result(done)) == (1, True), result(done)


def test_mistakes_in_codeowners_are_found(hooked: Clone, store: Path) -> None:
    hooked.write({"CODEOWNERS": "* nobody\n"})
    hooked.git("add", "-A")
    done = pre_commit(hooked, store, "run", "gate-owners")
    assert (done.returncode, "CODEOWNERS:1:3" in done.stdout) == (1, True), result(done)


def test_beside_the_native_hooks_every_ref_of_a_push_is_looked_at(hooked: Clone, store: Path) -> None:
    hooked.git("push", "-q", "--no-verify", "origin", "feature")
    hooked.write({"roof.py": GOOD})
    hooked.git("add", "-A")
    hooked.git("commit", "-q", "--no-verify", "-m", "Good")
    hooked.git("branch", "-f", "main", "feature")
    push = ("git", "push", "--dry-run", "origin", "feature", "main")
    # pre-commit hears of the first line alone: this is its own gap, and the reason for `gate install`.
    assert attempt(hooked, store, *push).returncode == 0
    assert hooked.gate("install").code == 0
    done = attempt(hooked, store, *push)
    assert (done.returncode, "@bob" in result(done)) == (1, True), result(done)
    # Installed once more, pre-commit takes gate's hook for a stranger's, which knows pre-commit's from before.
    assert pre_commit(hooked, store, "install", "--hook-type=pre-push").returncode == 0
    done = attempt(hooked, store, *push)
    assert (done.returncode, "@bob" in result(done)) == (1, True), result(done)
    assert "bug" not in result(done)
    pre_commit(hooked, store, "uninstall", "--hook-type=pre-push")
    # The other way round: pre-commit, installed last, keeps gate's hook and runs it first.
    assert hooked.gate("install", "--uninstall").code == 0
    pre_commit(hooked, store, "uninstall", "--hook-type=pre-push")
    assert hooked.gate("install").code == 0
    assert pre_commit(hooked, store, "install", "--hook-type=pre-push").returncode == 0
    done = attempt(hooked, store, *push)
    assert (done.returncode, "@bob" in result(done)) == (1, True), result(done)
