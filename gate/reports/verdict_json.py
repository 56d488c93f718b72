r"""The JSON verdict, version 1: the contract that scripts rely on, described by `verdict.schema.json`.

Fields are added, never changed. Version 1 has three outcomes of a check. One that wasn't run (`--fail-fast`) is
`broken` with `skipped: true`, because it isn't a pass either. In a path that isn't UTF-8, bytes are preserved as lone
surrogates (`\udcff`), as with Python's `surrogateescape`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, assert_never

from gate.finding import Finding
from gate.model import (
    Approval,
    Broken,
    Change,
    CheckResult,
    Outcome,
    Ran,
    ReviewRequest,
    Skipped,
    Verdict,
)
from gate.reports.context import ReportContext
from gate.reports.duplicates import Duplicates, find_duplicates

VERSION: Final = 1
FINDING_FIELDS: Final = (
    "path",
    "line",
    "column",
    "end_line",
    "rule",
    "severity",
    "message",
    "hint",
    "new",
)
Data = dict[str, Any]
"""A JSON object, whose values can be of any JSON type."""


def render(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - the signature of every report
    """Return the whole verdict, with every finding and approval."""
    return dump(to_data(verdict))


def dump(data: object) -> str:
    """Return indented ASCII JSON ending in a newline, the format of all JSON that gate prints."""
    return json.dumps(data, indent=2) + "\n"


def to_data(verdict: Verdict) -> Data:
    """Return the verdict as JSON objects, lists, and strings."""
    duplicates = find_duplicates(verdict.checks)
    return {
        "version": VERSION,
        "outcome": verdict.decision,
        "change": _change(verdict.change),
        "requirements": [_requirement(outcome) for outcome in verdict.outcomes],
        "checks": [_check(result, duplicates) for result in verdict.checks],
        "approvals": approvals_data(verdict.approvals),
        "environments": list(verdict.environments),
        "notes": list(verdict.notes),
        "reviewers": [_reviewer(request) for request in verdict.reviewers],
        "approve_with": verdict.approve_with,
    }


def _reviewer(request: ReviewRequest) -> Data:
    return {
        "names": list(request.names),
        "need": request.need,
        "required": request.required,
        "duties": [{"role": duty.role, "paths": list(duty.paths)} for duty in request.duties],
    }


def approvals_data(approvals: Iterable[Approval]) -> list[Data]:
    """Return the verdict's `approvals`, which `gate approvals --format json` prints alone."""
    return [
        {
            "id": approval.id,
            "by": approval.by,
            "kind": approval.kind,
            "source": approval.source,
            "counted": approval.counted,
            "why": approval.why,
            "files": list(approval.files),
            "owned": list(approval.owned),
        }
        for approval in approvals
    ]


def _change(change: Change) -> Data:
    return {
        "repository": change.repository,
        "into": change.into,
        "base": change.base,
        "head": change.head,
        "merge_base": change.merge_base,
        "tree": change.tree,
        "base_tree": change.base_tree,
        "digest": change.digest,
        "staged": change.staged,
        "authors": [author.email for author in change.authors],
        "author_names": [author.name for author in change.authors],
        "files": [
            {
                "path": file.path,
                "status": file.status,
                "old": file.old,
                "new": file.new,
                "old_mode": file.old_mode,
                "new_mode": file.new_mode,
            }
            for file in change.files
        ],
        "renames": dict(change.renames),
        "obstacle": change.merge_blocker,
        "conflicts": list(change.conflicts),
    }


def _requirement(outcome: Outcome) -> Data:
    return {
        "id": outcome.id,
        "outcome": outcome.state,
        "enforced": outcome.enforced,
        "reason": outcome.reason,
        "missing": [
            {
                "paths": list(missing.paths),
                "need": missing.need,
                "from": list(missing.whom),
                "rule": missing.rule,
            }
            for missing in outcome.missing
        ],
        "advice": list(outcome.advice),
        "findings": [_fields(finding) for finding in outcome.findings],
    }


def _check(result: CheckResult, duplicates: Duplicates) -> Data:
    match result:
        case Ran():
            blocking = Counter(result.blocking)
            reporter = {
                item: duplicates.reported_by[id(item)]
                for item in result.blocking
                if id(item) in duplicates.reported_by
            }
            findings = [*result.findings, *(Counter(result.blocking) - Counter(result.findings)).elements()]
            return {
                "id": result.id,
                "outcome": _outcome_of(result),
                "enforced": result.enforced,
                "seconds": result.seconds,
                "cached": result.cached,
                "note": result.note,
                "seen": result.seen,
                "findings": [
                    _finding(finding, blocking) | {"reported_by": reporter.get(finding, "")}
                    for finding in findings
                ],
            }
        case Broken():
            return _not_run(result, skipped=False)
        case Skipped(id=name, reason=reason):
            return _not_run(Broken(name, reason, enforced=result.enforced), skipped=True)
        case _:
            assert_never(result)


def _outcome_of(result: Ran) -> str:
    if result.blocking:
        return "failed"
    return "empty" if result.empty else "passed"


def _not_run(result: Broken, *, skipped: bool) -> Data:
    return {
        "id": result.id,
        "outcome": "broken",
        "enforced": result.enforced,
        "seconds": result.seconds,
        "cached": False,
        "findings": [],
        "reason": result.reason,
        "hint": result.hint,
        "output": result.output,
        "skipped": skipped,
    }


def _finding(finding: Finding, blocking: Counter[Finding]) -> Data:
    # Of identical findings, as many block as the check reports.
    blocks = blocking[finding] > 0
    blocking[finding] -= blocks
    return _fields(finding) | {"blocks": blocks}


def _fields(finding: Finding) -> Data:
    fix = [
        {"line": edit.line, "column": edit.column, "old": edit.old, "new": edit.new} for edit in finding.fix
    ]
    flaky = {"flaky": True} if finding.flaky else {}
    quarantined = {"quarantined": finding.quarantined} if finding.quarantined else {}
    return {field: getattr(finding, field) for field in FINDING_FIELDS} | flaky | quarantined | {"fix": fix}
