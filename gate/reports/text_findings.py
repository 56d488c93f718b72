"""The upper part of the text report: what was found, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from gate.model import Broken, CheckResult, Finding, Outcome, Ran, Skipped, Verdict
from gate.reports.alike import Alike, alike, cases_together
from gate.reports.ink import Ink, Piece, cells
from gate.reports.select import Group, group_of
from gate.reports.words import count, listed, noun, took, visible, visible_lines, visible_path

MOST_FINDINGS: Final = 20
MOST_OUTPUT: Final = 12
SEVERITIES: Final = {"error": "red", "warning": "yellow", "note": "cyan"}


def sections(verdict: Verdict, ink: Ink) -> list[str]:
    """A section for each check or requirement that has something to show, those that could not run last."""
    lines: list[str] = []
    same = Alike() if ink.context.everything else alike(verdict.checks)
    for result in sorted(verdict.checks, key=lambda result: isinstance(result, Broken)):
        lines += _check(result, same, ink)
    for outcome in verdict.outcomes:
        lines += _listing(group_of(outcome), _requirement_heading(outcome, ink), Alike(), ink)
    return lines


def is_told(result: CheckResult) -> bool:
    """Whether the check has a section of its own."""
    return isinstance(result, Broken) or (isinstance(result, Ran) and bool(result.blocking))


def _check(result: CheckResult, same: Alike, ink: Ink) -> list[str]:
    match result:
        case Ran():
            group = group_of(result)
            return _listing(group, _check_heading(result, group, ink), same, ink)
        case Broken():
            return [*_broken(result, ink), ""]
        case Skipped():
            return []
        case _:
            assert_never(result)


def _check_heading(result: Ran, group: Group, ink: Ink) -> list[str]:
    what = "passed"
    if group.blocking:
        new = "new " if group.old and all(finding.new for finding in group.blocking) else ""
        what = count(len(group.blocking), new + noun(result.id))
    style = "bold red" if group.blocking else "bold green"
    return ink.flow([(style, f"{visible(result.id)}:"), ("bold", what), ("dim", aside(result))])


def _requirement_heading(outcome: Outcome, ink: Ink) -> list[str]:
    style = "bold red" if outcome.state in {"unmet", "undecided"} else "bold green"
    return ink.flow([(style, f"{visible(outcome.id)}:"), ("bold", count(len(outcome.findings), "finding"))])


def aside(result: Ran) -> str:
    """What is worth telling about a run, in brackets."""
    return f"({', '.join(part for part in (visible(result.note), took(result)) if part)})"


def _listing(group: Group, heading: list[str], same: Alike, ink: Ink) -> list[str]:
    """The findings below their heading: those that block, and all of them when everything is asked for.

    Those that are the `same` as what another check tells are only counted.
    """
    everything = ink.context.everything
    shown = [*group.blocking, *group.other, *(group.old if everything else ())]
    if not group.blocking and not (everything and shown):
        return []
    elsewhere = [same.told_by[finding] for finding in shown if finding in same.told_by]
    shown = [finding for finding in shown if finding not in same.told_by]
    shown = shown if everything else cases_together(shown)
    limit = len(shown) if everything else MOST_FINDINGS
    lines = [*heading, *_told(elsewhere, len(shown), ink), ""]
    for finding in shown[:limit]:
        lines += [*_finding(finding, same.also.get(finding, ""), ink), ""]
    if len(shown) > limit:
        more = f"… and {len(shown) - limit:,} more; `{visible(ink.context.command)} --all` shows them"
        lines += [*ink.flow([("dim", more)], 2, 0), ""]
    sure = sum(bool(finding.fix) for finding in group.blocking)
    if sure:
        told = f"{count(sure, 'fix is', 'fixes are')} certain; `{visible(ink.context.command)} --fix` shows the diff"
        lines += [*ink.flow([("dim", told)], 2, 0), ""]
    if group.old and not everything:
        lines += [*there_before(len(group.old), 2, ink), ""]
    return lines


def _told(elsewhere: Sequence[str], here: int, ink: Ink) -> list[str]:
    """How many findings other checks tell of; `elsewhere` has the check for each."""
    if not elsewhere:
        return []
    number = f"{len(elsewhere):,} of them " if here else ""
    checks = listed([visible(check) for check in dict.fromkeys(elsewhere)])
    return ink.flow([("dim", f"{number}told by {checks} as well")], 2, 0)


def there_before(old: int, indent: int, ink: Ink) -> list[str]:
    """How many findings are not shown because the base has them too, and how to see them."""
    were, them = ("was", "it") if old == 1 else ("were", "them")
    told = f"{count(old, 'finding')} {were} there before; `{visible(ink.context.command)} --all` shows {them}"
    return ink.flow([("dim", told)], indent, 0)


def _finding(finding: Finding, also: str, ink: Ink) -> list[str]:
    """`also` is what else says the same."""
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
        lines += help_lines([finding.hint], ink, 4)
    if also:
        lines += ink.flow([("dim", visible(also))], 4, 2)
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
        [("bold yellow", f"{visible(result.id)}:"), ("bold", "could not run:"), ("", visible(result.reason))]
    )
    tail = visible_lines(result.output)
    if tail:
        lines.append("")
    if len(tail) > MOST_OUTPUT:
        lines.append(ink.paint(f"    … {count(len(tail) - MOST_OUTPUT, 'line')} before", "dim"))
    lines += [f"    {ink.paint('│', 'dim')} {line}" for line in tail[-MOST_OUTPUT:]]
    if result.hint:
        lines += [""] if tail else []
        lines += help_lines([result.hint], ink, 2)
    return lines


def help_lines(advice: Sequence[str], ink: Ink, indent: int) -> list[str]:
    """`help:` and what to do next, one piece of advice below the other."""
    lines: list[str] = []
    for text in advice:
        head = " " * (indent + 5) if lines else " " * indent + ink.paint("help:", "bold cyan")
        lines += beside(head, [("", visible(text))], indent + 6, ink)
    return lines


def beside(head: str, pieces: Iterable[Piece], indent: int, ink: Ink) -> list[str]:
    """`pieces` to the right of `head`, which takes up to `indent` cells."""
    lines = ink.flow(pieces, indent, 0)
    if not lines:
        return [head]
    return [f"{head}{' ' * (indent - cells(head))}{lines[0].lstrip()}", *lines[1:]]
