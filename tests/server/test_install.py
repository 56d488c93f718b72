"""`gate install --server`: existing hooks still count, and a hook that cannot answer rejects."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from support.company import Clone, Company
from support.pushing import EVIL, change, on_main, push

from gate.cli.main import run

OLD = "#!/bin/sh\necho 'the old hook ran' >&2\ngrep -q forbidden && exit 1\nexit 0\n"


def hooks(company: Company) -> Path:
    return company.server.path / "hooks"


@pytest.mark.slow
def test_a_hook_that_was_there_runs_first_hears_everything_and_comes_back(company: Company) -> None:
    old = hooks(company) / "pre-receive"
    old.write_text(OLD)
    old.chmod(0o755)
    for _ in range(2):
        result = company.server.gate("install", "--server")
        assert result.code == 0, result.text
        assert "the existing pre-receive runs first" in result.out
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="mine", push=False)
    assert "the old hook ran" in push(new, "origin", "mine").err
    assert push(new, "origin", "mine:forbidden").code != 0
    on_main(new)
    new.commit("straight in", EVIL, push=False)
    assert push(new, "origin", "main").code != 0
    assert "Removed pre-receive." in company.server.gate("install", "--uninstall").out
    assert old.read_text() == OLD
    assert push(new, "origin", "main").code == 0


def test_a_link_to_an_admins_hook_is_left_alone(company: Company) -> None:
    """As gitolite makes them: the file that it leads to serves all repositories."""
    common = company.path / "common"
    common.mkdir()
    (common / "pre-receive").write_text(OLD)
    (common / "pre-receive").chmod(0o755)
    (hooks(company) / "pre-receive").symlink_to(common / "pre-receive")
    result = company.server.gate("install", "--server")
    assert "it was a symbolic link" in result.out
    assert (common / "pre-receive").read_text() == OLD
    new = on_main(company.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    refused = push(new, "origin", "main")
    assert refused.code != 0
    assert "the old hook ran" in refused.err
    company.server.gate("install", "--uninstall")
    assert (hooks(company) / "pre-receive").readlink() == common / "pre-receive"


def test_hooks_that_other_repositories_share_are_not_touched(company: Company) -> None:
    hooks(company).rename(company.path / "shared")
    hooks(company).symlink_to(company.path / "shared")
    result = company.server.gate("install", "--server")
    assert result.code == 2
    assert "docs/server.md" in result.err


def test_the_hook_goes_where_git_looks_for_it(company: Company) -> None:
    company.server.git("config", "core.hooksPath", str(company.path / "elsewhere"))
    assert company.server.gate("install", "--server").code == 0
    assert (company.path / "elsewhere" / "pre-receive").is_file()
    new = on_main(company.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    assert push(new, "origin", "main").code != 0


def test_each_kind_of_repository_has_its_own_hooks(company: Company) -> None:
    clone = company.clone("ada")
    result = clone.gate("install", "--server")
    assert result.code == 2
    assert "in the bare repository" in result.err
    result = company.server.gate("install")
    assert result.code == 2
    assert "gate install --server" in result.err


@pytest.mark.parametrize(
    ("python", "expected"),
    [
        ("/gone/python", "/gone/python no longer exists"),
        ("false", ""),
        ("kill", ""),
    ],
)
def test_a_hook_that_cannot_answer_says_no(guarded: Company, python: str, expected: str) -> None:
    broken = guarded.path / "python"
    broken.write_text(f"#!/bin/sh\n{'kill -KILL $$' if python == 'kill' else 'exit 1'}\n")
    broken.chmod(0o755)
    hook = hooks(guarded) / "pre-receive"
    value = python if python.startswith("/") else str(broken)
    lines = [
        f"python={value}" if line.startswith("python=") else line for line in hook.read_text().splitlines()
    ]
    hook.write_text("\n".join(lines) + "\n")
    new = guarded.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="mine", push=False)
    refused = push(new, "origin", "mine")
    assert refused.code != 0
    assert expected in refused.err


@pytest.mark.parametrize("variable", ["PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR"])
def test_the_environment_of_the_pusher_does_not_choose_the_code(guarded: Company, variable: str) -> None:
    """Otherwise a pusher could end the hook with 0, or could push nothing because of a harmless setting."""
    own = guarded.path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import os, sys\n'hook' in sys.argv and os._exit(0)\n")
    new = guarded.clone("newhire")
    new.commit("v2", EVIL, branch="mine", push=False)
    assert push(new, "origin", "mine", env={variable: str(own)}).code == 0
    refused = push(new, "origin", "mine:main", env={variable: str(own)})
    assert refused.code != 0
    assert "remote: gate:" in refused.err


def test_a_defect_of_gate_refuses_in_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gate.cli.hook.receive", lambda *_: 1 // 0)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    monkeypatch.delenv("GATE_DEBUG", raising=False)
    assert run(["hook", "pre-receive"]) == 3
    result = capsys.readouterr().err
    assert result.startswith("gate: internal error: ZeroDivisionError")
    assert len(result.splitlines()) == 2


@pytest.mark.slow
def test_a_repository_that_cannot_be_written_refuses(guarded: Company) -> None:
    (guarded.server.path / "gate").write_text("in the way")
    senior = change(guarded)
    senior.approve("feature")
    result = senior.gate("merge", "feature", "--push")
    assert result.code == 1, result.text
    assert "gate cannot write to" in result.err


def test_what_is_no_line_of_a_push_is_refused(guarded: Company) -> None:
    hook = hooks(guarded) / "pre-receive"
    done = subprocess.run(
        [hook],
        cwd=guarded.server.path,
        input=b"what is this\nand this one too\n",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 2
    assert b"expected two object ids and a ref" in done.stderr


def test_a_bare_repository_inside_a_clone_is_meant_itself(company: Company) -> None:
    inner = Clone(company.clone("ada").path / "inner.git", "nobody", company.keys)
    inner.path.mkdir()
    inner.git("init", "-q", "--bare", ".")
    assert inner.gate("install", "--server").code == 0
    assert (inner.path / "hooks" / "pre-receive").is_file()


SOLE_OWNER = """\
people:
  "@nehemiah": {role: senior, emails: [nehemiah@acme.example], keys: [%r]}
