"""Ask the installed gate. Anything but a clear yes means no."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

from machine.environments import Environment
from machine.problems import CannotGo, Refused, Say
from machine.system import run, visible

COME_WITH_TIME = {"soaked", "metric"}
LONGEST = 900.0
SILENCE = 60.0
"""Time limits in seconds: to check a release, and to fetch from a remote or record a release."""
AGAIN = 2.0
"""Seconds between two checks by gate."""
LOG = "+refs/gate/log:refs/gate/remotes/origin/log"


def fetch(environment: Environment, say: Say) -> None:
    """Fetch commits and the approval log from origin, if there is one, without a checkout. Without it, go on."""
    root = environment.settings.root
    if run(["git", "remote", "get-url", "origin"], cwd=root)[0] == 0:
        code, output = run(["git", "fetch", "--quiet", "origin"], cwd=root, seconds=SILENCE)
        # The log may not exist yet.
        run(["git", "fetch", "--quiet", "origin", LOG], cwd=root, seconds=SILENCE)
        if code:
            say(f"{environment.name}: origin could not be fetched from: {output}")


def may_enter(environment: Environment, revision: str) -> str:
    """Ask whether the release is allowed and can be recorded, before it affects any visitor.

    Returns who waived the requirements, or "" if none were waived. Raises Refused with gate's reason.
    """
    code, output, verdict = _check(environment, revision)
    _must(code, output, f"check --into {environment.name} --head {revision}")
    record(environment, revision, "--dry-run")
    waivers = [one for one in verdict.get("approvals", []) if one["kind"] == "waive" and one["counted"]]
    return visible("; ".join(f"{one['by']}: {one['why']}" for one in waivers))


def wait(environment: Environment, revision: str, seconds: float, say: Say) -> None:
    """Wait up to `seconds` for requirements that only need time. The caller asks `may_enter` afterwards."""
    until, shown = time.monotonic() + seconds, set[str]()
    while time.monotonic() < until:
        _, _, verdict = _check(environment, revision)
        unmet = [one for one in verdict.get("requirements", []) if one["outcome"] in {"unmet", "undecided"}]
        missing = {one["id"] for one in unmet}
        if not missing or missing - COME_WITH_TIME:
            return
        if shown != missing:
            shown = missing
            say(f"{environment.name}: waiting: {'; '.join(one['reason'] for one in unmet)}")
        time.sleep(AGAIN)


def record(environment: Environment, revision: str, *words: str) -> None:
    """Record the release. Raises Refused if that is not allowed."""
    words = ("promote", revision, "--into", environment.name, *words)
    _must(*_run(environment, words, LONGEST if "--dry-run" in words else 2 * SILENCE), " ".join(words))


def _check(environment: Environment, revision: str) -> tuple[int, str, dict[str, Any]]:
    """Return gate's exit code, output, and verdict ({} without one)."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "verdict.json"
        words = ("check", "--into", environment.name, "--head", revision, f"--report=json={report}")
        code, output = _run(environment, words, LONGEST)
        return code, output, json.loads(report.read_text("utf-8")) if report.exists() else {}


def _run(environment: Environment, words: tuple[str, ...], seconds: float) -> tuple[int, str]:
    try:
        return run([*environment.settings.gate, *words], cwd=environment.settings.root, seconds=seconds)
    except CannotGo as error:
        raise Refused(f"{error}: without gate nothing is released") from error


def _must(code: int, output: str, command: str) -> None:
    """Raise Refused, with the last paragraph of gate's output in front, unless the exit code is 0."""
    if output.endswith("No module named gate"):
        raise Refused("gate is not installed (pip install merge-gate): without gate nothing is released")
    if code:
        lines: list[str] = []
        for line in output.splitlines():
            lines = [*lines, line.strip()] if line[:1].isspace() else [line]
        conclusion = " ".join(filter(None, lines)) or "gate prints nothing"
        raise Refused(f"{conclusion} (`gate {command}` ended with {code})\n{output}".rstrip())
