"""What tox, nox, commands, and hooks end with: the project's own command failed, could not run, or nothing ran."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.company import Clone

from gate.checks import TOOLS, Job, Left, Report, Unreadable
from gate.policy.types import CheckSettings

NOXFILE = """\
import sys

import nox

nox.options.default_venv_backend = "none"
nox.options.error_on_missing_interpreters = True


@nox.session
@nox.parametrize("code", [0, 1, 127])
def end(session, code):
    session.run(sys.executable, "-c", f"raise SystemExit({code})")


@nox.session
def missing(session):
    session.run("no-such-program")


@nox.session
def killed(session):
    session.run(sys.executable, "-c", "import os; os.kill(os.getpid(), 9)")


@nox.session
def error(session):
    session.error("not like this")


@nox.session
def skip(session):
    session.skip("not today")


@nox.session
def crash(session):
    raise RuntimeError("a bug in the session")


@nox.session(python="3.1", venv_backend="venv")
def old(session):
    pass


@nox.session
def install(session):
    session.run(sys.executable, "-m", "pip", "install", "--no-index", "no-such-package-here")


@nox.session(requires=["missing"])
def after(session):
    pass
"""
TOX_INI = """\
[tox]
no_package = true
[testenv]
skip_install = true
allowlist_externals = sh
[testenv:pass]
commands = python -c ""
[testenv:fail]
commands = python -c "raise SystemExit(1)"
[testenv:ignored]
ignore_outcome = true
commands = python -c "raise SystemExit(1)"
[testenv:before]
commands_pre = python -c "raise SystemExit(1)"
commands = python -c ""
[testenv:killed]
commands = python -c "import os; os.kill(os.getpid(), 9)"
[testenv:missing]
commands = no-such-program
[testenv:shell]
commands = sh -c no-such-program
[testenv:forbidden]
commands = ls
[testenv:install]
deps = --no-index
    no-such-package-here
