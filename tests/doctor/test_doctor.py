"""`gate doctor`, `gate cache` and `-v`: what gate finds, stores and decides, and what to do where it is wrong."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest
from support.company import Clone, Company

SETUP = "from setuptools import setup\n\nsetup(name='x', version='1', install_requires=['flask'])\n"


def items(clone: Clone) -> dict[str, list[dict[str, str]]]:
    result = clone.gate("doctor", "--format", "json")
    return {section["name"]: section["items"] for section in json.loads(result.out)}


def problems(clone: Clone, section: str) -> str:
    """Everything in a section that is not right, with its fix; each has one, unless it is only a note."""
    found = [item for item in items(clone)[section] if item["level"] != "ok"]
    assert all(item["fix"] for item in found if item["level"] != "note"), found
    return "\n".join(f"{item['level']} {item['text']} {item['fix']}" for item in found)


def commit(clone: Clone, files: dict[str, str]) -> None:
    clone.write(files)
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "More")


def test_a_plain_repository_has_nothing_wrong(project: Clone) -> None:
    result = project.gate("doctor")
    assert result.code == 0, result.out
    assert "✗" not in result.out
    for section in ("repository", "policy", "environments", "tools", "hooks", "caches"):
        assert f"\n{section}\n" in f"\n{result.out}"
    assert "lint: ruff " in result.out


@pytest.mark.parametrize(
    ("files", "section", "expected"),
    [
        ({"gate.yaml": "chekcs: {}\n"}, "policy", "gate.yaml:1:1: chekcs: unknown key"),
        ({"gate.yaml": "protect: {main: {require: {approvals: 1}}}\n"}, "policy", "No change can be merged"),
        ({"CODEOWNERS": "*.py ada\n"}, "owners", "CODEOWNERS:1:6"),
        ({"gate.yaml": "python: nowhere/python\n"}, "environments", "nowhere/python is not an interpreter"),
    ],
)
def test_what_keeps_gate_from_working_is_an_error(
    project: Clone, files: dict[str, str], section: str, expected: str
) -> None:
    commit(project, files)
    assert project.gate("doctor").code == 1
    assert expected in problems(project, section)


def test_an_owner_who_is_not_listed_is_reported_once(project: Clone) -> None:
    people = 'people: {"@ada": {emails: [ada@acme.example]}}\n'
    commit(project, {"gate.yaml": people, ".github/CODEOWNERS": "* @ada @gone\n"})
    everything = [item for section in items(project).values() for item in section]
    reports = [
        item
        for item in everything
        if item["text"].startswith(".github/CODEOWNERS:1") and "@gone" in item["text"]
    ]
    assert [item["fix"] for item in reports] == [
        "add them: `gate init --person @gone --email ADDRESS --key FILE`"
    ]


def test_a_hook_that_git_skips_or_that_cannot_start_is_an_error(project: Clone) -> None:
    project.gate("install")
    assert problems(project, "hooks") == ""
    hooks = project.path / ".git" / "hooks"
    (hooks / "pre-push").chmod(0o644)
    commit_hook = hooks / "pre-commit"
    lines = commit_hook.read_text().splitlines()
    gone = ["python=/gone/python" if line.startswith("python=") else line for line in lines]
    commit_hook.write_text("\n".join(gone))
    result = problems(project, "hooks")
    assert "pre-push is not executable, so git skips it" in result
    assert "/gone/python, which no longer exists" in result


@pytest.mark.slow
def test_a_draft_and_a_log_that_is_not_taken_in_are_noted(company: Company) -> None:
    reviewer, new = company.clone("nehemiah"), company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    reviewer.git("fetch", "-q")
    assert reviewer.gate("approve", "origin/feature").code == 0
    new.gate("install")
    new.git("fetch", "-q")
    assert "commits of the approval log that are not merged here gate approvals --fetch" in problems(
        new, "approval log"
    )
    new.write({"gate.yaml": "version: 1\n"})
    assert "gate.yaml in the working tree differs from the one that applies now" in problems(new, "policy")


def test_in_a_bare_repository_it_speaks_of_the_server_hook(company: Company) -> None:
    assert "gate install --server" in problems(company.server, "hooks")


def test_an_empty_log_has_a_fix_only_if_the_remote_has_approvals(company: Company) -> None:
    reviewer, new = company.clone("nehemiah"), company.clone("newhire")
    assert items(reviewer)["approval log"] == [
        {"level": "note", "text": "approval log: empty here and on origin, no approvals recorded", "fix": ""}
    ]
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    reviewer.git("fetch", "-q")
    assert reviewer.gate("approve", "origin/feature").code == 0
    assert "origin has approvals run `gate approvals --fetch`" in problems(new, "approval log")
    company.server.path.rename(company.path / "gone.git")
    assert "origin's is unknown" in problems(new, "approval log")


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"setup.py": SETUP}, "note no environment found: gate builds one from setup.py"),
        ({}, "warning no environment found, and the project declares no dependencies"),
    ],
)
def test_an_environment_that_gate_builds_is_nothing_to_fix(
    project: Clone, files: dict[str, str], expected: str
) -> None:
    commit(project, {"README": "", **files})
    assert expected in problems(project, "environments")


def test_no_password_of_a_remote_is_shown(project: Clone) -> None:
    project.git("remote", "add", "origin", "https://me:secret@github.com/acme/shop.git")
    assert "secret" not in project.gate("doctor").out


@pytest.mark.slow
def test_the_cache_is_shown_pruned_and_cleared(project: Clone) -> None:
    assert "Nothing is cached" in project.gate("cache").out
    assert project.gate("check", "--only", "lint").code == 0
    shown = project.gate("cache").out
    assert "results" in shown
    assert "trees" in shown
    state = project.path / ".git" / "gate"
    results = [path for path in (state / "results").rglob("*") if path.is_file()]
    assert project.gate("cache", "prune").code == 0
    assert [path for path in results if not path.exists()] == []
    assert project.gate("cache", "prune", "--days", "0").code == 0
    assert [path for path in results if path.exists()] == []
    assert project.gate("check", "--only", "lint").code == 0
    assert project.gate("cache", "clear").out.startswith("Freed")
    assert [path for path in state.rglob("*") if path.is_file() and path.suffix != ".lock"] == []
    assert project.gate("check", "--only", "lint").code == 0


def test_nothing_is_removed_while_another_gate_runs(project: Clone) -> None:
    project.gate("check", "--only", "lint")
    lock: Path = next((project.path / ".git" / "gate").glob("*/*.lock"))
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = project.gate("cache", "clear")
    assert result.code == 3
    assert "another gate process is using" in result.err


@pytest.mark.parametrize("place", [("-v", "check"), ("check", "--verbose")])
def test_decisions_are_logged_with_any_command(project: Clone, place: tuple[str, str]) -> None:
    result = project.gate(*place, "--only", "lint")
    assert result.code == 0, result.text
    assert "policy: none at the base: the defaults" in result.err
    assert "lint: running ruff" in result.err
    assert "policy:" not in project.gate("check", "--only", "lint").err


def test_the_doctor_says_who_you_are_to_gate(company: Company) -> None:
    ada = company.clone("ada")
    assert problems(ada, "you") == ""
    text = ada.gate("doctor").out
    assert "your commits (ada@acme.example) count as @ada, senior" in text
    assert "you approve as @ada, with the key SHA256:" in text
    ada.git("config", "user.email", "ada@home.example")
    ada.git("config", "user.signingkey", str(company.keys / "stranger"))
    wrong = problems(ada, "you")
    assert "gate init --person @NAME --email ada@home.example" in wrong
    assert "you can't sign approvals: the key" in wrong


def test_each_project_of_a_monorepo_is_listed_with_its_environment(project: Clone) -> None:
    commit(
        project,
        {
            "backend/pyproject.toml": "[project]\nname = 'backend'\nversion = '1'\ndependencies = ['absent-here']\n",
            "tools/cli/setup.py": SETUP,
            "docs/pyproject.toml": "",
        },
    )
    texts = [item["text"] for item in items(project)["environments"]]
    projects = [text for text in texts if text.startswith("project ")]
    assert projects == [
        "project backend: gate builds an environment from its pyproject.toml",
        "project tools/cli: gate builds an environment from its setup.py",
    ]


def test_tools_come_from_the_environment_that_gate_builds(project: Clone) -> None:
    commit(
        project,
        {"pyproject.toml": "[project]\nname = 'x'\nversion = '1'\ndependencies = ['not-installed-here']\n"},
    )
    texts = [item["text"] for item in items(project)["tools"]]
    assert any(
        text.startswith("types: mypy from the environment that gate builds, otherwise gate's own")
        for text in texts
    )
