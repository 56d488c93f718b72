"""Ask the installed gate. Anything but a clear yes means no."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from release.machine import run, visible
from release.problems import CannotGo, Refused
from release.settings import Settings

COME_WITH_TIME = {"soaked", "metric"}
LONGEST = 900.0
SILENCE = 60.0
"""Time limits in seconds: to check a release, and to fetch from a remote or record a release."""
AGAIN = 2.0
"""Seconds between two checks by gate."""


def fetch(settings: Settings) -> str:
    """Fetch commits and the approval log from origin, without a checkout; return why that failed, or ""."""
    root = settings.root
    if run(["git", "remote", "get-url", "origin"], cwd=root)[0]:
        return ""
    code, output = run(["git", "fetch", "--quiet", "origin"], cwd=root, seconds=SILENCE)
    # The log may not exist yet.
    log = "+refs/gate/log:refs/gate/remotes/origin/log"
    run(["git", "fetch", "--quiet", "origin", log], cwd=root, seconds=SILENCE)
    return f"origin could not be fetched from: {output}" if code else ""


def may_enter(settings: Settings, environment: str, revision: str) -> str:
    """Ask whether the release is allowed and can be recorded, before it affects any visitor.

    Returns who waived the requirements, or "" if none were waived. Raises Refused with gate's reason.
    """
    verdict = _check(settings, environment, revision, must_pass=True)
    _ask(settings, "promote", revision, "--into", environment, "--dry-run")
    waivers = [one for one in verdict.get("approvals", []) if one["kind"] == "waive" and one["counted"]]
    return visible("; ".join(f"{one['by']}: {one['why']}" for one in waivers))


def wait(
    settings: Settings, environment: str, revision: str, seconds: float, say: Callable[[str], None]
) -> None:
    """Wait up to `seconds` for requirements that only need time. The caller asks `may_enter` afterwards."""
    until, shown = time.monotonic() + seconds, set[str]()
    while time.monotonic() < until:
        requirements = _check(settings, environment, revision).get("requirements", [])
        missing = {
            one["id"]: one["reason"] for one in requirements if one["outcome"] in {"unmet", "undecided"}
        }
        if not missing or missing.keys() - COME_WITH_TIME:
            return
        if shown != missing.keys():
            shown = set(missing)
            say(f"{environment}: waiting: {'; '.join(missing.values())}")
        time.sleep(AGAIN)


def record(settings: Settings, environment: str, revision: str) -> None:
    """Record the release. Raises Refused if that is not allowed."""
    _ask(settings, "promote", revision, "--into", environment, seconds=2 * SILENCE)


def _check(settings: Settings, environment: str, revision: str, *, must_pass: bool = False) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "verdict.json"
        words = ("check", "--into", environment, "--head", revision, f"--report=json={report}")
        if must_pass:
            _ask(settings, *words)
        else:
            run([*settings.gate, *words], cwd=settings.root, seconds=LONGEST)
        verdict: dict[str, Any] = json.loads(report.read_text("utf-8")) if report.exists() else {}
        return verdict


def _ask(settings: Settings, *words: str, seconds: float = LONGEST) -> None:
    try:
        code, output = run([*settings.gate, *words], cwd=settings.root, seconds=seconds)
    except CannotGo as error:
        raise Refused(f"{error}: without gate nothing is released") from error
    if output.endswith("No module named gate"):
        raise Refused("gate is not installed (pip install merge-gate): without gate nothing is released")
    if code:
        shown = " ".join(word for word in words if not word.startswith("--report"))
        # The last paragraph of gate's output, which gate wraps.
        lines: list[str] = []
        for line in output.splitlines():
            lines = [*lines, line.strip()] if line[:1].isspace() else [line]
        conclusion = " ".join(filter(None, lines)) or "gate prints nothing"
        raise Refused(f"{conclusion} (`gate {shown}` ended with {code})\n{output}".rstrip())
