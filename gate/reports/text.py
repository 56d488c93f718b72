"""The report for people at a terminal.

What has to be mended comes first, with its line of code and the way out; then one line for each requirement,
what blocks before what does not, with whom to ask; the verdict is the last line, next to the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final, assert_never

from gate.model import (
    NOT_ASKED,
    Approval,
    Broken,
    CheckResult,
    Missing,
    Outcome,
    Ran,
    RequirementState,
    Skipped,
    Verdict,
)
from gate.reports.context import ReportContext
from gate.reports.ink import Ink, Piece, cells
from gate.reports.select import group_of
from gate.reports.text_findings import aside, beside, help_lines, is_told, sections, there_before
from gate.reports.words import branch, count, listed, may, noun, took, visible, visible_path, whom
from gate.requirements.asking import whom_to_ask

MOST_PATHS: Final = 8
FEW_PATHS: Final = 3
MOST_APPROVALS: Final = 10
MARKS: Final[dict[RequirementState, Piece]] = {
    "unmet": ("bold red", "✗"),
    "undecided": ("bold yellow", "?"),
    "met": ("green", "✓"),
    "not_applicable": ("dim", "–"),
}
"""The mark of each state of a requirement, in the order in which the states are shown."""
DECISIONS: Final = {
    "approve": ("green", "✓", "approved"),
    "block": ("bold red", "✗", "objects"),
    "waive": ("bold yellow", "⚠", "waived the requirements"),
}


def render(verdict: Verdict, context: ReportContext) -> str:
    """What `gate check` prints: two to six lines when all is well."""
    ink = Ink(context)
    lines = [*sections(verdict, ink), *_board(verdict, ink), *_approvals(verdict.approvals, ink)]
    for note in verdict.notes:
        lines += ink.flow([("bold yellow", "⚠"), ("", visible(note))], hang=2)
    if verdict.decision != "pass":
        lines.append("")
    return ink.sheet([*lines, *_closing(verdict, ink)])


def _board(verdict: Verdict, ink: Ink) -> list[str]:
    """One line for each requirement, and below an unmet one what it lacks."""
    order = list(MARKS)
    outcomes = sorted(verdict.outcomes, key=lambda outcome: order.index(outcome.state))
    room = max((cells(visible(outcome.id)) for outcome in outcomes), default=0)
    shown: set[str] = set()
    lines: list[str] = []
    for outcome in outcomes if ink.context.everything else _asked_once(outcomes):
        if outcome.state != "not_applicable" or outcome.reason != NOT_ASKED:
            lines += _outcome(outcome, verdict, room, shown, ink)
        shown |= {path for missing in outcome.missing for path in missing.paths} | set(outcome.advice)
    unasked = [outcome for outcome in outcomes if outcome.reason == NOT_ASKED]
    return [*lines, *_unasked(unasked, room, ink)]


def _asked_once(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The outcomes, the first of those that ask for somebody asking for all of them: often it is one person."""
    several = {outcome.id: outcome.asks for outcome in outcomes if outcome.asking}
    if len(several) < 2:
        return list(outcomes)
    together = whom_to_ask(several)
    once = []
    for outcome in outcomes:
        if outcome.asking:
            rest = (line for line in outcome.advice if line not in outcome.asking)
            once.append(replace(outcome, advice=(*together, *rest)))
        else:
            once.append(outcome)
    return once


def _unasked(outcomes: Sequence[Outcome], room: int, ink: Ink) -> list[str]:
    """What nobody has set up, in one line; by `--all` a line each."""
    if ink.context.everything or len(outcomes) < 2:
        return [line for outcome in outcomes for line in _head(outcome, room, ink)]
    names = listed([visible(outcome.id) for outcome in outcomes])
    return ink.flow([MARKS["not_applicable"], ("dim", f"{names}: the policy does not ask for them")], 0, 2)


def _outcome(outcome: Outcome, verdict: Verdict, room: int, shown: AbstractSet[str], ink: Ink) -> list[str]:
    """`shown` are the paths and the pieces of advice that were listed above."""
    lines = _head(outcome, room, ink)
    if outcome.state in {"unmet", "undecided"}:
        for missing in outcome.missing:
            everything = len(missing.paths) == len(verdict.change.files)
            known = everything and (shown >= set(missing.paths) or len(missing.paths) > FEW_PATHS)
            # Of all that the change has, the advice says whom to ask.
            if not (known and outcome.advice) or ink.context.everything:
                lines += _missing(missing, known, ink)
        lines += help_lines([line for line in outcome.advice if line not in shown], ink, 4)
    if outcome.id == "checks":
        lines += _checks(verdict.checks, outcome.state, ink)
    return lines


