"""A shared policy: pinned, stored, proven, and in charge of what may be overridden."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone

from gate.errors import InvalidInput
from gate.policy.extending import Stored
from gate.policy.files import PROOF, SHARED
from gate.policy.load import load_policy
from gate.policy.types import ApprovalRule

SHARED_POLICY = """\
version: 1
overridable: [people, protect.main.require.approvals, checks.docs]
protect:
  main: {require: {owners: false, approvals: 1, checks: [names, lint]}}
teams: {"@acme/guardians": ["@ada"]}
people: {"@ada": {role: senior, emails: [ada@acme.example]}}
"""
LOCAL = """\
version: 1
repository: acme/shop
extends: {repository: %s, commit: %s, file: policies/gate.yaml}
"""


@pytest.fixture
def shared(project: Clone, tmp_path: Path) -> tuple[Clone, str]:
    """A repository with a shared policy below a folder, and the commit that has it."""
    path = tmp_path / "policies"
    path.mkdir()
    clone = Clone(path, "ada", path)
    clone.git("init", "-q", "-b", "main")
    clone.git("config", "user.name", "Ada")
    clone.git("config", "user.email", "ada@acme.example")
    clone.write({"policies/gate.yaml": SHARED_POLICY, "README": "x\n"})
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "Policy")
    return clone, clone.git("rev-parse", "HEAD")


def extending(project: Clone, shared: tuple[Clone, str], more: str = "") -> str:
    text = LOCAL % (shared[0].path, shared[1]) + more
    project.write({"gate.yaml": text})
    return text


def stored(project: Clone) -> Stored:
    return Stored((project.path / SHARED).read_bytes(), (project.path / PROOF).read_bytes())


@pytest.mark.slow
def test_it_is_fetched_once_and_decides_offline_and_in_every_clone(
    project: Clone, shared: tuple[Clone, str]
) -> None:
    extending(project, shared, "protect: {main: {require: {approvals: 0}}}\n")
    result = project.gate("init", "--extends")
    assert result.code == 0, result.text
    assert "main requires checks (names, lint)" in result.out
    shared[0].path.rename(shared[0].path.with_name("gone"))
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Extend")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"bad.py": "import os\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Bad")
    checked = project.gate("check")
    assert checked.code == 1
    assert "lint" in checked.out
    assert project.git("for-each-ref", "refs/gate/shared") == ""


def test_both_are_joined_and_what_is_left_open_is_overridden(
    project: Clone, shared: tuple[Clone, str]
) -> None:
    more = 'people: {"@bob": {role: member}}\nprotect: {main: {require: {approvals: 2}}}\n'
    text = extending(project, shared, more)
    assert project.gate("init", "--extends").code == 0
    policy = load_policy(text.encode(), stored=stored(project))
    require = policy.protection("main").require
    assert (require.approvals, require.checks, require.owners) == (
        (ApprovalRule(2),),
        ("names", "lint"),
        None,
    )
    assert set(policy.people) == {"@ada", "@bob"}
    assert policy.repository == "acme/shop"
    assert policy.extends is not None
    assert policy.extends.commit == shared[1]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("teams: {}\n", "gate.yaml:4:1: teams: the shared policy doesn't allow overriding this"),
        ("checks: {lint: {enforce: false}}\n", "gate.yaml:4:10: checks.lint: the shared policy"),
        ("protect: {main: {enforce: false}}\n", "protect.main.enforce: the shared policy"),
        ("protect: {main: {require: {owners: true}}}\n", "it allows people, protect.main"),
        ("protect: {other: {}}\n", "protect.other: the shared policy"),
        ("overridable: [teams]\n", "overridable: the shared policy"),
        ("environment: {source: none}\n", "environment: the shared policy"),
    ],
)
def test_nothing_else_can_be_overridden(
    project: Clone, shared: tuple[Clone, str], more: str, expected: str
) -> None:
    extending(project, shared)
    assert project.gate("init", "--extends").code == 0
    with pytest.raises(InvalidInput) as caught:
        load_policy(extending(project, shared, more).encode(), stored=stored(project))
    assert expected in str(caught.value)


def test_a_copy_that_was_edited_is_an_error_and_its_change_is_blocked(
    project: Clone, shared: tuple[Clone, str]
) -> None:
    extending(project, shared, "protect: {main: {require: {approvals: 0}}}\n")
    project.gate("init", "--extends")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Extend")
    project.git("checkout", "-q", "-b", "feature")
    project.write({SHARED: SHARED_POLICY.replace("[names, lint]", "[]")})
    project.git("commit", "-q", "-am", "Ask for nothing")
    result = project.gate("check", "--only", "lint")
    assert result.code == 1
    assert f"{SHARED} is not what the commit holds" in " ".join(result.out.split())


@pytest.mark.parametrize("gone", [SHARED, PROOF])
def test_without_what_is_stored_no_policy_is_read(
    project: Clone, shared: tuple[Clone, str], gone: str
) -> None:
    extending(project, shared)
    project.gate("init", "--extends")
    (project.path / gone).unlink()
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Extend")
    result = project.gate("check")
    assert result.code == 2
    assert "it is not stored here; `gate init --extends` fetches and stores it" in result.err


@pytest.mark.parametrize(
    ("commit", "expected"),
    [("main", "expected the full id of a commit"), ("1" * 40, "has no commit 111111111111")],
)
def test_only_a_commit_that_is_there_can_be_extended(
    project: Clone, shared: tuple[Clone, str], commit: str, expected: str
) -> None:
    extending(project, (shared[0], commit))
    done = project.gate("init", "--extends")
    assert done.code in {2, 3}
    assert expected in done.err
    assert not (project.path / ".gate").exists()


def test_a_mistake_in_the_shared_policy_has_its_own_file_and_line(
    project: Clone, shared: tuple[Clone, str]
) -> None:
    shared[0].write({"policies/gate.yaml": "version: 1\nchekcs: {}\n"})
    shared[0].git("commit", "-q", "-am", "Typo")
    extending(project, (shared[0], shared[0].git("rev-parse", "HEAD")))
    assert "policies/gate.yaml:2:1: chekcs: unknown key" in project.gate("init", "--extends").err


@pytest.mark.slow
def test_the_audit_reads_the_shared_policy_of_its_time(project: Clone, shared: tuple[Clone, str]) -> None:
    """It asks for an approval that the merge does not have: without it nothing would be missing."""
    extending(project, shared)
    project.gate("init", "--extends")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Extend")
    project.git("commit", "-q", "--allow-empty", "-m", "More")
    project.write({"b.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Straight in")
    result = project.gate("audit")
    assert result.code == 1
    assert "approvals: needs 1 approval" in result.out
