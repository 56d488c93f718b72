"""The report for people at a terminal.

What has to be mended comes first, with its line of code and the way out; then one line for each requirement,
what blocks before what does not, with whom to ask; the verdict is the last line, next to the prompt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from gate.model import (
    Approval,
    Broken,
    CheckResult,
    Finding,
    Missing,
    Outcome,
    Ran,
    RequirementState,
    Skipped,
    Verdict,
)
from gate.reports.context import ReportContext
from gate.reports.ink import Ink, Piece, cells
from gate.reports.select import Split, split
from gate.reports.words import (
    branch,
    count,
    listed,
    noun,
    took,
    visible,
    visible_lines,
    visible_path,
    whom,
)

MOST_FINDINGS: Final = 20
MOST_PATHS: Final = 8
MOST_APPROVALS: Final = 10
MOST_OUTPUT: Final = 12
MARKS: Final[dict[RequirementState, Piece]] = {
    "unmet": ("bold red", "✗"),
    "undecided": ("bold yellow", "?"),
    "met": ("green", "✓"),
    "not_applicable": ("dim", "–"),
}
"""The mark of each state of a requirement, in the order in which the states are shown."""
SEVERITIES: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def render(verdict: Verdict, context: ReportContext) -> str:
    """What `gate check` prints: two to six lines when all is well."""
    ink = Ink(context)
    lines: list[str] = []
    for result in sorted(verdict.checks, key=lambda result: isinstance(result, Broken)):
        lines += _check(result, ink)
    lines += _board(verdict, ink)
    lines += _approvals(verdict.approvals, ink)
    for note in verdict.notes:
        lines += ink.flow([("yellow", "⚠"), ("", visible(note))], hang=2)
    if verdict.decision != "pass":
        lines.append("")
    return ink.sheet([*lines, *_closing(verdict, ink)])


def _check(result: CheckResult, ink: Ink) -> list[str]:
    """The section of one check: nothing for one that passed, unless everything is asked for."""
    match result:
        case Ran():
            parts = split(result)
            everything = ink.context.everything
            shown = [*parts.blocking, *parts.other, *(parts.old if everything else ())]
            if not parts.blocking and not (everything and shown):
                return []
            return [*_heading(result, parts, ink), "", *_findings(shown, parts, ink)]
        case Broken():
            return [*_broken(result, ink), ""]
        case Skipped():
            return []
        case _:
            assert_never(result)


def _heading(result: Ran, parts: Split, ink: Ink) -> list[str]:
    blocking = parts.blocking
    what = count(len(blocking), noun(result.id)) if blocking else "passed"
    if blocking and parts.old and all(finding.new for finding in blocking):
        what = count(len(blocking), f"new {noun(result.id)}")
    style = "bold red" if blocking else "bold green"
    return ink.flow([(style, visible(result.id) + ":"), ("bold", what), ("dim", _aside(result))])


def _aside(result: Ran) -> str:
    return f"({', '.join(part for part in (visible(result.note), took(result)) if part)})"


def _findings(shown: Sequence[Finding], parts: Split, ink: Ink) -> list[str]:
    lines: list[str] = []
    limit = len(shown) if ink.context.everything else MOST_FINDINGS
    for finding in shown[:limit]:
        lines += [*_finding(finding, ink), ""]
    more = len(shown) - limit
    again = f"`{ink.context.command} --all` shows"
    if more > 0:
        lines += [*ink.flow([("dim", f"… and {count(more, 'more', 'more')}; {again} them")], 2, 0), ""]
    if parts.old and not ink.context.everything:
        lines += [*_there_before(len(parts.old), 2, ink), ""]
    return lines


def _there_before(old: int, indent: int, ink: Ink) -> list[str]:
    were, them = ("was", "it") if old == 1 else ("were", "them")
    told = f"{count(old, 'finding')} {were} there before; `{ink.context.command} --all` shows {them}"
    return ink.flow([("dim", told)], indent, 0)


def _finding(finding: Finding, ink: Ink) -> list[str]:
    numbers = (str(number) for number in (finding.line, finding.column) if number)
    place = ":".join([visible_path(finding.path) or "the whole tree", *numbers])
    pieces = [
        ("bold", f"{place}:"),
        (SEVERITIES[finding.severity], visible(finding.rule)),
        ("", visible(finding.message)),
        ("dim", "" if finding.new else "(there before)"),
    ]
    lines = ink.flow(pieces, 2, 2)
    lines += _source(finding, ink)
    if finding.hint:
        lines += _help([finding.hint], ink, 4)
    return lines


def _source(finding: Finding, ink: Ink) -> list[str]:
    """The line of code with a mark below the column; nothing where it is not at hand."""
    if not finding.path or not finding.line:
        return []
    source = ink.context.lines(finding.path)
    if finding.line > len(source):
        return []
    code = source[finding.line - 1].rstrip()
    if not code.strip():
        return []
    bar = ink.paint("│", "dim")
    number = str(finding.line)
    room = max(ink.context.width - 7 - len(number), 20)
    before = visible(code[: max(finding.column - 1, 0)].expandtabs(4))
    text = visible(code.expandtabs(4))
    lines = [f"    {ink.paint(number, 'dim')} {bar} {ink.cut(text, room)}"]
    if finding.column and cells(before) < min(room, cells(text)):
        mark = ink.paint("^", SEVERITIES[finding.severity])
        lines.append(f"    {' ' * len(number)} {bar} {' ' * cells(before)}{mark}")
    return lines


def _broken(result: Broken, ink: Ink) -> list[str]:
    lines = ink.flow(
        [("bold yellow", visible(result.id) + ":"), ("bold", "could not run:"), ("", visible(result.reason))]
    )
    tail = visible_lines(result.output)
    if tail:
        lines.append("")
    if len(tail) > MOST_OUTPUT:
        lines.append(ink.paint(f"    … {count(len(tail) - MOST_OUTPUT, 'line')} before", "dim"))
    lines += [f"    {ink.paint('│', 'dim')} {line}" for line in tail[-MOST_OUTPUT:]]
    if result.hint:
        lines += [""] if tail else []
        lines += _help([result.hint], ink, 2)
    return lines


def _help(advice: Sequence[str], ink: Ink, indent: int) -> list[str]:
    lines: list[str] = []
    for text in advice:
        head = " " * (indent + 5) if lines else " " * indent + ink.paint("help:", "bold cyan")
        lines += _beside(head, [("", visible(text))], indent + 6, ink)
    return lines


def _board(verdict: Verdict, ink: Ink) -> list[str]:
    """One line for each requirement, and below an unmet one what it lacks."""
    order = list(MARKS)
    outcomes = sorted(verdict.outcomes, key=lambda outcome: order.index(outcome.state))
    room = max((cells(visible(outcome.id)) for outcome in outcomes), default=0)
    lines: list[str] = []
    for outcome in outcomes:
        lines += _outcome(outcome, verdict, room, ink)
    return lines


def _outcome(outcome: Outcome, verdict: Verdict, room: int, ink: Ink) -> list[str]:
    name = visible(outcome.id)
    pad = " " * (room - cells(name))
    style = "dim" if outcome.state == "not_applicable" else ""
    mark = MARKS[outcome.state]
    head = f"{ink.paint(mark[1], mark[0])} {ink.paint(name, style or 'bold')}{pad}"
    lines = _beside(head, [(style, visible(outcome.reason))], room + 4, ink)
    if outcome.state in {"unmet", "undecided"}:
        for missing in outcome.missing:
            lines += _missing(missing, ink)
        lines += _help(outcome.advice, ink, 4)
    if outcome.id == "checks":
        lines += _checks(verdict.checks, outcome.state, ink)
    return lines


def _beside(head: str, pieces: Iterable[Piece], indent: int, ink: Ink) -> list[str]:
    """`pieces` to the right of `head`, which takes up to `indent` cells."""
    lines = ink.flow(pieces, indent, 0)
    if not lines:
        return [head]
    return [f"{head}{' ' * (indent - cells(head))}{lines[0].lstrip()}", *lines[1:]]


def _missing(missing: Missing, ink: Ink) -> list[str]:
    rule = [("dim", visible(missing.rule) + ":")] if missing.rule else []
    lines = []
    if missing.whom or missing.need:
        lines += ink.flow([*rule, ("bold", whom(missing.whom, missing.need))], 4)
    limit = len(missing.paths) if ink.context.everything else MOST_PATHS
    for path in missing.paths[:limit]:
        lines.append(" " * 6 + visible_path(path))
    if len(missing.paths) > limit:
        lines.append(" " * 6 + ink.paint(f"… and {count(len(missing.paths) - limit, 'more file')}", "dim"))
    return lines


def _checks(results: Sequence[CheckResult], state: RequirementState, ink: Ink) -> list[str]:
    """One line for each check, unless they all passed and left nothing to tell."""
    if state == "met" and not ink.context.everything:
        old = sum(len(split(result).old) for result in results if isinstance(result, Ran))
        return _there_before(old, 4, ink) if old else []
    room = max((cells(visible(result.id)) for result in results), default=0)
    lines: list[str] = []
    for result in results:
        mark, words = _state_of(result)
        name = visible(result.id)
        head = f"    {ink.paint(mark[1], mark[0])} {name}{' ' * (room - cells(name))}"
        lines += _beside(head, [("", words)], room + 8, ink)
    return lines


def _state_of(result: CheckResult) -> tuple[Piece, str]:
    match result:
        case Ran(blocking=blocking):
            if blocking:
                return MARKS["unmet"], f"{count(len(blocking), noun(result.id))} {_aside(result)}"
            return MARKS["met"], f"passed {_aside(result)}"
        case Broken():
            return MARKS["undecided"], f"could not run ({took(result)})"
        case Skipped():
            return MARKS["not_applicable"], f"not run: {visible(result.reason)}"
        case _:
            assert_never(result)


def _approvals(approvals: Sequence[Approval], ink: Ink) -> list[str]:
    """Every decision that somebody took, with the reason where it does not count. Waivers stand out."""
    said = {"approve": "approved", "block": "objects", "waive": "waived the requirements"}
    lines: list[str] = []
    ordered = sorted(approvals, key=lambda one: ("waive", "block", "approve").index(one.kind))
    limit = len(ordered) if ink.context.everything else MOST_APPROVALS
    for approval in ordered[:limit]:
        style, mark = {
            "approve": ("green", "✓"),
            "block": ("bold red", "✗"),
            "waive": ("bold yellow", "⚠"),
        }[approval.kind]
        if not approval.counted:
            style, mark = "dim", "–"
        pieces = [(style, mark), ("bold", visible(approval.by)), ("", said[approval.kind])]
        if not approval.counted:
            pieces.append(("", "(not counted)"))
        if approval.why:
            pieces = [*pieces[:-1], (pieces[-1][0], pieces[-1][1] + ":"), ("", visible(approval.why))]
        lines += ink.flow(pieces, 0, 2)
    if len(ordered) > limit:
        lines += ink.flow([("dim", f"… and {count(len(ordered) - limit, 'more decision')}")], 2, 0)
    return lines


def _closing(verdict: Verdict, ink: Ink) -> list[str]:
    """The verdict in one sentence."""
    change = verdict.change
    files = count(len(change.files), "file")
    into = branch(change.into)
    waived = any(one.kind == "waive" and one.counted for one in verdict.approvals)
    match verdict.decision:
        case "pass":
            after = f"{files} into {into}" + (", by waiver" if waived else "")
            return ink.flow([("bold green", "May merge:"), ("", f"{after}.")])
        case "blocked":
            style, word, why = "bold red", "Blocked:", _which(verdict, "unmet", "not met")
        case "undecided":
            style, word, why = "bold yellow", "Undecided:", _which(verdict, "undecided", "not known")
        case _:
            assert_never(verdict.decision)
    return ink.flow([(style, word), ("", f"{why}, so this change may not enter {into} yet.")])


def _which(verdict: Verdict, state: RequirementState, words: str) -> str:
    """`owners and checks are not met`."""
    names = [visible(outcome.id) for outcome in verdict.outcomes if outcome.state == state]
    return f"{listed(names) or 'nothing'} {'are' if len(names) > 1 else 'is'} {words if names else 'met'}"
