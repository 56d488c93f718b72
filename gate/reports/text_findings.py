"""The upper part of the text report: each finding, its location, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from gate.finding import Finding
from gate.model import Broken, CheckResult, Outcome, Ran, Skipped, Verdict
from gate.reports.duplicates import Duplicates, find_duplicates
from gate.reports.findings import Group, group_of
from gate.reports.terminal_text import Ink, Piece, cells
from gate.reports.words import location, noun, status, took, visible, visible_lines
from gate.requirements.review_requests import where
from gate.wording import count, listed

MOST_FINDINGS: Final = 20
MOST_OUTPUT: Final = 12
SEVERITIES: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def sections(verdict: Verdict, ink: Ink, room: int = 10_000) -> list[str]:
    """Return a section for each check or requirement with findings. Checks that could not run come last.

    The first finding of each is shown, and the others only as long as everything fits in `room` lines.
    """
    lines: list[str] = []
    same = None if ink.context.everything else find_duplicates(verdict.checks)
    for result in sorted(verdict.checks, key=lambda result: isinstance(result, Broken)):
        lines += _check(result, same, ink, room - len(lines))
    for outcome in verdict.outcomes:
        heading = _requirement_heading(outcome, ink)
        lines += _listing(group_of(outcome), heading, ink, room - len(lines))
    return lines


def has_section(result: CheckResult) -> bool:
    """Return whether the check has a section of its own."""
    return isinstance(result, Broken) or (isinstance(result, Ran) and bool(result.blocking))


def _check(result: CheckResult, same: Duplicates | None, ink: Ink, room: int) -> list[str]:
    match result:
        case Ran():
            group = group_of(result, same)
            noted = bool(result.blocking) and not result.enforced
            return _listing(group, _check_heading(result, group, ink), ink, room, noted=noted)
        case Broken():
            return [*_broken(result, ink), ""]
        case Skipped():
            return []
        case _:
            assert_never(result)


def _check_heading(result: Ran, group: Group, ink: Ink) -> list[str]:
    what = status(result)
    if group.failed:
        new = "new " if group.old and all(finding.new for finding in result.blocking) else ""
        what = count(len(result.blocking), new + noun(result.id))
    style = "bold red" if group.failed else "bold yellow" if result.blocking else "bold green"
    return ink.flow([(style, f"{visible(result.id)}:"), ("bold", what), ("dim", in_brackets(result))])


def _requirement_heading(outcome: Outcome, ink: Ink) -> list[str]:
    style = "bold red" if outcome.state in {"unmet", "undecided"} else "bold green"
    return ink.flow([(style, f"{visible(outcome.id)}:"), ("bold", count(len(outcome.findings), "finding"))])


def in_brackets(result: Ran) -> str:
    """Return a note about the run and its duration, in parentheses."""
    return f"({', '.join(part for part in (visible(result.note), took(result)) if part)})"


def _listing(group: Group, heading: list[str], ink: Ink, room: int, *, noted: bool = False) -> list[str]:
    """Return the findings below their heading: the blocking ones that fit, or all of them with `--all`.

    With `noted`, return those that would block if the policy enforced the check. Mistakes that another check reports
    better are only counted.
    """
    everything = ink.context.everything
    shown = [*group.blocking, *group.other, *(group.old if everything else ())]
    if not group.failed and not noted and not (everything and shown):
        return []
    lines = [*heading, *_elsewhere(group, ink), *([""] if shown else [])]
    number = 0
    for finding in shown:
        block = _finding(finding, group.also.get(id(finding), ""), ink)
        if number and not everything and (number == MOST_FINDINGS or len(lines) + len(block) > room):
            break
        lines += [*block, ""]
        number += 1
    command = visible(ink.context.command)
    if rest := shown[number:]:
        locations = visible(where([finding.path for finding in rest]))
        more = f"… and {len(rest):,} more in {locations}; run `{command} --all` to see them"
        lines += [*ink.flow([("dim", more)], 2, 0), ""]
    sure = sum(bool(finding.fix) for finding in group.blocking)
    if sure:
        certain = f"{count(sure, 'finding')} can be fixed safely; run `{command} --fix` to see the diff"
        lines += [*ink.flow([("dim", certain)], 2, 0), ""]
    if group.old and not everything:
        lines += existing(len(group.old), 2, ink)
    return lines if not lines[-1] else [*lines, ""]


def _elsewhere(group: Group, ink: Ink) -> list[str]:
    """Return how many findings are omitted because other checks report the same mistakes."""
    if not group.elsewhere:
        return []
    number = f"{len(group.elsewhere):,} also" if group.blocking else "also"
    checks = listed([f"`{visible(check)}`" for check in dict.fromkeys(group.elsewhere)])
    return ink.flow([("dim", f"{number} reported by {checks}")], 2, 0)


def existing(old: int, indent: int, ink: Ink) -> list[str]:
    """Return how many findings are hidden because they exist at the base too, and how to see them."""
    them = "it" if old == 1 else "them"
    text = f"{count(old, 'existing finding')} not shown; run `{visible(ink.context.command)} --all` to see {them}"
    return ink.flow([("dim", text)], indent, 0)


def _finding(finding: Finding, also: str, ink: Ink) -> list[str]:
    """Return the lines of a finding. `also` names the other checks that report the same mistake."""
    pieces = [
        ("bold", f"{location(finding)}:"),
        (SEVERITIES[finding.severity], visible(finding.rule)),
        ("", visible(finding.message)),
        ("dim", "" if finding.new else "(existing)"),
    ]
    lines = ink.flow(pieces, 2, 2)
    lines += _source(finding, ink)
    if finding.hint:
        lines += help_lines([finding.hint], ink, 4)
    if also:
        lines += ink.flow([("dim", visible(also))], 4, 2)
    return lines


def _source(finding: Finding, ink: Ink) -> list[str]:
    """Return the line of code with a mark below the column, or nothing if the source isn't available."""
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
    prefix = visible(code[: max(finding.column - 1, 0)].expandtabs(4))
    text = visible(code.expandtabs(4))
    lines = [f"    {ink.paint(number, 'dim')} {bar} {ink.cut(text, room)}"]
    if finding.column and cells(prefix) < min(room, cells(text)):
        mark = ink.paint("^", SEVERITIES[finding.severity])
        lines.append(f"    {' ' * len(number)} {bar} {' ' * cells(prefix)}{mark}")
    return lines


