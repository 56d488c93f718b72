"""Detect what stdout and stderr can display."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from gate.runner import Event


def wants_colour(stream: TextIO | None = None) -> bool:
    """Return whether `stream` (default: stdout) is a terminal with color.

    NO_COLOR and FORCE_COLOR take precedence.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def terminal_width(stream: TextIO | None = None) -> int:
    """Return the width of the terminal behind `stream`, limited to 20-120, or 80 if there is none."""
    try:
        columns = os.get_terminal_size((stream or sys.stdout).fileno()).columns
    except (OSError, ValueError):
        return 80
    # A terminal whose size was never set reports 0.
    return max(20, min(columns, 120)) if columns else 80


def print_wrapped(text: str, indent: str = "", hang: int = 2, end: str = "\n") -> None:
    """Print a line. A terminal gets it wrapped at spaces, with more indentation by `hang` from the second line on.

    Everything else gets it unchanged. `indent` can begin with a mark, and with escape sequences. `end` follows the last
    line, as in `print`; a question ends with a space instead.
    """
    import re

    from gate.reports.context import ReportContext
    from gate.reports.terminal_text import Ink, cells

    try:
        wide = os.get_terminal_size(sys.stdout.fileno()).columns
    except (OSError, ValueError):
        wide = 0
    start = cells(re.sub(r"\033\[[\d;]*m", "", indent))
    room = ReportContext(width=max(20, min(wide, 120)) - start if wide else 1_000_000)
    first, *rest = Ink(room).flow([("", text)], 0, hang) or [""]
    lines = [f"{indent}{first if wide else text}", *(f"{' ' * start}{line}" for line in rest)]
    print("\n".join(lines), end=end)


def terminal_height(stream: TextIO | None = None) -> int:
    """Return the height of the terminal behind `stream`, or 0 if there is none."""
    try:
        return os.get_terminal_size((stream or sys.stdout).fileno()).lines
    except (OSError, ValueError):
        return 0


@contextlib.contextmanager
def shown_progress() -> Iterator[Callable[[Event], None]]:
    """Yield a listener that displays the progress of checks on stderr if it is a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        from gate.app.checking.request import no_progress

        yield no_progress
        return
    from gate.reports.context import ReportContext
    from gate.reports.progress import ProgressLines

    lines = ProgressLines(
        ReportContext(wants_colour(sys.stderr), terminal_width(sys.stderr), sys.stderr.encoding or "utf-8")
    )
    drawing = threading.Lock()
    over = threading.Event()

    def draw(text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()

    def show(event: Event) -> None:
        # Checks run in parallel, and each reports from its own thread.
        with drawing:
            now = time.monotonic()
            if event.kind == "tests":
                draw(lines.tests(event.id, event.done, event.total, now, event.failed))
            elif event.result is None:
                draw(lines.started(event.id, now))
            else:
                draw(lines.finished(event.result, now))

    def tick() -> None:
        while not over.wait(1.0):
            with drawing:
                draw(lines.tick(time.monotonic()))

    clock = threading.Thread(target=tick, daemon=True)
    clock.start()
    try:
        yield show
    finally:
        over.set()
        clock.join()
        with drawing:
            draw(lines.end())


def typed_answer(question: str) -> str:
    """Return the line that the user types, or "" at the end of input."""
    try:
        return input(question).strip()
    except EOFError:
        return ""
