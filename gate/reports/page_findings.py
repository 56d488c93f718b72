"""The findings of the HTML page: each with its lines of code, what was there before folded away."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, assert_never

from gate.model import Broken, CheckResult, Finding, Ran, Skipped, Verdict
from gate.reports.markup import escape, escape_lines
from gate.reports.select import Group, group_of
from gate.reports.words import count, duration, status, visible_lines, visible_path

Lines = Callable[[str], Sequence[str]]
AROUND: Final = 2
"""Lines of code shown before and after the one that a finding is about."""
MOST_FINDINGS: Final = 300
MOST_OLD: Final = 1000
LONGEST_LINE: Final = 400
LONGEST_NAME: Final = 24


def rich(text: str) -> str:
    """A message: what stands between backticks becomes code, everything else is text."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def sections(verdict: Verdict, lines: Lines) -> str:
    """All findings: first those that block, then what could not be said, then the rest."""
    parts = [(_importance(result), _check(result, lines)) for result in verdict.checks]
    for outcome in verdict.outcomes:
        if outcome.findings:
            group = group_of(outcome)
            what = count(len(outcome.findings), "finding")
            parts.append((0 if group.blocking else 2, _listing(group, what, lines)))
    return "\n".join(part for _, part in sorted(parts, key=lambda pair: pair[0]) if part)


def _importance(result: CheckResult) -> int:
    if isinstance(result, Ran):
        return 0 if result.blocking else 2
    return 1


def _check(result: CheckResult, lines: Lines) -> str:
    match result:
        case Ran():
            group = group_of(result)
            if not (group.blocking or group.other or group.old):
                return ""
            return _listing(group, status(result), lines)
        case Broken():
            tail = visible_lines(result.output)
            output = f'<pre class="output">{escape_lines(tail)}</pre>' if tail else ""
            hint = f'<p class="hint"><b>Help:</b> {rich(result.hint)}</p>' if result.hint else ""
            title = f'<h3 class="open">{escape(result.id)}: could not run</h3>'
            return f"{title}<p>{rich(result.reason)}</p>{hint}{output}"
        case Skipped():
            return f'<h3 class="quiet">{escape(result.id)}: not run</h3><p>{rich(result.reason)}</p>'
        case _:
            assert_never(result)


def _listing(group: Group, what: str, lines: Lines) -> str:
    style = "no" if group.blocking else "yes"
    shown = [*group.blocking, *group.other][:MOST_FINDINGS]
    parts = [f'<h3 class="{style}">{escape(group.id)}: {what}</h3>']
    parts += [_finding(finding, lines) for finding in shown]
    more = len(group.blocking) + len(group.other) - len(shown)
    if more:
        parts.append(f'<p class="quiet">… and {more:,} more, all of them in the JSON report.</p>')
    if group.old:
        were = "was" if len(group.old) == 1 else "were"
        title = f"{count(len(group.old), 'finding')} {were} there before"
        items = "".join(f"<li>{_line(finding)}</li>" for finding in group.old[:MOST_OLD])
        if len(group.old) > MOST_OLD:
            items += f"<li>… and {len(group.old) - MOST_OLD:,} more</li>"
        parts.append(
            f'<details class="old"><summary>{title}</summary><ul class="paths">{items}</ul></details>'
        )
    return "\n".join(parts)


def where(finding: Finding) -> str:
    """`app.py:3:5`, as it is read everywhere."""
    numbers = (str(number) for number in (finding.line, finding.column) if number)
    return ":".join([visible_path(finding.path) or "the whole tree", *numbers])


def _line(finding: Finding) -> str:
    return f"<code>{escape(where(finding))}</code> {escape(finding.rule)} {rich(finding.message)}"


def _finding(finding: Finding, lines: Lines) -> str:
    hint = f'<p class="hint"><b>Help:</b> {rich(finding.hint)}</p>' if finding.hint else ""
    before = "" if finding.new else ", there before"
    return (
        f'<article class="finding"><header><p class="where"><span class="path">{escape(where(finding))}</span>'
        f"<span>{escape(finding.rule)}{before}</span></p>"
        f'<p class="what">{rich(finding.message)}</p>{hint}</header>{_code(finding, lines)}</article>'
    )


def _code(finding: Finding, lines: Lines) -> str:
    """The line, and a few around it; nothing where it is not at hand."""
    source = lines(finding.path) if finding.path and finding.line else ()
    if not 0 < finding.line <= len(source):
        return ""
    first = max(finding.line - AROUND, 1)
    shown = source[first - 1 : finding.line + AROUND]
    numbered = list(enumerate(shown, first))
    while not numbered[0][1].strip() and numbered[0][0] < finding.line:
        numbered.pop(0)
    while not numbered[-1][1].strip() and numbered[-1][0] > finding.line:
        numbered.pop()
    rows = "".join(_row(number, text, finding) for number, text in numbered)
    return f'<pre class="code">{rows}</pre>'


def _row(number: int, text: str, finding: Finding) -> str:
    number_shown = f"<i>{number}</i>"
    cut = text.rstrip()[:LONGEST_LINE] + ("…" if len(text.rstrip()) > LONGEST_LINE else "")
    if number != finding.line:
        return f"<span>{number_shown}{_source(cut)}</span>"
    start = finding.column - 1
    word = re.compile(r"[\w.]+|\S").match(cut, start) if 0 <= start < len(cut) else None
    if word is None:
        return f'<span class="hit">{number_shown}{_source(cut)}</span>'
    marked = f"{_source(cut[:start])}<mark>{_source(word[0])}</mark>{_source(cut[word.end() :])}"
    return f'<span class="hit">{number_shown}{marked}</span>'


def _source(text: str) -> str:
    return escape(text.replace("\t", "    "))


def times(checks: Sequence[CheckResult]) -> str:
    """How long each check took, with a bar to compare them by."""
    longest = max((_seconds(result) for result in checks), default=0.0) or 1.0
    rows = []
    for result in checks:
        seconds = _seconds(result)
        cached = isinstance(result, Ran) and result.cached
        share = f"{100 * seconds / longest:.1f}"
        bar = (
            f'<svg class="bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{share}" height="1"/></svg>'
        )
        said, style = _said(result)
        name = escape(result.id[:LONGEST_NAME])
        rows.append(
            f'<tr><th scope="row" class="word">{name}</th><td><span class="{style}">{escape(said)}</span></td>'
            f'<td class="word">{"cached" if cached else duration(seconds)}</td><td class="wide">{bar}</td></tr>'
        )
    head = '<th scope="col">Check</th><th scope="col">Result</th><th scope="col">Time</th>'
    head += '<th scope="col" class="wide">Compared</th>'
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _seconds(result: CheckResult) -> float:
    return 0.0 if isinstance(result, Skipped) else result.seconds


def _said(result: CheckResult) -> tuple[str, str]:
    match result:
        case Ran(blocking=blocking, note=note):
            style = "no" if blocking else "quiet" if result.empty else "yes"
            return status(result) + (f", {note}" if note else ""), style
        case Broken():
            return "could not run", "open"
        case Skipped():
            return "not run", "quiet"
        case _:
            assert_never(result)