def _broken(result: Broken, ink: Ink) -> list[str]:
    lines = ink.flow(
        [("bold yellow", f"{visible(result.id)}:"), ("bold", "could not run:"), ("", visible(result.reason))]
    )
    tail = visible_lines(result.output)
    if tail:
        lines.append("")
    if len(tail) > MOST_OUTPUT:
        lines.append(ink.paint(f"    … {count(len(tail) - MOST_OUTPUT, 'earlier line')}", "dim"))
    lines += [f"    {ink.paint('│', 'dim')} {line}" for line in tail[-MOST_OUTPUT:]]
    if result.hint:
        lines += [""] if tail else []
        lines += help_lines([result.hint], ink, 2)
    return lines


def help_lines(advice: Sequence[str], ink: Ink, indent: int) -> list[str]:
    """Return `help:` and the next steps, one per line."""
    lines: list[str] = []
    for text in advice:
        head = " " * (indent + 5) if lines else " " * indent + ink.paint("help:", "bold cyan")
        lines += beside(head, [("", visible(text))], indent + 6, ink)
    return lines


def beside(head: str, pieces: Iterable[Piece], indent: int, ink: Ink) -> list[str]:
    """Return `pieces` to the right of `head`, which takes up to `indent` cells."""
    lines = ink.flow(pieces, indent, 0)
    if not lines:
        return [head]
    return [f"{head}{' ' * (indent - cells(head))}{lines[0].lstrip()}", *lines[1:]]
