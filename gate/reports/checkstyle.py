"""Checkstyle's XML, for tools that support nothing newer: all findings by file.

Existing findings have severity `info`. Anything else that blocks (a missing approval, a broken check) is an error on
the file it concerns, so that the report is never empty while the change is blocked.
"""

from __future__ import annotations

from gate.finding import Finding
from gate.model import Verdict
from gate.reports.context import ReportContext
from gate.reports.findings import Group, groups, help_of, obstacles
from gate.reports.markup import document, element
from gate.reports.words import visible_path

SEVERITIES = {"error": "error", "warning": "warning", "note": "info"}
NO_FILE = "gate.yaml"
"""The file of errors that aren't about a file."""


def render(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - the signature of every report
    """Return one `<error>` for each finding and each obstacle, below its `<file>`."""
    files: dict[str, list[str]] = {}
    for merge_blocker in obstacles(verdict):
        error = element(
            "error",
            {
                "line": 1,
                "severity": "error",
                "message": merge_blocker.text,
                "source": f"gate.{merge_blocker.id}",
            },
        )
        files.setdefault(merge_blocker.paths[0] if merge_blocker.paths else NO_FILE, []).append(error)
    for group in groups(verdict):
        for finding, blocks in group.marked():
            files.setdefault(finding.path or NO_FILE, []).append(_error(group, finding, blocks))
    content = [element("file", {"name": visible_path(path)}, *files[path]) for path in sorted(files)]
    return document(element("checkstyle", {"version": "4.3"}, *content))


def _error(group: Group, finding: Finding, blocks: bool) -> str:
    severity = SEVERITIES[finding.severity] if blocks or finding.new else "info"
    return element(
        "error",
        {
            "line": max(finding.line, 1),
            "column": finding.column or None,
            "severity": severity,
            "message": f"{finding.message} ({note})"
            if (note := help_of(group, finding))
            else finding.message,
            "source": f"gate.{group.id}.{finding.rule}",
        },
    )