"""


@pytest.fixture
def locked(company: Company) -> Company:
    """A server whose policy has one person, who owns everything, and can never approve their own change."""
    key = (company.path / "keys" / "nehemiah.pub").read_text().strip()
    clone = on_main(company.clone("nehemiah"))
    clone.commit("Alone", {"gate.yaml": SOLE_OWNER % key, ".github/CODEOWNERS": "* @nehemiah\n"}, push=False)
    clone.git("push", "-q", "origin", "main")
    return company


def test_rules_that_lock_everybody_out_are_not_enforced(locked: Company) -> None:
    refused = locked.server.gate("install", "--server")
    assert refused.code == 2
    assert "@nehemiah can't merge any change into main: nobody else can approve" in refused.err
    assert not (hooks(locked) / "pre-receive").exists()
    assert locked.server.gate("install", "--server", "--force").code == 0
    assert (hooks(locked) / "pre-receive").exists()


def test_force_has_a_meaning_for_a_server_only(company: Company) -> None:
    assert "--server --force" in company.clone("nehemiah").gate("install", "--force").err


def test_people_who_can_never_merge_their_own_work_are_named(company: Company) -> None:
    require = (
        "      approvals: 1\n      seniority: {authors: [junior, senior], need: senior}\n      checks: []\n"
    )
    policy = company.policy(require)
    company.set_policy(policy.replace('"@ada": {role: senior', '"@ada": {role: member'))
    installed = company.server.gate("install", "--server")
    assert installed.code == 0, installed.text
    assert "Warning: @nehemiah can't merge any change into main" in installed.out
    assert "@bob can't merge any change" not in installed.out
    # Not everything that is wrong locks somebody out of everything.
    assert "Warning: @bob can't merge a change to docs/index.md into main" in installed.out
    company.server.gate("install", "--uninstall")
    company.set_policy(policy)
    assert "any change" not in company.server.gate("install", "--server").out
