"""Follow the progress of a running test suite, from the notes that its plugin writes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from gate.json_input import parse_json

Watch = Callable[[int, int], None]
"""Called with the number of tests done, and the total; the total is 0 if unknown."""
EVERY = 0.5
"""Seconds between two polls."""
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
        last = 0
        while not over.wait(EVERY):
            done, total = _newest(Path(report))
            if done > last:
                last = done
                watch(done, total)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _newest(report: Path) -> tuple[int, int]:
    """Return the newest progress note, or (0, 0) if there is none yet."""
    try:
        with report.open("rb") as file:
            file.seek(max(file.seek(0, 2) - TAIL, 0))
            lines = file.read().splitlines()
    except OSError:
        return 0, 0
    for line in reversed(lines):
        # The first and the last line may be cut off.
        with contextlib.suppress(ValueError, AttributeError, KeyError, TypeError):
            note = parse_json(line)
            if note.get("event") == "progress":
                return int(note["done"]), int(note["total"])
    return 0, 0
