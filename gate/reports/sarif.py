"""SARIF 2.1.0, for code scanning.

The first run is gate's own. It has no results, and reports everything that blocks other than findings as notifications,
because an alert in code scanning is about code, and a missing approval isn't. It is followed by a run for each check
that finished. A check that could not run has none, because a run without results would close every alert.
"""

from __future__ import annotations

from typing import Final

from gate.finding import Finding
from gate.model import Verdict, encode_path
from gate.reports.context import ReportContext
from gate.reports.findings import Fingerprints, Group, groups, help_of, obstacles
from gate.reports.verdict_json import Data, dump
from gate.reports.words import visible

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT: Final = "SRCROOT"
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def render(verdict: Verdict, context: ReportContext) -> str:
    """Return the log file, in ASCII."""
    names = Fingerprints(context.lines)
    runs = [_own_run(verdict, context)]
    runs += [_run(group, verdict, context, names) for group in groups(verdict)]
    return dump({"$schema": SCHEMA, "version": "2.1.0", "runs": runs})


def uri(path: str) -> str:
    """Return a repository path as a relative URI: its bytes, percent-encoded. The tree itself is `.`."""
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in encode_path(path)) or "."


def _frame(
    name: str, verdict: Verdict, context: ReportContext, rules: list[Data], results: list[Data]
) -> Data:
    change = verdict.change
    # Code scanning requires `rules` in every run, even in one without results.
    driver: Data = {
        "name": name,
        "version": context.version,
        "semanticVersion": context.version,
        "rules": rules,
    }
    return {
        "tool": {"driver": driver},
        "automationDetails": {"id": f"{name}/"},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The top folder of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "properties": {"base": change.base, "head": change.head, "tree": change.tree},
        "results": results,
    }


def _own_run(verdict: Verdict, context: ReportContext) -> Data:
    run = _frame("gate", verdict, context, [], [])
    notes = [
        {
            "level": "error",
            "descriptor": {"id": visible(merge_blocker.id)},
            "message": {"text": visible(merge_blocker.text)},
        }
        for merge_blocker in obstacles(verdict)
    ]
    run["invocations"] = [
        {
            "executionSuccessful": verdict.decision != "undecided",
            "exitCodeDescription": verdict.decision,
            "toolExecutionNotifications": notes,
        }
    ]
    run["properties"] |= {
        "outcome": verdict.decision,
        "requirements": {visible(outcome.id): outcome.state for outcome in verdict.outcomes},
    }
    return run


def _run(group: Group, verdict: Verdict, context: ReportContext, names: Fingerprints) -> Data:
    rules: dict[str, int] = {}
    results = []
    for finding, blocks, own_fingerprint in names.marked(group):
        rule = visible(finding.rule) or visible(group.id)
        index = rules.setdefault(rule, len(rules))
        fingerprint = {"partialFingerprints": {"gateFinding/v1": own_fingerprint}}
        results.append(_result(group, finding, blocks, rule, index) | fingerprint)
    described = [_described(group.id, rule) for rule in rules]
    return _frame(f"gate/{visible(group.id)}", verdict, context, described, results)


def _described(check: str, rule: str) -> Data:
    """Describe a rule for the tool's list. A rule of the catalog includes its page."""
    # Imported here: a verdict without such findings never needs these pages.
    from gate.names.rules import RULES, load
    from gate.names.rules.pages import page

    if check != "names" or rule not in RULES:
        return {"id": rule, "shortDescription": {"text": f"{visible(check)}: {rule}"}}
    return {
        "id": rule,
        "shortDescription": {"text": load(rule).SUMMARY},
        "fullDescription": {"text": load(rule).WHY},
        "help": {"text": page(rule)},
    }


def _result(group: Group, finding: Finding, blocks: bool, rule: str, index: int) -> Data:
    text = f"{finding.message} ({note})" if (note := help_of(group, finding)) else finding.message
    location: Data = {"artifactLocation": {"uri": uri(finding.path), "uriBaseId": ROOT}}
    if finding.line > 0:
        location["region"] = {"startLine": finding.line}
        if finding.column > 0:
            location["region"]["startColumn"] = finding.column
        if finding.end_line > finding.line:
            location["region"]["endLine"] = finding.end_line
    result: Data = {
        "ruleId": rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": visible(text) or rule},
        "baselineState": "new" if finding.new else "unchanged",
        "locations": [{"physicalLocation": location}],
        "properties": {"blocks": blocks},
    }
    if finding.fix:
        result["fixes"] = [_fix(finding)]
    return result


def _fix(finding: Finding) -> Data:
    replacements = [
        {
            "deletedRegion": {
                "startLine": edit.line,
                "startColumn": edit.column,
                "endColumn": edit.column + len(edit.old),
            },
            "insertedContent": {"text": edit.new},
        }
        for edit in finding.fix
    ]
    change = {
        "artifactLocation": {"uri": uri(finding.path), "uriBaseId": ROOT},
        "replacements": replacements,
    }
    return {
        "description": {"text": visible(finding.hint) or visible(finding.message)},
        "artifactChanges": [change],
    }
