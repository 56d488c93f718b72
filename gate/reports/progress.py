"""What to draw on a terminal while checks run: a line for each that ended, and one for those still at it."""

from __future__ import annotations

from typing import Final, assert_never

from gate.model import Broken, CheckResult, Ran, Skipped
from gate.reports.context import ReportContext
from gate.reports.ink import Ink
from gate.reports.words import duration, listed, status, visible

ERASE: Final = "\r\x1b[K"
"""Back to the start of the line, and everything after it away."""


class ProgressLines:
    """The state of a run, and the text that brings a terminal up to date with it.

    The last line names the checks that run, without a line end, and is drawn anew each time. Write what the
    methods return as it is; `end` leaves the cursor on an empty line.
    """

    def __init__(self, context: ReportContext) -> None:
        """Nothing has started. `context` says the width, the colours and the encoding of the terminal."""
        self._ink = Ink(context)
        self._running: list[str] = []

    def started(self, check: str) -> str:
        """The check has been started."""
        self._running.append(check)
        return self._draw("")

    def finished(self, result: CheckResult) -> str:
        """The check has come to its end. A result that was kept took no time and gets no line."""
        if result.id in self._running:
            self._running.remove(result.id)
        return self._draw(self._line(result))

    def end(self) -> str:
        """Nothing runs any more: what was drawn for the moment goes."""
        self._running.clear()
        return ERASE

    def _draw(self, line: str) -> str:
        done = f"{line}\n" if line else ""
        if not self._running:
            return f"{ERASE}{done}"
        names = listed([visible(name) for name in self._running])
        return f"{ERASE}{done}{self._ink.paint(self._shown(f'  … {names}'), 'dim')}"

    def _shown(self, text: str) -> str:
        """`text` as the terminal can show it, cut so that it never wraps: a wrapped line cannot be erased."""
        return self._ink.cut(self._ink.sheet([text]).removesuffix("\n"), self._ink.context.width - 1)

    def _line(self, result: CheckResult) -> str:
        match result:
            case Ran(cached=True):
                return ""
            case Ran(blocking=blocking):
                mark, style = (
                    ("✗", "bold red") if blocking else ("–", "dim") if result.empty else ("✓", "green")
                )
                words = f"{visible(result.id)} {status(result)} ({duration(result.seconds)})"
            case Broken():
                mark, style, words = "?", "bold yellow", f"{visible(result.id)} could not run"
            case Skipped():
                mark, style, words = "–", "dim", f"{visible(result.id)} not run"
            case _:
                assert_never(result)
        shown = self._shown(f"  {mark} {words}")
        return shown.replace(shown[2], self._ink.paint(shown[2], style), 1)
