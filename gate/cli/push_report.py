"""The message for a rejected push: a few plain lines, which git prefixes with `remote: `."""

from __future__ import annotations

from collections.abc import Iterator

from gate.app.server.moves import Received, Refusal
from gate.model import Broken, Outcome, Ran
from gate.reports.words import visible
from gate.requirements import checks
from gate.wording import count

MOST_LINES = 13
WIDEST = 240
SHOWN_FINDINGS = 3
SHOWN_ADVICE = 3


def lines_of(received: Received) -> list[str]:
    """Return the lines for stderr. Empty if every update is accepted."""
    lines = [f"gate: {note}" for note in received.notes]
    for refused in received.refusals:
        lines += _refused(refused)
    shown = [_clipped(visible(line)) for line in lines[:MOST_LINES]]
    left = len(lines) - len(shown)
    return (
        [*shown, f"  … and {count(left, 'more line')}; run `gate check` to see everything"]
        if left > 0
        else shown
    )


def _refused(refused: Refusal) -> Iterator[str]:
    yield f"gate: {refused.ref.removeprefix('refs/heads/')}: {refused.reason}"
    for outcome in refused.outcomes:
        yield f"  {outcome.id}: {outcome.reason}"
        details = _findings(refused) if outcome.id == checks.ID else _advice(outcome)
        yield from (f"    {line}" for line in details)
    if refused.help:
        yield f"  help: {refused.help}"


def _advice(outcome: Outcome) -> tuple[str, ...]:
    return outcome.advice[:SHOWN_ADVICE]


def _findings(refused: Refusal) -> Iterator[str]:
    for result in refused.checks:
        if isinstance(result, Broken):
            yield f"{result.id}: {result.reason}"
        elif isinstance(result, Ran):
            for finding in result.blocking[:SHOWN_FINDINGS]:
                position = f"{finding.path}:{finding.line}" if finding.line else finding.path
                yield f"{position}: {finding.rule} {finding.message}".replace("\n", " ")


def _clipped(line: str) -> str:
    return line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