commands = python -c ""
[testenv:old]
base_python = python3.1
commands = python -c ""
[testenv:windows]
platform = win32
commands = python -c ""
"""
FAILED, STOPPED, NOTHING, PASSED = "failed", "could not run", "nothing ran", "passed"


def outcome(tool: str, args: list[str], folder: Path) -> tuple[str, Report | Unreadable]:
    """Run tox or nox as gate does, and read what it has written."""
    check = CheckSettings(tool, tool, args=tuple(args))
    program = (sys.executable, "-m", tool)
    job = Job(
        check, str(folder), program, own=True, python=sys.executable, found=True, files=(), settings={},
        scratch=f"{folder}/scratch", cache=f"{folder}/cache", report=f"{folder}/report",
    )  # fmt: skip
    (invocation,) = TOOLS[tool].commands(job)
    report = Path(job.report)
    # Variables by which both tools select sessions and color their output don't reach a check either.
    env = {name: value for name, value in os.environ.items() if not re.match(r"NOX|TOX|.*COLOR", name)}
    done = subprocess.run(invocation.argv, cwd=folder, capture_output=True, text=True, check=False, env=env)
    left = Left(done.returncode, done.stdout, done.stderr, report.read_bytes() if report.exists() else None)
    read = TOOLS[tool].read(job, left)
    if isinstance(read, Unreadable):
        return STOPPED, read
    return FAILED if read.findings else NOTHING if read.seen == 0 else PASSED, read


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sessions", "expected", "shown"),
    [
        ("end(code=0)", PASSED, "1 passed"),
        ("end(code=1)", FAILED, "end(code=1) failed"),
        ("end", FAILED, "end(code=127) could not run: Command"),
        ("end(code=127)", STOPPED, "failed with exit code 127"),
        ("missing", STOPPED, "missing could not run: Program no-such-program not found"),
        ("killed", FAILED, "killed failed"),
        ("error", FAILED, "error failed: not like this"),
        ("skip", NOTHING, "skip was skipped: not today"),
        ("skip end(code=0)", PASSED, "1 passed"),
        ("crash", FAILED, "crash failed"),
        ("old", STOPPED, "3.1"),
        ("install", STOPPED, "-m pip install"),
        ("after", STOPPED, "after could not run: Prerequisite session"),
        ("no-such-session", STOPPED, "no-such-session"),
    ],
)
def test_what_sessions_of_nox_end_with(tmp_path: Path, sessions: str, expected: str, shown: str) -> None:
    (tmp_path / "noxfile.py").write_text(NOXFILE)
    result, read = outcome("nox", ["-s", *sessions.split()], tmp_path)
    assert result == expected, read
    assert shown in text_of(read)


def test_a_session_that_fails_without_an_environment_has_failed(tmp_path: Path) -> None:
    (tmp_path / "noxfile.py").write_text(NOXFILE)
    result, read = outcome("nox", ["-s", "end(code=0)", "end(code=1)"], tmp_path)
    assert result == FAILED
    assert isinstance(read, Report)
    assert (read.note, read.seen) == ("1 passed, 1 failed", 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environments", "expected", "shown"),
    [
        ("pass", PASSED, "1 passed"),
        ("fail", FAILED, "fail failed"),
        ("pass,fail", FAILED, "1 passed, 1 failed"),
        ("fail,old", FAILED, "old could not run"),
        ("ignored", PASSED, ""),
        ("before", FAILED, "before failed"),
        ("killed", FAILED, "killed failed"),
        ("missing", STOPPED, "No such file or directory: 'no-such-program'"),
        ("shell", STOPPED, "not found"),
        ("forbidden", STOPPED, "ls is not allowed"),
        ("install", STOPPED, "no-such-package-here"),
        ("old", STOPPED, "could not find python interpreter"),
        ("windows", STOPPED, "windows was skipped: platform"),
        ("pass,windows", PASSED, "1 passed"),
        ("no-such-environment", STOPPED, "no-such-environment"),
    ],
)
def test_what_environments_of_tox_end_with(
    tmp_path: Path, environments: str, expected: str, shown: str
) -> None:
    (tmp_path / "tox.ini").write_text(TOX_INI)
    result, read = outcome("tox", ["-e", environments], tmp_path)
    assert result == expected, read
    assert shown in text_of(read)


def text_of(read: Report | Unreadable) -> str:
    if isinstance(read, Unreadable):
        return read.reason
    return "\n".join([read.note, *(finding.message for finding in read.findings)])


@pytest.mark.parametrize("tool", ["nox", "tox"])
@pytest.mark.parametrize(
    "report", [None, b"", b"{", b"[]", b'{"sessions": [{}], "testenvs": {"a": {"test": [1]}}}']
)
def test_without_a_report_that_can_be_read_nothing_is_known(tool: str, report: bytes | None) -> None:
    check = CheckSettings(tool, tool)
    job = Job(
        check, "/tree", (tool,), own=True, python="python", found=True, files=(), settings={}, scratch="", cache="",
        report="",
    )  # fmt: skip
    read = TOOLS[tool].read(job, Left(1, "", "boom", report))
    assert isinstance(read, Unreadable)
    assert read.reason == f"{tool} failed: boom"


@pytest.mark.parametrize(
    ("script", "code", "result"),
    [
        pytest.param("exit 0", 0, "passed", id="passes"),
        pytest.param("exit 1", 1, "failed", id="fails"),
        pytest.param("exit 2", 1, "failed", id="fails like make"),
        pytest.param("no-such-program", 3, "broken", id="a program is missing"),
        pytest.param("touch $TMPDIR/a; exec $TMPDIR/a", 3, "broken", id="a program can't be executed"),
        pytest.param("kill -9 $$", 3, "broken", id="killed"),
    ],
)
def test_what_commands_end_with(project: Clone, script: str, code: int, result: str) -> None:
    policy = f"checks: {{own: {{command: [sh, -c, '{script}']}}}}\n"
    policy += "protect: {main: {require: {checks: [own]}}}\n"
    project.write({"gate.yaml": policy})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Add a policy")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"new.txt": "1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Change")
    done = project.gate_process("check", "--format", "json")
    (check,) = json.loads(done.out)["checks"]
    assert (done.code, check["outcome"]) == (code, result)


@pytest.mark.slow
def test_a_command_that_only_the_change_keeps_from_starting_fails(project: Clone) -> None:
    policy = "checks: {own: {command: [sh, -c, ./run.sh]}}\nprotect: {main: {require: {checks: [own]}}}\n"
    project.write({"gate.yaml": policy, "run.sh": "#!/bin/sh\nexit 0\n"})
    (project.path / "run.sh").chmod(0o755)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Add a script")
    project.git("checkout", "-q", "-b", "feature")
    project.git("rm", "-q", "run.sh")
    project.git("commit", "-q", "-m", "Remove the script")
    done = project.gate_process("check")
    assert done.code == 1, done.out
    assert "could not start a program (exit code 127)" in done.out
