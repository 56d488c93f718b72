"""Share work with other processes if the machine has more than one processor available.

The other processes are forks of this one, so they see everything that was read before. If there can be none, or one is
lost, this process does the work.
"""

from __future__ import annotations

import gc
import marshal
import mmap
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

MOST = 4


class WorkerPool:
    """Calls `work` with each of `items`, also in other processes, which start at once. Results must be plain data.

    With `more`, only the items in `first` are processed, and those that `more` finds in a result.

    Each process starts at a different place, so that it works on neighboring items, and claims each item in shared
    memory. Two processes that claim an item at the same instant both work on it, which does no harm.
    """

    def __init__(
        self,
        items: Sequence[str],
        work: Callable[[str], Any],
        *,
        first: Sequence[str] | None = None,
        more: Callable[[Any], Iterable[str]] | None = None,
    ) -> None:
        """Start the other processes. They work while this one does something else, until it needs the answers."""
        self._items = items
        self._work = work
        self._places = {item: index for index, item in enumerate(items)}
        self._more = more
        self._first = [self._places[item] for item in (items if first is None else first)]
        self._claimed = mmap.mmap(-1, max(len(items), 1))
        self._helpers: list[tuple[int, int]] = []
        if hasattr(os, "fork"):
            self._start(min(processors() - 1, MOST - 1, len(self._first)))

    def _start(self, helpers: int) -> None:
        if sys.platform != "win32":
            for number in range(1, helpers + 1):
                answers, written = os.pipe()
                try:
                    helper = os.fork()
                except OSError:
                    os.close(answers)
                    os.close(written)
                    return
                if not helper:
                    self._help(written, len(self._first) * number // (helpers + 1))
                os.close(written)
                self._helpers.append((helper, answers))

    def _help(self, written: int, begin: int) -> None:
        """Work from one place on, write the answers to a pipe, and exit."""
        try:
            gc.disable()
            data = marshal.dumps(self._take([*self._first[begin:], *self._first[:begin]]))
            with os.fdopen(written, "wb") as pipe:
                pipe.write(data)
        finally:
            os._exit(0)

    def _take(self, indexes: Sequence[int]) -> dict[int, Any]:
        """Work on the items that no process has claimed yet, and return the answers."""
        results: dict[int, Any] = {}
        waiting = list(reversed(indexes))
        while waiting:
            index = waiting.pop()
            if not self._claimed[index]:
                self._claimed[index] = 1
                results[index] = self._work(self._items[index])
                waiting += self._after(results[index])
        return results

    def _after(self, answer: Any) -> list[int]:
        if self._more is None:
            return []
        return [self._places[item] for item in self._more(answer) if item in self._places]

    def answers(self) -> dict[str, Any]:
        """Return the answer to each item, in order. This process works on the items that no other has claimed."""
        results = self._take(self._first)
        for helper, answers in self._helpers:
            with os.fdopen(answers, "rb") as pipe:
                data = pipe.read()
            os.waitpid(helper, 0)
            try:
                results |= marshal.loads(data)  # noqa: S302  written by a copy of this process
            except (ValueError, EOFError, TypeError):
                continue
        self._helpers = []
        # If a worker was killed, this process does its remaining work.
        expected = {*self._first, *chain.from_iterable(map(self._after, results.values()))}
        while lost := expected - results.keys():
            for index in lost:
                self._claimed[index] = 0
            again = self._take(sorted(lost))
            results |= again
            expected = set(chain.from_iterable(map(self._after, again.values())))
        return {self._items[index]: results[index] for index in sorted(results)}


def processors() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
