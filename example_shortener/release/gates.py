"""Where the pipeline asks gate. Nowhere else; and whatever is not a clear yes is a no."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from release.problems import CannotGo, Refused
from release.processes import run
from release.settings import Settings

TIME_MENDS = {"soaked", "metric"}
"""What gate may ask for that comes by itself: a release has to be in staging for some time, and do well there."""
AGAIN = 5.0
"""Seconds until gate is asked again."""


def may_enter(settings: Settings, environment: str, revision: str) -> None:
    """`gate check --into ENVIRONMENT --head REVISION`; raises Refused with what gate says, unless it ends with 0."""
    _ask(settings, "check", "--into", environment, "--head", revision)


def wait(
    settings: Settings, environment: str, revision: str, seconds: float, tell: Callable[[str], None]
) -> None:
    """Wait while nothing but time is missing, at most so long. What gate says then is for `may_enter` to find out."""
    until = time.monotonic() + seconds
    told: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        verdict = Path(folder) / "verdict.json"
        argv = [
            *settings.gate,
            "check",
            "--into",
            environment,
            "--head",
            revision,
            f"--report=json={verdict}",
        ]
        while time.monotonic() < until:
            verdict.unlink(missing_ok=True)
            code, _ = run(argv, cwd=settings.root)
            if code == 0 or not verdict.exists():
                return
            requirements = json.loads(verdict.read_text("utf-8"))["requirements"]
            missing = {
                requirement["id"]: requirement["reason"]
                for requirement in requirements
                if requirement["outcome"] in {"unmet", "undecided"}
            }
            if not missing or missing.keys() - TIME_MENDS:
                return
            if told != missing.keys():
                told = set(missing)
                tell(f"{environment}: waiting: {'; '.join(missing.values())}")
            time.sleep(AGAIN)


def has_entered(settings: Settings, environment: str, revision: str) -> None:
    """`gate promote REVISION --into ENVIRONMENT`: record that it is there; raises Refused if that may not be."""
    _ask(settings, "promote", revision, "--into", environment)


def _ask(settings: Settings, *question: str) -> None:
    try:
        code, said = run([*settings.gate, *question], cwd=settings.root)
    except CannotGo as error:
        raise Refused(f"{error}: without gate nothing goes out") from error
    if said.endswith("No module named gate"):
        raise Refused(
            "gate is not installed (.venv/bin/pip install merge-gate): without gate nothing goes out"
        )
    if code:
        last = said.splitlines()[-1:] or ["gate says nothing"]
        raise Refused(f"{last[0]} (`gate {' '.join(question)}` ended with {code})\n{said}".rstrip())
