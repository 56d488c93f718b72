"""`gate demo`, from outside: the whole story, what it leaves behind, and how it ends when something goes wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.waiting import PATIENCE, until

from gate.app.demo import STEPS, sample, set_stage
from gate.codeowners import locate, parse
from gate.policy.load import load_policy


@dataclass(frozen=True)
class Place:
    """Where somebody runs the demo: a current folder, a home and a folder for temporary files, all empty."""

    cwd: Path
    home: Path
    temporary: Path

    def environ(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "LANG": "C.UTF-8",
            **more,
        }

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "gate", "demo", *arguments],
            cwd=self.cwd,
            env=self.environ(more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def demo(self, *arguments: str, **more: str) -> tuple[int, str, str]:
        process = self.start(*arguments, **more)
        out, err = process.communicate(timeout=2 * PATIENCE)
        return process.returncode, out, err

    def left(self) -> list[Path]:
        return [path for folder in (self.cwd, self.home, self.temporary) for path in folder.rglob("*")]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    found = Place(tmp_path / "cwd", tmp_path / "home", tmp_path / "tmp")
    for folder in (found.cwd, found.home, found.temporary):
        folder.mkdir()
    return found


def commands(out: str) -> list[str]:
    return [line.removeprefix("$ ") for line in out.splitlines() if line.startswith("$ ")]


@pytest.mark.slow
def test_the_incident_is_blocked_fixed_approved_and_merged(place: Place) -> None:
    code, out, err = place.demo()
    assert (code, err) == (0, "")
    assert commands(out) == [step.command for step in STEPS]
    story = out.split("$ gate ")
    blocked, fixed = story[1], story[2]
    for line, right in ((17, "`json.load`"), (20, "`json`"), (27, "`json.loads`")):
        finding = blocked.partition(f"shortener/web/moving.py:{line}:")[2].partition("moving.py")[0]
        assert f"did you mean {right}?" in finding
    assert "✗ checks" in blocked
    assert "✗ owners" in blocked
    assert "✓ checks" in fixed
    assert "@nehemiah  " in fixed
    assert place.left() == []


@pytest.mark.slow
def test_whoever_runs_it_has_no_say_by_their_own_settings(place: Place, tmp_path: Path) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    (place.home / ".gitconfig").write_text(
        f"[core]\n\thooksPath = {hooks}\n[commit]\n\tgpgSign = true\n[init]\n\ttemplateDir = /nowhere\n"
    )
    target = tmp_path / "kept"
    code, out, err = place.demo(
        "--keep",
        str(target),
        GIT_DIR="/nowhere",
        GIT_AUTHOR_EMAIL="somebody@example.com",
        VIRTUAL_ENV="/nowhere",
        FORCE_COLOR="1",
    )
    assert code == 0, err
    assert f"cd {target}/shortener" in out
    assert "\x1b[" in out

    def git(*arguments: str) -> str:
        argv = ["git", "-C", str(target / "shortener"), *arguments]
        environ = place.environ({"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"})
        return subprocess.run(argv, env=environ, check=True, capture_output=True, text=True).stdout

    assert git("status", "--porcelain") == ""
    assert git("rev-list", "--count", "--first-parent", "main") == "2\n"
    assert set(git("log", "--format=%ae %ce", "version-2", "^main~").split()) == {"new@acme.example"}
    assert "json.load(urls_file)" in git("show", "main:shortener/web/moving.py")
    assert [path.name for path in place.left()] == [".gitconfig"]


@pytest.mark.parametrize("kind", ["full", "file", "below a file"])
def test_a_folder_that_cannot_be_used_is_refused_and_left_alone(place: Place, kind: str) -> None:
    (place.cwd / "work").mkdir()
    (place.cwd / "work" / "mine.txt").write_text("mine")
    target = {"full": "work", "file": "work/mine.txt", "below a file": "work/mine.txt/x"}[kind]
    code, out, err = place.demo("--keep", target)
    assert (code, out) == (2, "")
    assert f"--keep {target}:" in err
    assert "Traceback" not in err
    assert (place.cwd / "work" / "mine.txt").read_text() == "mine"
    assert len(place.left()) == 2


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_ended_midway_it_leaves_nothing_behind(place: Place, number: signal.Signals) -> None:
    process = place.start()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("$ gate check"):
            break
    until(lambda: bool(below(place.temporary, tool="mypy")))
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert place.left() == []
    assert below(place.temporary) == []


def test_killed_midway_it_has_touched_nothing_but_its_own_folder(place: Place) -> None:
    process = place.start()
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("$ git commit"):
            break
    process.kill()
    process.communicate(timeout=PATIENCE)
    until(lambda: not below(place.temporary))
    assert list(place.cwd.iterdir()) == list(place.home.iterdir()) == []
    assert [path.name.startswith("gate-demo-") for path in place.temporary.iterdir()] == [True]


def below(folder: Path, tool: str = "") -> list[str]:
    """The command lines of the processes that work below `folder`, of `tool` if it is named."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and str((entry / "cwd").readlink()).startswith(str(folder)):
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [line for line in found if tool in line]


