"""The type checkers besides mypy: ty, pyrefly, pyright, and basedpyright, each with its own JSON format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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
from gate.finding import Finding, Severity
from gate.json_input import parse_json
from gate.wording import count

SETTINGS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "mypy": (("mypy.ini", ".mypy.ini"), ("mypy",)),
    "ty": (("ty.toml",), ("ty",)),
    "pyrefly": (("pyrefly.toml",), ("pyrefly",)),
    "basedpyright": ((), ("basedpyright",)),
    "pyright": (("pyrightconfig.json",), ("pyright",)),
}
"""The settings of each type checker: its own files, and its tables in pyproject.toml."""
NOT_INSTALLED = frozenset({
    "import-not-found", "unresolved-import", "missing-import", "missing-source-for-stubs", "reportMissingImports",
    "reportMissingModuleSource", "reportMissingTypeStubs",
})  # fmt: skip
"""Rules about unresolved imports, which mean nothing without an environment."""


def chosen(settings: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the type checkers that a project has settings for, mypy first."""
    pyproject = settings.get("pyproject.toml", b"")
    names = []
    for name, (files, tables) in SETTINGS.items():
        marks = [
            mark for table in tables for mark in (f"[tool.{table}]".encode(), f"[tool.{table}.".encode())
        ]
        in_cfg = name == "mypy" and b"[mypy" in settings.get("setup.cfg", b"")
        if in_cfg or any(file in settings for file in files) or any(mark in pyproject for mark in marks):
            names.append(name)
    return tuple(names)


class Checker:
    """A type checker with the project's own settings, or its own defaults."""

    runs_code = False
    cache_travels = False

    def __init__(self, distribution: str) -> None:
        """`distribution` is the checker's name."""
        self.distribution = distribution

    def reads(self, path: str) -> bool:
        """Return whether it is a Python file or settings."""
        return reads_python(path)

    def idle(self, job: Job) -> Report | None:
        """Without Python files, there is nothing to check."""
        return None if python_count(job.files) else Report((), "no Python files", 0)

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Check the whole project against the project's interpreter."""
        configured = self.distribution in chosen(job.settings)
        argv = [*job.tool]
        env: dict[str, str] = {}
        if self.distribution == "ty":
            argv += ["check", "--output-format=gitlab", "--project", ".", "--python", job.python]
            env = {"HOME": job.scratch, "XDG_CONFIG_HOME": job.scratch}
        elif self.distribution == "pyrefly":
            argv += ["check", "--output-format=json", f"--python-interpreter-path={job.python}"]
        else:
            # Given a file or folder on the command line, it doesn't look for settings above the tree.
            argv += ["--outputjson", "--pythonpath", job.python, *([] if configured else ["."])]
        return (Invocation((*argv, *job.check.args), env),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Parse the JSON that comes with exit codes 0 and 1. Any other exit code is a failure to run."""
        if left.returncode not in {0, 1}:
            output = left.stderr if left.stderr.strip() else left.stdout
            return Unreadable(
                f"{self.distribution} failed to start: {last_line(output)}",
                "fix its settings or its installation",
            )
        try:
            reported = list(READERS[self.distribution](parse_json(left.stdout or "[]"), job.root))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Unreadable(
                f"the report of {self.distribution} cannot be read",
                f"another version of {self.distribution} may work",
            )
        errors = [item for item in reported if item.severity == "error"]
        # Some type checkers can be configured to fail on warnings too.
        reportable = errors if errors or not left.returncode else reported
        if left.returncode and not reportable:
            return Unreadable(f"{self.distribution} failed and did not say why: {last_line(left.stderr)}")
        findings = tuple(
            _with_hint(item) for item in reportable if job.found or item.rule not in NOT_INSTALLED
        )
        notes = [count(python_count(job.files), "file")]
        notes += [] if job.found else ["no virtual environment found; import errors ignored"]
        return Report(findings, "; ".join(notes), python_count(job.files))


def _with_hint(finding: Finding) -> Finding:
    """Return the finding with only the first line as its message, and the rest as its hint."""
    message, _, rest = finding.message.partition("\n")
    return replace(finding, message=message, hint=" ".join(rest.split()))


def _ty(data: Any, root: str) -> Iterator[Finding]:
    severities: dict[str, Severity] = {
        "blocker": "error",
        "critical": "error",
        "major": "error",
        "minor": "warning",
    }
    for item in data:
        begin, end = item["location"]["positions"]["begin"], item["location"]["positions"]["end"]
        rule = str(item["check_name"])
        yield Finding(
            relative(str(item["location"]["path"]), root),
            int(begin["line"]),
            int(begin["column"]),
            int(end["line"]),
            rule,
            severities.get(str(item["severity"]), "note"),
            str(item["description"]).removeprefix(f"{rule}: "),
        )


def _pyrefly(data: Any, root: str) -> Iterator[Finding]:
    severities: dict[str, Severity] = {"error": "error", "warn": "warning"}
    for item in data["errors"] if data else ():
        yield Finding(
            relative(str(item["path"]), root),
            int(item["line"]),
            int(item["column"]),
            int(item["stop_line"]),
            str(item["name"]),
            severities.get(str(item.get("severity", "error")), "note"),
            str(item.get("concise_description") or item["description"]),
        )


def _pyright(data: Any, root: str) -> Iterator[Finding]:
    severities: dict[str, Severity] = {"error": "error", "warning": "warning"}
    for item in _diagnostics(data):
        begin, end = item["range"]["start"], item["range"]["end"]
        yield Finding(
            relative(str(item["file"]), root),
            int(begin["line"]) + 1,
            int(begin["character"]) + 1,
            int(end["line"]) + 1,
            str(item.get("rule") or "pyright"),
            severities.get(str(item["severity"]), "note"),
            str(item["message"]),
        )


def _diagnostics(data: Any) -> Iterable[Any]:
    if int(data["summary"]["filesAnalyzed"]) < 1:
        raise ValueError("it checked nothing")
    diagnostics: Iterable[Any] = data["generalDiagnostics"]
    return diagnostics


READERS = {"ty": _ty, "pyrefly": _pyrefly, "pyright": _pyright, "basedpyright": _pyright}
