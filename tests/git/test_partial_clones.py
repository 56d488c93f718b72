"""Clones that left objects out: what a check needs is fetched from the remote that the clone names, or it says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone, Company

FILTERS = ("blob:none", "tree:0")
BRANCH = "feature"
FILES = 30
OPEN = "      approvals: 0\n      checks: [lint, ok]\n"


@pytest.fixture(params=FILTERS)
def partial(request: pytest.FixtureRequest, company: Company) -> Clone:
    """A clone with nothing checked out, of a server with a change whose linting finds something."""
    setup = company.clone("nobody", "setup")
    setup.commit("library", {f"lib/m{number}.py": f"x = {number}\n" for number in range(FILES)})
    company.set_policy(company.policy(OPEN, more="  lint: {tool: ruff}\n"))
    new = company.clone("newhire")
    new.commit("more", {"deep/er/new.py": "import os\n", "a.py": "x = 2\n"}, branch=BRANCH)
    company.server.git("config", "uploadpack.allowFilter", "true")
    clone = Clone(company.path / "partial", "ada", company.keys)
    options = ("--no-checkout", f"--filter={request.param}")
    Clone(company.path, "ada", company.keys).git(
        "clone", "-q", *options, f"file://{company.server.path}", str(clone.path)
    )
    return clone


@pytest.mark.slow
def test_what_is_missing_is_fetched_from_the_clones_own_remote(partial: Clone) -> None:
    result = partial.gate_process("check", "--head", f"origin/{BRANCH}")
    assert result.code == 1, result.text
    assert "deep/er/new.py:1:8" in result.out
    assert "F401" in result.out


@pytest.mark.slow
def test_a_clone_of_whatever_remote_name_is_served_by_it(partial: Clone) -> None:
    partial.git("remote", "rename", "origin", "up.stream")
    head = partial.git("rev-parse", f"up.stream/{BRANCH}")
    result = partial.gate_process("check", "--into", "main", "--head", head)
    assert result.code == 1, result.text


@pytest.mark.slow
def test_files_are_not_fetched_one_by_one(partial: Clone, company: Company) -> None:
    trace = company.path / "trace"
    result = partial.gate_process("check", "--head", f"origin/{BRANCH}", env={"GIT_TRACE": str(trace)})
    assert result.code == 1, result.text
    assert 0 < trace.read_text().count("built-in: git fetch") < FILES


@pytest.mark.slow
def test_no_hook_of_the_clone_runs_while_it_is_fetched(partial: Clone, tmp_path: Path) -> None:
    for name in ("reference-transaction", "post-checkout", "post-merge", "post-index-change"):
        hook = partial.path / ".git" / "hooks" / name
        hook.write_text(f'#!/bin/sh\necho "{name}" >> "{tmp_path}/ran"\n')
        hook.chmod(0o755)
    before = partial.git("for-each-ref")
    (tmp_path / "ran").unlink(missing_ok=True)
    assert partial.gate_process("check", "--head", f"origin/{BRANCH}").code == 1
    assert not (tmp_path / "ran").exists()
    assert partial.git("for-each-ref") == before


def test_what_cannot_be_fetched_is_reported_in_one_sentence(partial: Clone, company: Company) -> None:
    partial.git("ls-tree", "-r", f"origin/{BRANCH}")
    partial.git("ls-tree", "-r", "origin/main")
    company.server.path.rename(company.path / "gone")
    result = partial.gate_process("check", "--head", f"origin/{BRANCH}")
    assert result.code == 3, result.text
    assert "part of the repository is missing" in result.text
    assert result.err.count("gate: ") == 1
