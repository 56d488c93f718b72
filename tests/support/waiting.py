"""Waiting for a condition, however slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def until(condition: Callable[[], object], seconds: float = 300.0) -> None:
    """Wait until the condition holds; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not come true in {seconds:g} s"
        time.sleep(0.02)


def alive(group: int) -> bool:
    """Whether a thread of this process group is left.

    A process whose main thread has ended looks like a zombie while its other threads still have its sockets.
    """
    for path in Path("/proc").glob("[0-9]*/task/[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if state not in {"Z", "X"} and int(its_group) == group:
                return True
    return False
