"""The report for people at a terminal.

Findings come first, each with its line of code and what to do about it; then one line for each requirement, the people
to ask, and the verdict as the last line, next to the prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, assert_never

from gate.model import (
    NOT_ASKED,
    NOT_RUN,
    Broken,
    CheckResult,
    Missing,
    Outcome,
    Ran,
    RequirementState,
    ReviewRequest,
    Skipped,
    Verdict,
)
from gate.reports.context import ReportContext
from gate.reports.findings import group_of
from gate.reports.terminal_text import Ink, Piece, cells
from gate.reports.text_findings import beside, existing, has_section, help_lines, in_brackets, sections
from gate.reports.words import (
    PUSH_FIRST,
    branch,
    decision_words,
    one_line,
    reasons,
    status,
    took,
    verb,
    visible,
    visible_path,
    whom,
)
from gate.requirements.review_requests import approved_text, duty_text, lines_of, to_approve, where, who
from gate.wording import capitalized, count, listed

MOST_PATHS: Final = 8
MOST_APPROVALS: Final = 10
WIDEST_NAME: Final = 32
MARKS: Final[dict[RequirementState, Piece]] = {
    "unmet": ("bold red", "✗"),
    "undecided": ("bold yellow", "?"),
    "met": ("green", "✓"),
    "not_applicable": ("dim", "–"),
}
"""The mark of each state of a requirement."""
NOT_ENFORCED: Final[Piece] = ("bold yellow", "⚠")
"""The mark of a requirement that would block if the policy enforced it."""
ORDER: Final[tuple[RequirementState, ...]] = ("not_applicable", "met", "undecided", "unmet")
"""The most important last, so that it is on the screen when the command ends."""
DECISIONS: Final = {
    "approve": ("green", "✓", "approved"),
    "block": ("bold red", "✗", "objected"),
    "waive": ("bold yellow", "⚠", "waived the requirements"),
}


def render(verdict: Verdict, context: ReportContext) -> str:
    """Return the output of `gate check`: two to six lines if the change can merge."""
    ink = Ink(context)
    lines = [*_board(verdict, ink), *_approvals(verdict, ink), *_reviewers(verdict, ink)]
    for note in verdict.notes:
        lines += ink.flow([("bold yellow", "⚠"), ("", visible(note))], hang=2)
    if verdict.decision != "pass" and lines:
        lines.append("")
    lines += _closing(verdict, ink)
    # Leave room for the prompt below the report, and for a line above the last section that counts the rest.
    room = context.height - len(lines) - 6 if context.height else 10_000
    return ink.sheet([*sections(verdict, ink, room), *lines])


def _board(verdict: Verdict, ink: Ink) -> list[str]:
    """Return one line for each requirement, with an unmet one's needs below it. Those not required are omitted."""
    everything = ink.context.everything
    outcomes = sorted(verdict.outcomes, key=lambda outcome: ORDER.index(outcome.state))
    if not everything:
        outcomes = [outcome for outcome in outcomes if outcome.reason != NOT_ASKED]
    room = max((cells(visible(outcome.id)) for outcome in outcomes), default=0)
    asking = set(lines_of(verdict.reviewers, verdict.approve_with))
    lines: list[str] = []
    for outcome in outcomes:
        lines += _outcome(outcome, verdict, room, ink)
        if outcome.state in {"unmet", "undecided"}:
            lines += help_lines([line for line in outcome.advice if line not in asking], ink, 4)
    return lines


def _outcome(outcome: Outcome, verdict: Verdict, room: int, ink: Ink) -> list[str]:
    name = visible(outcome.id)
    style = "dim" if outcome.state == "not_applicable" else ""
    open_but_free = not outcome.enforced and outcome.state in {"unmet", "undecided"}
    free = open_but_free or (outcome.id == "checks" and outcome.state == "met" and _noted(verdict.checks))
    mark = NOT_ENFORCED if free else MARKS[outcome.state]
    reason = f"not enforced: {outcome.reason}" if open_but_free else outcome.reason
    head = f"{ink.paint(mark[1], mark[0])} {ink.paint(name, style or 'bold')}{' ' * (room - cells(name))}"
    lines = beside(head, [(style, visible(reason))], room + 4, ink)
    if outcome.state in {"unmet", "undecided"}:
        # The approvals needed are listed below, for all requirements together; of what can't merge there are none.
        covered = {path for request in verdict.reviewers for path in request.paths}
        unasked = bool(verdict.change.merge_blocker)
        for missing in outcome.missing:
            if ink.context.everything or not (missing.need and (unasked or covered >= set(missing.paths))):
                lines += _missing(missing, ink)
    if outcome.id == "checks":
        lines += _checks(verdict.checks, outcome.state, ink)
        if verdict.environments:
            lines += ink.flow([("dim", f"in {visible(', '.join(verdict.environments))}")], 4, 2)
    return lines


def _noted(results: Sequence[CheckResult]) -> bool:
    """Return whether a check failed that the policy doesn't enforce."""
    return any(isinstance(result, Ran) and result.blocking and not result.enforced for result in results)


def _missing(missing: Missing, ink: Ink) -> list[str]:
    """Return which rule needs whose approval of which files."""
    lines: list[str] = []
    if missing.need:
        rule = [("dim", f"{visible(missing.rule)}:")] if missing.rule else []
        lines = ink.flow([*rule, ("bold", whom(missing.whom, missing.need))], 4, 2)
    limit = len(missing.paths) if ink.context.everything else MOST_PATHS
    lines += [f"      {visible_path(path)}" for path in missing.paths[:limit]]
    if rest := missing.paths[limit:]:
        more = f"… and {count(len(rest), 'more file')} in {visible(where(rest))}"
        lines.append(f"      {ink.paint(more, 'dim')}")
    return lines


