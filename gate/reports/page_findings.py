"""The findings and the checks of the HTML page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, assert_never

from gate.finding import Finding
from gate.model import Broken, CheckResult, Ran, Skipped, Verdict
from gate.reports.findings import groups
from gate.reports.markup import escape, escape_lines
from gate.reports.words import location, status, took, visible_lines
from gate.wording import capitalized, count

MOST_OLD: Final = 1000
LONGEST_NAME: Final = 24


def rich(text: str) -> str:
    """Return a message as HTML, with text between backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def card(check: str, finding: Finding, note: str, *, blocks: bool) -> str:
    """Return a finding as a box to show below its line of code. `note` names the other checks that report it."""
    hint = f'<p class="hint"><b>Help:</b> {rich(finding.hint)}</p>' if finding.hint else ""
    also = f'<p class="quiet small">{rich(capitalized(note))}.</p>' if note else ""
    rule = f"{escape(check)} · {escape(finding.rule)}" if finding.rule else escape(check)
    return (
        f'<div class="finding {"no" if blocks else "open"}"><p class="where"><span>{rule}</span>'
        f'<span class="path">{escape(location(finding))}</span></p>'
        f'<p class="what">{rich(finding.message)}</p>{hint}{also}</div>'
    )


def existing(verdict: Verdict) -> str:
    """Return the findings that also exist at the base, collapsed."""
    old = [finding for group in groups(verdict) for finding in group.old]
    if not old:
        return ""
    items = "".join(f"<li>{_line(finding)}</li>" for finding in old[:MOST_OLD])
    if len(old) > MOST_OLD:
        items += f"<li>… and {len(old) - MOST_OLD:,} more</li>"
    title = f"{count(len(old), 'existing finding')}, also on the base branch"
    return f'<details class="old"><summary>{title}</summary><ul class="paths">{items}</ul></details>'


def _line(finding: Finding) -> str:
    return f'<span class="path">{escape(location(finding))}</span> {escape(finding.rule)} {rich(finding.message)}'


def checks(results: Sequence[CheckResult]) -> str:
    """Return a row for each check. The output of a broken one is shown below its row."""
    rows = []
    for result in results:
        text, style = _result(result)
        name = escape(result.id[:LONGEST_NAME])
        rows.append(
            f'<tr><th scope="row" class="word">{name}</th><td><span class="{style}">{text}</span>{_output(result)}</td>'
            f'<td class="word">{escape(took(result))}</td></tr>'
        )
    head = "".join(f'<th scope="col">{word}</th>' for word in ("Check", "Result", "Duration"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _result(result: CheckResult) -> tuple[str, str]:
    match result:
        case Ran(blocking=blocking, note=note):
            failed = "no" if result.enforced else "open"
            style = failed if blocking else "quiet" if result.empty else "yes"
            return status(result) + (f" ({escape(note)})" if note else ""), style
        case Broken(reason=reason):
            return f"could not run: {rich(reason)}", "open"
        case Skipped(reason=reason):
            return f"not run: {rich(reason)}", "quiet"
        case _:
            assert_never(result)


def _output(result: CheckResult) -> str:
    if not isinstance(result, Broken):
        return ""
    hint = f'<p class="hint"><b>Help:</b> {rich(result.hint)}</p>' if result.hint else ""
    tail = visible_lines(result.output)
    return hint + (f'<pre class="output">{escape_lines(tail)}</pre>' if tail else "")
