"""`gate install --server`: what was there before keeps its say, and a hook that cannot answer says no."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from support.pushing import EVIL, change, on_main, push
from support.town import Clone, Town

from gate.cli.main import run

OLD = "#!/bin/sh\necho 'the old hook ran' >&2\ngrep -q forbidden && exit 1\nexit 0\n"


def hooks(town: Town) -> Path:
    return town.server.path / "hooks"


def test_a_hook_that_was_there_runs_first_hears_everything_and_comes_back(town: Town) -> None:
    old = hooks(town) / "pre-receive"
    old.write_text(OLD)
    old.chmod(0o755)
    for _ in range(2):
        said = town.server.gate("install", "--server")
        assert said.code == 0, said.text
        assert "the existing pre-receive runs first" in said.out
    new = town.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="mine", push=False)
    assert "the old hook ran" in push(new, "origin", "mine").err
    assert push(new, "origin", "mine:forbidden").code != 0
    on_main(new)
    new.commit("straight in", EVIL, push=False)
    assert push(new, "origin", "main").code != 0
    assert "Removed pre-receive." in town.server.gate("install", "--uninstall").out
    assert old.read_text() == OLD
    assert push(new, "origin", "main").code == 0


def test_a_link_to_an_admins_hook_is_left_alone(town: Town) -> None:
    """As gitolite makes them: the file that it leads to serves all repositories."""
    common = town.path / "common"
    common.mkdir()
    (common / "pre-receive").write_text(OLD)
    (common / "pre-receive").chmod(0o755)
    (hooks(town) / "pre-receive").symlink_to(common / "pre-receive")
    said = town.server.gate("install", "--server")
    assert "it was a symbolic link" in said.out
    assert (common / "pre-receive").read_text() == OLD
    new = on_main(town.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    refused = push(new, "origin", "main")
    assert refused.code != 0
    assert "the old hook ran" in refused.err
    town.server.gate("install", "--uninstall")
    assert (hooks(town) / "pre-receive").readlink() == common / "pre-receive"


def test_hooks_that_other_repositories_share_are_not_touched(town: Town) -> None:
    hooks(town).rename(town.path / "shared")
    hooks(town).symlink_to(town.path / "shared")
    said = town.server.gate("install", "--server")
    assert said.code == 2
    assert "docs/server.md" in said.err


def test_the_hook_goes_where_git_looks_for_it(town: Town) -> None:
    town.server.git("config", "core.hooksPath", str(town.path / "elsewhere"))
    assert town.server.gate("install", "--server").code == 0
    assert (town.path / "elsewhere" / "pre-receive").is_file()
    new = on_main(town.clone("newhire"))
    new.commit("straight in", EVIL, push=False)
    assert push(new, "origin", "main").code != 0


def test_each_kind_of_repository_has_its_own_hooks(town: Town) -> None:
    clone = town.clone("ada")
    said = clone.gate("install", "--server")
    assert said.code == 2
    assert "in the bare repository" in said.err
    said = town.server.gate("install")
    assert said.code == 2
    assert "gate install --server" in said.err


@pytest.mark.parametrize(
    ("python", "said"),
    [
        ("/gone/python", "/gone/python no longer exists"),
        ("false", ""),
        ("kill", ""),
    ],
)
def test_a_hook_that_cannot_answer_says_no(guarded: Town, python: str, said: str) -> None:
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
    assert said in refused.err


def test_a_defect_of_gate_refuses_in_two_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gate.cli.hook.receive", lambda *_: 1 // 0)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"")))
    monkeypatch.delenv("GATE_DEBUG", raising=False)
    assert run(["hook", "pre-receive"]) == 3
    said = capsys.readouterr().err
    assert said.startswith("gate: internal error: ZeroDivisionError")
    assert len(said.splitlines()) == 2


@pytest.mark.slow
def test_a_repository_that_cannot_be_written_refuses(guarded: Town) -> None:
    (guarded.server.path / "gate").write_text("in the way")
    senior = change(guarded)
    senior.approve("feature")
    said = senior.gate("merge", "feature", "--push")
    assert said.code == 1, said.text
    assert "gate cannot write below" in said.err


def test_what_is_no_line_of_a_push_is_refused(guarded: Town) -> None:
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


def test_a_bare_repository_inside_a_clone_is_meant_itself(town: Town) -> None:
    inner = Clone(town.clone("ada").path / "inner.git", "nobody", town.keys)
    inner.path.mkdir()
    inner.git("init", "-q", "--bare", ".")
    assert inner.gate("install", "--server").code == 0
    assert (inner.path / "hooks" / "pre-receive").is_file()


SOLE_OWNER = """\
people:
  "@nehemiah": {role: senior, emails: [nehemiah@acme.example], keys: [%r]}
"""


@pytest.fixture
def locked(town: Town) -> Town:
    """A server whose policy has one person, who owns everything, and can never approve their own change."""
    key = (town.path / "keys" / "nehemiah.pub").read_text().strip()
    clone = on_main(town.clone("nehemiah"))
    clone.commit("Alone", {"gate.yaml": SOLE_OWNER % key, ".github/CODEOWNERS": "* @nehemiah\n"}, push=False)
    clone.git("push", "-q", "origin", "main")
    return town


def test_rules_that_lock_everybody_out_are_not_enforced(locked: Town) -> None:
    refused = locked.server.gate("install", "--server")
    assert refused.code == 2
    assert "@nehemiah can't merge any change into main: nobody else can approve" in refused.err
    assert not (hooks(locked) / "pre-receive").exists()
    assert locked.server.gate("install", "--server", "--force").code == 0
    assert (hooks(locked) / "pre-receive").exists()


def test_force_has_a_meaning_for_a_server_only(town: Town) -> None:
    assert "--server --force" in town.clone("nehemiah").gate("install", "--force").err