def _checks(results: Sequence[CheckResult], state: RequirementState, ink: Ink) -> list[str]:
    """Return one line for each check without a section; if all passed, only for those that left something out."""
    passed = state == "met" and not ink.context.everything
    old = sum(len(group_of(result).old) for result in results if isinstance(result, Ran)) if passed else 0
    if passed:
        results = [item for item in results if isinstance(item, Ran) and (item.empty or NOT_RUN in item.note)]
    elif not ink.context.everything:
        results = [result for result in results if not has_section(result)]
    room = max((cells(visible(result.id)) for result in results), default=0)
    lines: list[str] = []
    for result in results:
        (style, mark), words = _state_of(result)
        name = visible(result.id)
        head = f"    {ink.paint(mark, style)} {name}{' ' * (room - cells(name))}"
        lines += beside(head, [("", words)], room + 8, ink)
    return lines + (existing(old, 4, ink) if old else [])


def _state_of(result: CheckResult) -> tuple[Piece, str]:
    match result:
        case Ran(blocking=blocking):
            mark = MARKS["not_applicable" if result.empty else "met"]
            if blocking:
                mark = MARKS["unmet"] if result.enforced else NOT_ENFORCED
            return mark, f"{status(result)} {in_brackets(result)}"
        case Broken():
            return MARKS["undecided"], f"could not run ({took(result)})"
        case Skipped(reason=reason):
            return MARKS["not_applicable"], f"not run: {visible(reason)}"
        case _:
            assert_never(result)


def _approvals(verdict: Verdict, ink: Ink) -> list[str]:
    """Return every decision, with its files or the reason why it doesn't count. Waivers are highlighted."""
    kinds = list(reversed(DECISIONS))
    ordered = sorted(verdict.approvals, key=lambda item: (not item.counted, kinds.index(item.kind)))
    limit = len(ordered) if ink.context.everything else MOST_APPROVALS
    lines: list[str] = []
    for approval in ordered[:limit]:
        style, mark, words = DECISIONS[approval.kind]
        if approval.source != "ssh":
            words += f" on {approval.source}"
        if not approval.counted:
            style, mark, words = "dim", "–", f"{words} (not counted)"
        elif approval.kind == "approve" and (covered := approved_text(approval, verdict)):
            words += f" {covered}"
        why = [("", one_line(approval.why))] if approval.why else []
        pieces = [(style, mark), ("bold", visible(approval.by)), ("", visible(words) + ":" * bool(why)), *why]
        lines += ink.flow(pieces, 0, 2)
    if len(ordered) > limit:
        lines += ink.flow([("dim", f"… and {count(len(ordered) - limit, 'more decision')}")], 2, 0)
    return lines


def _reviewers(verdict: Verdict, ink: Ink) -> list[str]:
    """Return the people to ask, and how they approve."""
    needed = [request for request in verdict.reviewers if request.required]
    choices = [request for request in verdict.reviewers if not request.required]
    if not verdict.reviewers:
        return []
    lines = [""]
    if needed:
        lines += ink.flow([("bold", "Approval needed from:")])
        room = min(max(cells(visible(who(request))) for request in needed), WIDEST_NAME)
        for request in needed:
            name = visible(who(request))
            head = f"  {ink.paint(name, 'bold')}{' ' * (room - cells(name))}"
            lines += beside(head, [("", visible(_duties(request, ink)))], room + 4, ink)
    for request in choices:
        which = "any one of" if request.need == 1 else f"any {request.need} of"
        start = f"Approval needed from {which}" if not needed else f"And from {which}"
        names = ("bold", f"{visible(', '.join(request.names))}:")
        lines += ink.flow([("bold", start), names, ("", visible(where(request.paths, _most(ink))))], 0, 2)
    if verdict.approve_with:
        lines += ink.flow([("", visible(capitalized(to_approve(verdict.approve_with))))])
        if ink.context.unpushed:
            lines += ink.flow([("", PUSH_FIRST)])
        elif remote := ink.context.remote:
            # Approvals signed by others since the last fetch aren't here yet.
            text = f"Already approved? `gate approvals --fetch` fetches approvals from {visible(remote)}"
            lines += ink.flow([("dim", text)])
    return lines


def _duties(request: ReviewRequest, ink: Ink) -> str:
    """Return everything that somebody has to approve, with the folders after the role."""
    parts = []
    for duty in request.duties:
        folders = where(duty.paths, _most(ink))
        if duty.role == "code owner":
            parts.append(folders)
        elif duty.role == "reviewer":
            parts.append(f"{folders} (reviewer)")
        else:
            parts.append(duty_text(duty))
    return "; ".join(parts)


def _most(ink: Ink) -> int:
    return 1000 if ink.context.everything else 3


def _closing(verdict: Verdict, ink: Ink) -> list[str]:
    """Return the verdict in one sentence."""
    into = branch(verdict.change.into)
    words = decision_words(verdict)
    if verdict.decision == "pass" and not verdict.change.files:
        return ink.flow([("bold green", f"{words} into {into}.")])
    if verdict.decision == "pass" and verdict.partial:
        ran = listed([visible(result.id) for result in verdict.checks if isinstance(result, Ran)])
        return ink.flow([("bold", f"{words}:"), ("", f"only {ran or 'no check'} ran.")])
    if verdict.decision == "pass":
        what = f"{count(len(verdict.change.files), 'file')} into {into}."
        return ink.flow([("bold green", f"{words}:"), ("", what)])
    style = "bold red" if verdict.decision == "blocked" else "bold yellow"
    end = f"Can't {verb(verdict.change.into)} into {into}."
    return ink.flow([(style, f"{words}:"), ("", f"{reasons(verdict)}. {end}")])
