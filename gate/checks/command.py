"""Any command: evaluated by its exit code, or by a report in a supported format."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from gate.checks.tool import NOT_EXECUTED, Invocation, Job, Left, Report, Unreadable, last_line, relative
from gate.finding import TEST_FAILED, Finding, Severity
from gate.json_input import parse_json

FILES = "{files}"
"""A word in a command that is replaced by the changed files, each as one argument."""


class Command:
    """A command from the policy. `{scratch}` in it is an empty folder, and `{report}` the file for its report."""

    distribution = ""
    runs_code = True
    cache_travels = False

    def reads(self, path: str) -> bool:
        """Any file may affect the result."""
        return bool(path)

    def idle(self, job: Job) -> Report | None:
        """A command runs unless it is limited to changed files and there are none."""
        lists_files = FILES in (*job.check.command, *job.check.args)
        return Report((), "no changed files", 0) if lists_files and not job.changed else None

    def commands(self, job: Job) -> tuple[Invocation, ...]:
        """Return the command as the policy has it."""
        words: list[str] = []
        for word in (*job.check.command, *job.check.args):
            if word == FILES:
                words += job.changed
            else:
                words.append(word.replace("{scratch}", job.scratch).replace("{report}", job.report))
        return (Invocation(tuple(words)),)

    def read(self, job: Job, left: Left) -> Report | Unreadable:
        """Return the findings in the report, or one finding for an exit code other than 0.

        A command that says that it could not start a program is broken.
        """
        if left.returncode in NOT_EXECUTED:
            last = last_line(left.stderr if left.stderr.strip() else left.stdout)
            reason = f"{job.check.command[0]} could not start a program (exit code {left.returncode}): {last}"
            return Unreadable(reason, "see that it is installed where the checks run", by_tree=True)
        if job.check.report == "none":
            return Report(() if left.returncode == 0 else (_failed(job, left),))
        raw = left.report if left.report is not None else left.stdout.encode("utf-8", "surrogateescape")
        try:
            read = _sarif if job.check.report == "sarif" else _junit
            findings, seen = read(raw, job.root)
        except (
            ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError, RecursionError,
            ElementTree.ParseError,
        ):  # fmt: skip
            return Unreadable(
                f"{job.check.id}: its {job.check.report} report cannot be read",
                "let it write the report to {report}, or to standard output",
            )
        if left.returncode != 0 and not findings:
            findings = (_failed(job, left),)
        return Report(findings, seen=seen)


def _failed(job: Job, left: Left) -> Finding:
    last = last_line(left.stderr if left.stderr.strip() else left.stdout)
    return Finding(
        "", 0, 0, 0, "exit-code", "error", f"{job.check.command[0]} ended with {left.returncode}: {last}"
    )


def _sarif(raw: bytes, root: str) -> tuple[tuple[Finding, ...], int | None]:
    """Return the findings of every run. SARIF doesn't say how many files were checked.

    Raises ValueError if a run is incomplete: it says so itself, or has no results, which is different from an empty
    list (SARIF 2.1.0, 3.14.23, and 3.20.14).
    """
    severities: dict[str, Severity] = {"error": "error", "warning": "warning", "note": "note", "none": "note"}
    findings = []
    runs = parse_json(raw)["runs"]
    if not runs:
        raise ValueError("the report contains no run")
    for run in runs:
        if any(invocation.get("executionSuccessful") is False for invocation in run.get("invocations") or []):
            raise ValueError("the tool reports that it failed")
        for result in run["results"]:
            locations = result.get("locations") or [{}]
            physical: dict[str, Any] = locations[0].get("physicalLocation", {})
            region = physical.get("region", {})
            line = int(region.get("startLine", 0))
            uri = str(physical.get("artifactLocation", {}).get("uri", "")).removeprefix("file://")
            findings.append(
                Finding(
                    relative(uri, root),
                    line,
                    int(region.get("startColumn", 1 if line else 0)),
                    int(region.get("endLine", line)),
                    str(result.get("ruleId", "")),
                    severities.get(result.get("level", "warning"), "warning"),
                    str(result["message"]["text"]),
                )
            )
    return tuple(findings), None


def _junit(raw: bytes, root: str) -> tuple[tuple[Finding, ...], int | None]:
    """Return the failures and the number of tests."""
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
        raise ValueError("a document type is not allowed")
    findings = []
    report = ElementTree.fromstring(raw)  # noqa: S314  the check above rejects entities
    if report.tag not in {"testsuites", "testsuite"}:
        raise ValueError("not a JUnit or Checkstyle report")
    cases = list(report.iter("testcase"))
    for case in cases:
        for bad in [*case.findall("failure"), *case.findall("error")]:
            line = int(case.get("line") or 0)
            name = ".".join(filter(None, (case.get("classname"), case.get("name"))))
            findings.append(
                Finding(
                    relative(case.get("file") or "", root),
                    line,
                    1 if line else 0,
                    line,
                    TEST_FAILED,
                    "error",
                    f"{name}: {(bad.get('message') or bad.text or 'failed').strip().splitlines()[0]}",
                )
            )
    return tuple(findings), len(cases)
