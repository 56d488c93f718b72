"""Lists of branches: those waiting for the user's review, and what the user's own branches still need. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gate.model import Broken, CheckResult, Duty, Ran, ReviewRequest, Skipped, Verdict
from gate.reports.context import ReportContext
from gate.reports.terminal_text import Ink
from gate.reports.words import decision_words, reasons, visible
from gate.requirements.review_requests import lines_of, where
from gate.wording import count, listed

MARKS = {"pass": ("green", "✓"), "blocked": ("bold red", "✗"), "undecided": ("bold yellow", "?")}
SIZES = ((86400, "day"), (3600, "hour"), (60, "minute"))


def age(seconds: int) -> str:
    """Format an age: `3 days ago`, `just now`."""
    for size, noun in SIZES:
        if seconds >= size:
            return f"{count(seconds // size, noun)} ago"
    return "just now"


def checks_text(results: Sequence[CheckResult]) -> str:
    """Return the known results, without running checks: `lint passed, tests failed (2); not run yet: types`."""
    done = [_check(result) for result in results if not isinstance(result, Skipped)]
    waiting = [visible(result.id) for result in results if isinstance(result, Skipped)]
    if not done:
        return "checks have not run yet"
    return "; ".join([", ".join(done), *([f"not run yet: {', '.join(waiting)}"] if waiting else [])])


def _check(result: Ran | Broken) -> str:
    name = visible(result.id)
    if isinstance(result, Ran):
        return f"{name} failed ({len(result.blocking)})" if result.blocking else f"{name} passed"
    return f"{name} could not run"


def inbox_lines(
    name: str, about: str, person: str, mine: Sequence[ReviewRequest], verdict: Verdict, ink: Ink
) -> list[str]:
    """Describe a branch that waits for a review by `person`: their files and the checks. Commands accept `name`."""
    lines = ink.flow([("bold", visible(name)), ("dim", visible(about))], 0, 2)
    for request in mine:
        others = () if request.required else tuple(other for other in request.names if other != person)
        alternatives = f"; {listed(others, 'or')} can instead" if others else ""
        for duty in request.duties:
            lines += ink.flow([("", f"{_yours(duty)}{visible(alternatives)}")], 2, 2)
    return [*lines, *ink.flow([("dim", checks_text(verdict.checks))], 2, 2)]


def _yours(duty: Duty) -> str:
    return f"{visible(where(duty.paths))} as {visible(duty.role)}"


def status_lines(name: str, about: str, verdict: Verdict | None, trouble: str, ink: Ink) -> list[str]:
    """Describe a branch of the user, and what it still needs."""
    if verdict is None:
        return [*_title(("bold yellow", "?"), name, about, ink), *ink.flow([("", visible(trouble))], 4, 2)]
    lines = _title(MARKS[verdict.decision], name, about, ink)
    words = decision_words(verdict)
    why = f"{words}: {reasons(verdict)}" if verdict.decision != "pass" else words
    lines += ink.flow([("", why)], 4, 2)
    invalid = (item for item in verdict.outcomes if item.id == "mergeable" and item.blocks)
    details = [line for item in invalid for line in (item.reason, *item.advice)]
    for line in (*details, *lines_of(verdict.reviewers)):
        lines += ink.flow([("", visible(line))], 4, 2)
    return [*lines, *ink.flow([("dim", checks_text(verdict.checks))], 4, 2)]


def _title(mark: tuple[str, str], name: str, about: str, ink: Ink) -> list[str]:
    return ink.flow([mark, ("bold", visible(name)), ("dim", visible(about))], 0, 2)


def sheet(blocks: Iterable[Sequence[str]], closing: str, context: ReportContext) -> str:
    """Return the blocks with a blank line between them, and the summary as the last line."""
    lines: list[str] = []
    for block in blocks:
        lines += [*block, ""]
    return Ink(context).sheet([*lines, closing])


def to_data(
    name: str,
    commit: str,
    committed: int,
    mine: Sequence[ReviewRequest],
    verdict: Verdict | None,
    trouble: str,
) -> dict[str, Any]:
    """Return a branch as JSON."""
    return {
        "branch": name,
        "commit": commit,
        "committed": committed,
        "outcome": verdict.decision if verdict else "undecided",
        "reason": reasons(verdict) if verdict else trouble,
        "files": list(dict.fromkeys(path for request in mine for path in request.paths)),
        "reviewers": [
            {
                "names": list(item.names),
                "need": item.need,
                "required": item.required,
                "paths": list(item.paths),
            }
            for item in (verdict.reviewers if verdict else ())
        ],
        "checks": {result.id: _state(result) for result in (verdict.checks if verdict else ())},
    }


def _state(result: CheckResult) -> str:
    if isinstance(result, Ran):
        return "failed" if result.blocking else "passed"
    return "broken" if isinstance(result, Broken) else "not run"