def _head(outcome: Outcome, room: int, ink: Ink) -> list[str]:
    name = visible(outcome.id)
    pad = " " * (room - cells(name))
    style = "dim" if outcome.state == "not_applicable" else ""
    mark = MARKS[outcome.state]
    head = f"{ink.paint(mark[1], mark[0])} {ink.paint(name, style or 'bold')}{pad}"
    return beside(head, [(style, visible(outcome.reason))], room + 4, ink)


def _missing(missing: Missing, whole: bool, ink: Ink) -> list[str]:
    """Who must approve which files; with `whole`, no list of them: they are those of the change."""
    rule = [("dim", f"{visible(missing.rule)}:")] if missing.rule else []
    who = ("bold", whom(missing.whom, missing.need))
    if whole and missing.need:
        return ink.flow([*rule, who, ("", f"for {_all(len(missing.paths))}")], 4, 2)
    lines = ink.flow([*rule, who], 4, 2) if missing.need else []
    limit = len(missing.paths) if ink.context.everything else MOST_PATHS
    lines += [f"      {visible_path(path)}" for path in missing.paths[:limit]]
    if len(missing.paths) > limit:
        more = f"… and {count(len(missing.paths) - limit, 'more file')}"
        lines.append(f"      {ink.paint(more, 'dim')}")
    return lines


def _all(files: int) -> str:
    return "the one file" if files == 1 else f"all {files:,} files"


def _checks(results: Sequence[CheckResult], state: RequirementState, ink: Ink) -> list[str]:
    """One line for each check that is not told above; if they all passed, of those that had nothing to look at."""
    passed = state == "met" and not ink.context.everything
    old = sum(len(group_of(result).old) for result in results if isinstance(result, Ran)) if passed else 0
    if passed:
        results = [result for result in results if isinstance(result, Ran) and result.seen == 0]
    elif not ink.context.everything:
        results = [result for result in results if not is_told(result)]
    room = max((cells(visible(result.id)) for result in results), default=0)
    lines: list[str] = []
    for result in results:
        (style, mark), words = _state_of(result)
        name = visible(result.id)
        head = f"    {ink.paint(mark, style)} {name}{' ' * (room - cells(name))}"
        lines += beside(head, [("", words)], room + 8, ink)
    return lines + (there_before(old, 4, ink) if old else [])


def _state_of(result: CheckResult) -> tuple[Piece, str]:
    match result:
        case Ran(blocking=blocking):
            if blocking:
                return MARKS["unmet"], f"{count(len(blocking), noun(result.id))} {aside(result)}"
            return MARKS["met"], f"passed {aside(result)}"
        case Broken():
            return MARKS["undecided"], f"could not run ({took(result)})"
        case Skipped(reason=reason):
            return MARKS["not_applicable"], f"not run: {visible(reason)}"
        case _:
            assert_never(result)


def _approvals(approvals: Sequence[Approval], ink: Ink) -> list[str]:
    """Every decision that somebody took, with the reason where it does not count. Waivers stand out."""
    kinds = list(reversed(DECISIONS))
    ordered = sorted(approvals, key=lambda one: (not one.counted, kinds.index(one.kind)))
    limit = len(ordered) if ink.context.everything else MOST_APPROVALS
    lines: list[str] = []
    for approval in ordered[:limit]:
        style, mark, said = DECISIONS[approval.kind]
        if approval.source != "ssh":
            said += f" on {approval.source}"
        if not approval.counted:
            style, mark, said = "dim", "–", f"{said} (not counted)"
        why = [("", visible(approval.why))] if approval.why else []
        lines += ink.flow(
            [(style, mark), ("bold", visible(approval.by)), ("", said + ":" * bool(why)), *why], 0, 2
        )
    if len(ordered) > limit:
        lines += ink.flow([("dim", f"… and {count(len(ordered) - limit, 'more decision')}")], 2, 0)
    return lines


def _closing(verdict: Verdict, ink: Ink) -> list[str]:
    """The verdict in one sentence."""
    into = branch(verdict.change.into)
    match verdict.decision:
        case "pass":
            waived = any(one.kind == "waive" and one.counted for one in verdict.approvals)
            what = f"{count(len(verdict.change.files), 'file')} into {into}{', by waiver' if waived else ''}."
            return ink.flow([("bold green", f"{may(verdict.change.into)}:"), ("", what)])
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
    several = len(names) > 1 or "".join(names).endswith("s")
    return f"{listed(names) or 'nothing'} {'are' if several else 'is'} {words if names else 'met'}"
