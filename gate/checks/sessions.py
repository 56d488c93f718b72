"""`tool: tox` and `tool: nox`: the project's environments or sessions, with one finding per failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from gate.checks.tool import NOT_EXECUTED, Invocation, Job, Left, Report, Unreadable, last_line
from gate.finding import Finding
from gate.json_input import parse_json

FILES = {"tox": ("tox.ini", "tox.toml", "pyproject.toml", "setup.cfg"), "nox": ("noxfile.py",)}
PLACES = {"tox": ("--workdir", "--result-json"), "nox": ("--envdir", "--report")}
"""The options for the folder of the environments, and for the file with the results."""
NOX_LINE = re.compile(r"^nox > (.*)$", re.MULTILINE)
NOX_COMMAND = re.compile(r"^Command (?P<command>.+) failed with exit code (?P<code>-?\d+):?$", re.DOTALL)
NOX_MISSING = re.compile(r"^Program .+ not found\.?$")
INSTALLING = re.compile(
    r"^(?:\S*python\S* (?:-I )?-m (?:pip|ensurepip|virtualenv|venv)|\S*uv (?:pip (?:install|sync)|sync|venv)"
    r"|\S*pip3? install|\S*virtualenv|\S*(?:conda|mamba|micromamba) (?:create|install|env)"
    r"|\S*(?:poetry|pdm) (?:install|sync))\b"
)
TOX_STOPPED = r"^{}: (?:failed with|Exception running subprocess) (.+)$"

State = Literal["passed", "failed", "skipped", "stopped"]


@dataclass(frozen=True, slots=True)
class Session:
    """What came of a session or environment. One that is `stopped` did not get to run the project's command."""

    name: str
    state: State
    reason: str = ""


class Sessions:
    """tox or nox, with `args` to select environments or sessions."""

    runs_code = True
    cache_travels = False

    def __init__(self, distribution: str) -> None:
        """`distribution` is tox or nox."""
        self.distribution = distribution

    def reads(self, path: str) -> bool:
        """They may read any file."""
        return bool(path)

    def idle(self, job: Job) -> Report | None:
        """Without a configuration file, there is nothing to run."""
        files = FILES[self.distribution]
        return None if any(name in job.files for name in files) else Report((), f"no {files[0]}", 0)

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Run everything that runs by default, with environments outside the tree."""
        folder, report = PLACES[self.distribution]
        return (Invocation((*job.tool, folder, job.cache, report, job.report, *job.check.args)),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Return a finding for each failure, from the results that the tool has written.

        If sessions can't run the project's commands, and none has failed, nobody knows what these would have said.
        """
        sessions = self._sessions(left)
        count = {state: sum(session.state == state for session in sessions) for state in ("passed", "failed")}
        note = ", ".join(f"{number} {state}" for state, number in count.items() if number)
        skipped = [session for session in sessions if session.state == "skipped"]
        stopped = [session for session in sessions if session.state == "stopped"]
        if left.returncode == 0:
            nothing = not note and skipped
            return Report(
                (), _reasons(skipped) if nothing else note, 0 if nothing else count["passed"] or None
            )
        again = f"run `{' '.join([self.distribution, *job.check.args])}` to see more"
        if count["failed"]:
            failed = [session for session in sessions if session.state == "failed"]
            findings = (_finding(self.distribution, session) for session in failed)
            note = "; ".join(filter(None, [note, _reasons(stopped)]))
            return Report(tuple(findings), note, sum(count.values()))
        if stopped or skipped:
            return Unreadable(_reasons(stopped or skipped), again, by_tree=True)
        last = last_line(left.stderr if left.stderr.strip() else left.stdout)
        return Unreadable(f"{self.distribution} failed: {last}", again, by_tree=True)

    def _sessions(self, left: Left) -> list[Session]:
        read = _tox if self.distribution == "tox" else _nox
        try:
            # Written as UTF-8 by both. Without a report, nothing has run.
            return list(read(parse_json(left.report), f"{left.stdout}\n{left.stderr}")) if left.report else []
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return []


def _finding(tool: str, session: Session) -> Finding:
    message = f"{session.name} failed" + (f": {session.reason}" if session.reason else "")
    return Finding("", 0, 0, 0, tool, "error", message, f"{tool} -e {session.name}")


def _reasons(sessions: list[Session]) -> str:
    words = {"skipped": "was skipped", "stopped": "could not run"}
    return "; ".join(
        f"{session.name} {words[session.state]}" + (f": {session.reason}" if session.reason else "")
        for session in sessions
    )


def _nox(data: Any, output: str) -> Iterator[Session]:
    lines = _lines_by_session(output)
    states: dict[str, State] = {
        "success": "passed",
        "skipped": "skipped",
        "aborted": "failed",
        "failed": "failed",
    }
    for entry in data["sessions"]:
        name = entry["signatures"][0] if entry["signatures"] else entry["name"]
        state, reason = states[entry["result"]], str(entry.get("reason") or "")
        if entry["result"] == "failed":
            # nox gives a failed session a reason only if it could not start.
            stopped = reason or _why_stopped(lines.get(name, []))
            state, reason = ("stopped", stopped) if stopped else (state, "")
        elif reason.startswith("Prerequisite session "):
            state = "stopped"
        yield Session(name, state, reason)


def _lines_by_session(output: str) -> dict[str, list[str]]:
    """Return the lines that nox itself has printed about each session."""
    by_session: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in NOX_LINE.findall(output):
        if line.startswith("Running session "):
            lines = by_session.setdefault(line.removeprefix("Running session ").strip(), [])
        lines.append(line.strip())
    return by_session


def _why_stopped(lines: list[str]) -> str:
    """Return why a session could not run its command, or "" if its last command ran, and failed."""
    for line in reversed(lines):
        if NOX_MISSING.match(line):
            return line.rstrip(".")
        if command := NOX_COMMAND.match(line):
            stopped = INSTALLING.match(command["command"]) or int(command["code"]) in NOT_EXECUTED
            return line.rstrip(":") if stopped else ""
    return ""


def _tox(data: Any, output: str) -> Iterator[Session]:
    for name, entry in data["testenvs"].items():
        if not entry:
            # Not one of those to run.
            continue
        ran, result = entry.get("test") or [], entry.get("result")
        if result is None:
            # tox 3 says only what each command ended with.
            result = {"success": bool(ran) and not ran[-1]["retcode"]}
        if result.get("skipped"):
            platform = re.search(rf"^{re.escape(name)}: skipped because (.+)$", output, re.MULTILINE)
            yield Session(name, "skipped", platform[1].strip() if platform else "")
        elif result["success"]:
            yield Session(name, "passed")
        else:
            stopped = re.search(TOX_STOPPED.format(re.escape(name)), output, re.MULTILINE)
            executed = bool(ran) and ran[-1]["retcode"] not in NOT_EXECUTED
            if executed and not (stopped and stopped[0].startswith(f"{name}: Exception")):
                yield Session(name, "failed")
            else:
                yield Session(name, "stopped", stopped[1].strip() if stopped else _last_of_setup(entry))


def _last_of_setup(entry: Any) -> str:
    steps = (entry.get("setup") or []) + (entry.get("test") or [])
    if not steps:
        return ""
    step = steps[-1]
    printed = str(step.get("err") or step.get("output") or "")
    return last_line(printed) if printed.strip() else f"ended with {step['retcode']}"
