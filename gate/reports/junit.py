"""JUnit's XML, which every build server shows: the requirements as one suite, and each check as another.

What blocks is a failure, what could not be decided an error, and what doesn't apply or wasn't run is skipped. A check
with nothing that blocks is one passed test case; existing findings are listed, not failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from gate.finding import Finding
from gate.model import Broken, CheckResult, Outcome, Ran, Skipped, Verdict
from gate.reports.context import ReportContext
from gate.reports.duplicates import Duplicates, find_duplicates
from gate.reports.findings import Group, group_of, help_of, place
from gate.reports.markup import document, element, escape_lines
from gate.reports.words import location, noun, visible, visible_lines, visible_path
from gate.wording import count, listed


def render(verdict: Verdict, context: ReportContext) -> str:  # noqa: ARG001 - the signature of every report
    """Return the report, valid against Jenkins's own schema."""
    suites = [_suite("gate", [_requirement(outcome) for outcome in verdict.outcomes], 0.0)]
    same = find_duplicates(verdict.checks)
    suites += [
        _suite(f"gate.{result.id}", _cases(result, same), _seconds(result)) for result in verdict.checks
    ]
    return document(element("testsuites", {"name": "gate"}, *suites))


def _seconds(result: CheckResult) -> float:
    return 0.0 if isinstance(result, Skipped) else result.seconds


def _suite(name: str, cases: Sequence[str], seconds: float) -> str:
    def number(tag: str) -> int:
        return sum(f"\n<{tag} " in case for case in cases)

    totals = {
        "name": name,
        "tests": len(cases),
        "failures": number("failure"),
        "errors": number("error"),
        "skipped": number("skipped"),
        "time": f"{seconds:.3f}",
    }
    return element("testsuite", totals, *cases)


def _case(suite: str, name: str, seconds: float, *content: str) -> str:
    return element("testcase", {"classname": suite, "name": name, "time": f"{seconds:.3f}"}, *content)


def _text(tag: str, message: str, lines: Sequence[str]) -> str:
    body = escape_lines(lines)
    start = element(tag, {"message": message}).removesuffix("/>")
    return f"{start}>{body}</{tag}>" if body else f"{start}/>"


def _output(lines: Sequence[str]) -> list[str]:
    return [f"<system-out>{escape_lines(lines)}</system-out>"] if lines else []


def _requirement(outcome: Outcome) -> str:
    lines = [*outcome.advice]
    for missing in outcome.missing:
        who = ", ".join(missing.whom)
        lines += [f"{missing.rule}: {missing.need} of {who}" if who else missing.rule]
        lines += [f"  {visible_path(path)}" for path in missing.paths]
    lines += [_line(finding) for finding in sorted(outcome.findings, key=place)]
    if not outcome.enforced and outcome.state in {"unmet", "undecided"}:
        return _case("gate", outcome.id, 0.0, _text("skipped", f"not enforced: {outcome.reason}", lines))
    match outcome.state:
        case "met":
            content = _output([outcome.reason])
        case "not_applicable":
            content = [_text("skipped", outcome.reason, ())]
        case "unmet":
            content = [_text("failure", outcome.reason, lines)]
        case "undecided":
            content = [_text("error", outcome.reason, lines)]
        case _:
            assert_never(outcome.state)
    return _case("gate", outcome.id, 0.0, *content)


def _cases(result: CheckResult, duplicates: Duplicates) -> list[str]:
    suite = f"gate.{result.id}"
    match result:
        case Broken() if not result.enforced:
            return [
                _case(
                    suite, result.id, result.seconds, _text("skipped", f"not enforced: {result.reason}", ())
                )
            ]
        case Broken():
            lines = [result.hint, *visible_lines(result.output)]
            return [_case(suite, result.id, result.seconds, _text("error", result.reason, lines))]
        case Skipped():
            return [_case(suite, result.id, 0.0, _text("skipped", result.reason, ()))]
        case Ran():
            if result.empty:
                return [_case(suite, result.id, result.seconds, _text("skipped", _empty(result), ()))]
            group = group_of(result, duplicates)
            if group.blocking:
                return [_failure(suite, group, finding) for finding in group.blocking]
            if group.elsewhere:
                # Neither passed nor failed: the suite of the check that reports the finding has the failure.
                reason = (
                    f"{count(len(group.elsewhere), noun(result.id))} reported by {listed(group.elsewhere)}"
                )
                return [_case(suite, result.id, result.seconds, _text("skipped", reason, ()))]
            output = [result.note] if result.note else []
            if group.old:
                output.append(f"{count(len(group.old), 'existing finding')}")
            output += [_line(finding) for finding in group.other]
            return [_case(suite, result.id, result.seconds, *_output(output))]
        case _:
            assert_never(result)


def _empty(result: Ran) -> str:
    return f"nothing ran: {result.note}" if result.note else "nothing ran"


def _failure(suite: str, group: Group, finding: Finding) -> str:
    # No line number: a build server recognizes a test case by its name.
    path = visible_path(finding.path) or "the whole tree"
    name = f"{path}: {finding.rule}: {finding.message}"
    return _case(
        suite, name, 0.0, _text("failure", finding.message, [_line(finding), help_of(group, finding)])
    )


def _line(finding: Finding) -> str:
    return visible(f"{location(finding)}: {finding.rule} {finding.message}")
