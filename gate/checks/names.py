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
    last_line,
    python_count,
    reads_python,
    relative,
)
from gate.finding import Finding
from gate.json_input import parse_json
from gate.wording import count

READ = (".yaml", ".yml", ".json", ".conf", ".txt", ".lock", ".in", "Procfile", "Pipfile")
"""Other files to read: settings that name Python objects, and lists of dependencies."""


class Names:
    """Misspelled names, and calls with wrong arguments."""

    distribution = ""
    runs_code = False
    cache_travels = True

    def reads(self, path: str) -> bool:
        """Return whether it is a Python file, a notebook, settings, or a list of dependencies."""
        return reads_python(path) or path.endswith(READ) or path.startswith("requirements/")

    def idle(self, job: Job) -> Report | None:
        """Without Python files, there is nothing to check."""
        return None if python_count(job.files) else Report((), "no Python files", 0)

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Run gate's interpreter, which reads the tree but never runs or imports anything in it."""
        argv = [*job.tool, "--root", job.root, "--cache", job.cache, "--format", "json"]
        if job.found:
            argv += ["--python", job.python]
        for rule in job.check.disable:
            argv += ["--disable", rule]
        return (Invocation((*argv, *job.check.args)),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Parse one JSON object with exit code 0."""
        if left.returncode != 0:
            return Unreadable(
                f"the names check could not run: {last_line(left.stderr)}",
                "this is a bug in gate; please report it",
            )
        try:
            answer = parse_json(left.stdout)
            findings = tuple(_finding(item, job.root) for item in answer["findings"])
            files = int(answer["files"])
        except (ValueError, KeyError, TypeError):
            return Unreadable(
                "the output of the names check cannot be read", "this is a bug in gate; please report it"
            )
        return Report(findings, count(files, "file"), files)


def _finding(item: dict[str, Any], root: str) -> Finding:
    finding = Finding.from_data(item)
    return replace(finding, path=relative(finding.path, root))
