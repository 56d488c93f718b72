"""`tool: tox` and `tool: nox`: the project's environments or sessions, with one finding per failure."""

from __future__ import annotations

import re

from gate.checks.tool import Invocation, Job, Left, Report, Unreadable, last_line
from gate.finding import Finding

FAILED = {
    "tox": re.compile(
        r"^\s*(?P<name>[\w.{}:-]+): (?:FAIL|ERROR|FAIL code .*|commands failed)\b.*$", re.MULTILINE
    ),
    "nox": re.compile(r"^nox > \* (?P<name>.+?): (?:failed|aborted)\b.*$", re.MULTILINE),
}
PASSED = {
    "tox": re.compile(r"^\s*(?P<name>[\w.{}:-]+): (?:OK|SKIP)\b", re.MULTILINE),
    "nox": re.compile(
        r"^nox > (?:\* .+?: (?:success|skipped)|Session .+? (?:was successful|skipped))", re.MULTILINE
    ),
}
FILES = {"tox": ("tox.ini", "tox.toml", "pyproject.toml", "setup.cfg"), "nox": ("noxfile.py",)}


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
        where = ["--workdir", job.cache] if self.distribution == "tox" else ["--envdir", job.cache]
        return (Invocation((*job.tool, *where, *job.check.args)),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Return a finding for each failure. A run that names no environment or session is a failure to run."""
        output = f"{left.stdout}\n{left.stderr}"
        failed = list(dict.fromkeys(match["name"] for match in FAILED[self.distribution].finditer(output)))
        passed = len({match[0].strip() for match in PASSED[self.distribution].finditer(output)})
        if left.returncode == 0 and not failed:
            return Report((), f"{passed} passed" if passed else "", passed or None)
        if not failed:
            return Unreadable(
                f"{self.distribution} failed: {last_line(left.stderr if left.stderr.strip() else left.stdout)}",
                f"run `{' '.join([self.distribution, *job.check.args])}` to see more",
            )
        rule = self.distribution
        return Report(
            tuple(
                Finding("", 0, 0, 0, rule, "error", f"{name} failed", f"{rule} -e {name}") for name in failed
            ),
            f"{passed} passed, {len(failed)} failed",
            passed + len(failed),
        )
