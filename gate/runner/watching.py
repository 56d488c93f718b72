"""Follow the progress of a running test suite, from the notes that its plugin writes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from gate.json_input import parse_json

Watch = Callable[[int, int, str], None]
"""Called with the number of tests done, the total (0 if unknown), and the first test that failed, if any."""
EVERY = 0.5
"""Seconds between two polls."""
NOTHING = (0, 0, "")
TAIL = 4096
"""How many bytes to read from the end of the report: more than any one note takes."""


@contextlib.contextmanager
def watched(report: str, watch: Watch | None) -> Iterator[None]:
    """Call `watch` in a separate thread whenever the run makes progress, until the block ends."""
    if watch is None:
        yield
        return
    over = threading.Event()

    def look() -> None:
        last = NOTHING
        while not over.wait(EVERY):
            newest = _newest(Path(report))
            if newest not in {NOTHING, last}:
                last = newest
                watch(*newest)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _newest(report: Path) -> tuple[int, int, str]:
    """Return the newest progress note, or `NOTHING` if there is none yet."""
    try:
        with report.open("rb") as file:
            file.seek(max(file.seek(0, 2) - TAIL, 0))
            lines = file.read().splitlines()
    except OSError:
        return NOTHING
    for line in reversed(lines):
        # The first and the last line may be cut off.
        with contextlib.suppress(ValueError, AttributeError, KeyError, TypeError):
            note = parse_json(line)
            if note.get("event") == "progress":
                return int(note["done"]), int(note["total"]), str(note["failed"])
    return NOTHING