def test_a_step_that_goes_otherwise_is_no_success(place: Place, tmp_path: Path) -> None:
    code, out, err = place.demo(
        PATH=with_git_that(tmp_path, 'case "$1" in commit) echo no >&2; exit 9;; esac')
    )
    assert code == 1
    assert commands(out)[-1].startswith("git commit")
    assert "ended with exit code 9, and 0 was expected" in err
    assert place.left() == []


def with_git_that(folder: Path, script: str) -> str:
    """A PATH on which git first does what `script` says."""
    (folder / "bin").mkdir()
    wrapper = folder / "bin" / "git"
    wrapper.write_text(f'#!/bin/sh\n{script}\nexec {shlex.quote(shutil.which("git") or "git")} "$@"\n')
    wrapper.chmod(0o755)
    return f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"


def test_without_ssh_keygen_it_says_so(place: Place, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(shutil.which("git") or "git")
    code, _, err = place.demo(PATH=str(tmp_path / "bin"))
    assert code == 3
    assert "ssh-keygen is not installed" in err
    assert place.left() == []


def test_with_flask_all_but_the_real_servers_is_tested(tmp_path: Path) -> None:
    stage = set_stage(tmp_path, os.environ)
    policy = load_policy((tmp_path / "shortener" / "gate.yaml").read_bytes())
    assert policy.checks["tests"].args == ("-m", "not slow")
    assert "real server" in stage
    assert policy.people["@nehemiah"].keys[0].startswith("ssh-ed25519 ")


def test_without_flask_the_tests_that_need_it_are_left_out_and_that_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "flask", None)
    stage = set_stage(tmp_path, os.environ)
    policy = load_policy((tmp_path / "shortener" / "gate.yaml").read_bytes())
    args = policy.checks["tests"].args
    assert "flask is not installed here" in stage
    assert args == ("--ignore=tests/web",)
    without = (
        "import sys, pytest; sys.modules |= dict.fromkeys(['flask', 'prometheus_client', 'gunicorn']);"
        f"sys.exit(pytest.main([*{args!r}, '--collect-only', '-p', 'no:cacheprovider']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", without],
        cwd=tmp_path / "shortener",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_the_samples_owners_are_people_of_its_policy() -> None:
    policy = load_policy((sample() / "gate.yaml").read_bytes())
    found = locate({"CODEOWNERS": (sample() / "CODEOWNERS").read_bytes()})
    assert found is not None
    owners = parse((sample() / "CODEOWNERS").read_bytes(), *found)
    assert owners.mistakes == ()
    named = {owner for section in owners.sections for rule in section.rules for owner in rule.owners}
    assert named <= policy.people.keys() | policy.teams.keys()
