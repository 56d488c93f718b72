"""The `names` check: gate's own program, started like any other tool."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gate.checks.tool import (
    Invocation,
    Job,
    Left,
    Report,
    Unreadable,
    count_of,
    last_line,
    python_count,
    reads_python,
    relative,
)
from gate.finding import Finding
from gate.json_input import parse_json

READ = (".yaml", ".yml", ".json", ".conf", ".txt", ".lock", ".in", "Procfile", "Pipfile")
"""What else is read: settings that name Python objects, and lists of what the project depends on."""


class Names:
    """Misspelt names and calls of the wrong kind."""

    distribution = ""
    runs_code = False
    cache_travels = True

    def reads(self, path: str) -> bool:
        """Python files, notebooks, settings, and lists of dependencies."""
        return reads_python(path) or path.endswith(READ) or path.startswith("requirements/")

    def idle(self, job: Job) -> Report | None:
        """There is nothing to read without Python files."""
        return None if python_count(job.files) else Report((), "no Python files", 0)

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """gate's interpreter reads the tree; it never runs or imports anything in it."""
        argv = [*job.tool, "--root", job.root, "--cache", job.cache, "--format", "json"]
        if job.found:
            argv += ["--python", job.python]
        for rule in job.check.disable:
            argv += ["--disable", rule]
        return (Invocation((*argv, *job.check.args)),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """One JSON object, and exit code 0."""
        if left.returncode != 0:
            return Unreadable(
                f"the names check could not run: {last_line(left.stderr)}", "this is a defect in gate"
            )
        try:
            answer = parse_json(left.stdout)
            findings = tuple(_finding(item, job.root) for item in answer["findings"])
            count = int(answer["files"])
        except (ValueError, KeyError, TypeError):
            return Unreadable("the answer of the names check cannot be read", "this is a defect in gate")
        return Report(findings, count_of(count, "file"), count)


def _finding(item: dict[str, Any], root: str) -> Finding:
    finding = Finding.from_data(item)
    return replace(finding, path=relative(finding.path, root))
