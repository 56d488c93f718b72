"""Progress on a terminal while checks run: a line for each finished check, and one for those still running."""

from __future__ import annotations

from typing import Final, assert_never

from gate.model import Broken, CheckResult, Ran, Skipped
from gate.reports.context import ReportContext
from gate.reports.terminal_text import Ink
from gate.reports.words import duration, status, visible

ERASE: Final = "\r\x1b[K"
"""Moves to the start of the line, and erases the line."""


class ProgressLines:
    """The state of a run, and the text that updates the terminal.

    The last line names the running checks, without a newline, and is redrawn each time. Write the return values of the
    methods as they are; `end` leaves the cursor on an empty line.
    """

    def __init__(self, context: ReportContext) -> None:
        """Start without checks. `context` has the width, colors, and encoding of the terminal."""
        self._ink = Ink(context)
        self._running: dict[str, float] = {}
        self._tests: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    def started(self, check: str, now: float = 0.0) -> str:
        """Show that the check has started, at `now` in seconds of any clock."""
        self._running[check] = now
        return self._draw("", now)

    def tests(self, check: str, done: int, total: int, now: float = 0.0, failed: str = "") -> str:
        """Show the number of finished tests of the check, and the first that `failed`. `total` is 0 if unknown.

        A failure stays visible while the check runs, even if it starts again to decide about it.
        """
        failed = self._failed[check] = self._failed.get(check) or failed
        words = f"{done:,} of {total:,}" if total >= done else f"{done:,} done"
        failing = f"; failing: {visible(failed)}" if failed else ""
        self._tests[check] = f"({words}{failing})"
        return self._draw("", now)

    def finished(self, result: CheckResult, now: float = 0.0) -> str:
        """Show that the check has finished. A cached result took no time and gets no line."""
        self._running.pop(result.id, None)
        self._tests.pop(result.id, None)
        self._failed.pop(result.id, None)
        return self._draw(self._line(result), now)

    def tick(self, now: float) -> str:
        """Update the elapsed times in the line of running checks."""
        return self._draw("", now) if self._running else ""

    def end(self) -> str:
        """Erase the line of running checks."""
        self._running.clear()
        return ERASE

    def _draw(self, line: str, now: float) -> str:
        done = f"{line}\n" if line else ""
        if not self._running:
            return f"{ERASE}{done}"
        names = ", ".join(
            _elapsed(" ".join([visible(name), *filter(None, [self._tests.get(name)])]), now - start)
            for name, start in self._running.items()
        )
        return f"{ERASE}{done}{self._ink.paint(self._shown(f'  … {names}'), 'dim')}"

    def _shown(self, text: str) -> str:
        """Return `text` in the terminal's encoding, cut so that it never wraps: a wrapped line can't be erased."""
        return self._ink.cut(self._ink.sheet([text]).removesuffix("\n"), self._ink.context.width - 1)

    def _line(self, result: CheckResult) -> str:
        match result:
            case Ran(cached=True):
                return ""
            case Ran(blocking=blocking):
                mark, style = (
                    ("✗", "bold red") if blocking else ("–", "dim") if result.empty else ("✓", "green")
                )
                note = f"{visible(result.note)}, " if result.note else ""
                words = f"{visible(result.id)} {status(result)} ({note}{duration(result.seconds)})"
            case Broken():
                mark, style, words = "?", "bold yellow", f"{visible(result.id)} could not run"
            case Skipped():
                mark, style, words = "–", "dim", f"{visible(result.id)} not run"
            case _:
                assert_never(result)
        shown = self._shown(f"  {mark} {words}")
        return shown.replace(shown[2], self._ink.paint(shown[2], style), 1)


def _elapsed(name: str, seconds: float) -> str:
    """Format elapsed time in whole seconds: `tests 12 s`, `tests (40 of 312) 12 s`, or just the name at first."""
    whole = round(seconds)
    if whole < 1:
        return name
    return f"{name} {whole} s" if whole < 60 else f"{name} {duration(seconds)}"
