"""Work that is shared with another process, where the machine has more than one processor to give.

The other process is a copy of this one: it sees all that was read before. Where there can be none, or it is
lost, everything is done here.
"""

from __future__ import annotations

import gc
import marshal
import os
from collections.abc import Callable, Sequence
from typing import Any

MOST = 4
_SIZE = 4
_QUEUE = 8_000
"""How many numbers surely fit into a pipe before anybody reads from it."""


class Ahead:
    """Calls `work` with each of `items`; the answers have to be plain data. Other processes begin at once."""

    def __init__(self, items: Sequence[Any], work: Callable[[Any], Any], *, least: int = 2) -> None:
        """Nobody is asked for help with fewer than `least` items."""
        self._items = items
        self._work = work
        self._helpers: list[tuple[int, int]] = []
        self._queue = -1
        if least <= len(items) <= _QUEUE and hasattr(os, "fork"):
            self._start(min(processors(), MOST, len(items)) - 1)

    def _start(self, helpers: int) -> None:
        if helpers < 1:
            return
        self._queue, numbers = os.pipe()
        os.write(numbers, b"".join(number.to_bytes(_SIZE, "big") for number in range(len(self._items))))
        os.close(numbers)
        for _ in range(helpers):
            answers, written = os.pipe()
            try:
                helper = os.fork()
            except OSError:
                os.close(answers)
                os.close(written)
                return
            if not helper:
                self._help(written)
            os.close(written)
            self._helpers.append((helper, answers))

    def _help(self, written: int) -> None:
        """Work on what is left, write down the answers, and end."""
        try:
            gc.disable()
            data = marshal.dumps(self._take())
            with os.fdopen(written, "wb") as told:
                told.write(data)
        finally:
            os._exit(0)

    def _take(self) -> dict[int, Any]:
        found: dict[int, Any] = {}
        while number := os.read(self._queue, _SIZE):
            place = int.from_bytes(number, "big")
            found[place] = self._work(self._items[place])
        return found

    def answers(self) -> list[Any]:
        """All answers, in the order of the items; this process works on what nobody has begun."""
        found: dict[int, Any] = {}
        if self._helpers:
            found = self._take()
            os.close(self._queue)
        for helper, answers in self._helpers:
            with os.fdopen(answers, "rb") as told:
                data = told.read()
            os.waitpid(helper, 0)
            try:
                found |= marshal.loads(data)  # noqa: S302  written by a copy of this process
            except (ValueError, EOFError, TypeError):
                continue
        self._helpers = []
        # What a helper took with it when it was ended is done here.
        return [
            found[place] if place in found else self._work(item) for place, item in enumerate(self._items)
        ]


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
