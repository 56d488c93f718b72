"""GitLab's code quality report: a list of issues, each identified by its fingerprint.

GitLab itself compares the list with that of the target branch, so it contains all findings; existing ones are `info`.
Obstacles other than findings are `blocker`s on the file they concern.
"""

from __future__ import annotations

from gate.finding import Finding
from gate.model import Verdict
from gate.reports.context import ReportContext
from gate.reports.findings import Fingerprints, Group, MergeBlocker, groups, help_of, obstacles
from gate.reports.verdict_json import Data, dump
from gate.reports.words import visible, visible_path

SEVERITIES = {"error": "major", "warning": "minor", "note": "info"}
NO_FILE = "gate.yaml"


def render(verdict: Verdict, context: ReportContext) -> str:
    """Return the issues as JSON."""
    names = Fingerprints(context.lines)
    issues = [_merge_blocker(merge_blocker, names) for merge_blocker in obstacles(verdict)]
    issues += [
        _finding(group, finding, blocks, fingerprint)
        for group in groups(verdict)
        for finding, blocks, fingerprint in names.marked(group)
    ]
    return dump(issues)


def _merge_blocker(merge_blocker: MergeBlocker, names: Fingerprints) -> Data:
    path = merge_blocker.paths[0] if merge_blocker.paths else NO_FILE
    fingerprint = names.of(merge_blocker.id, Finding(path, 0, 0, 0, "", "error", merge_blocker.text))
    return _issue(merge_blocker.text, f"gate/{merge_blocker.id}", fingerprint, "blocker", path, 1, 1)


def _finding(group: Group, finding: Finding, blocks: bool, fingerprint: str) -> Data:
    text = f"{finding.message} ({note})" if (note := help_of(group, finding)) else finding.message
    severity = SEVERITIES[finding.severity] if blocks or finding.new else "info"
    line = max(finding.line, 1)
    name = f"{group.id}/{finding.rule}"
    return _issue(
        text, name, fingerprint, severity, finding.path or NO_FILE, line, max(finding.end_line, line)
    )


def _issue(text: str, name: str, fingerprint: str, severity: str, path: str, line: int, end: int) -> Data:
    return {
        "description": visible(text) or visible(name),
        "check_name": visible(name),
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {
            "path": path if path.isprintable() else visible_path(path),
            "lines": {"begin": line, "end": end},
        },
    }
