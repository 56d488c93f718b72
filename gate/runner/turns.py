"""Let threads start their programs one after the other."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class Turns:
    """Lets threads prepare their programs one at a time, in the order of their requests.

    Preparing a program keeps one processor busy, because threads of one Python share it. In parallel, all programs
    would start as late as the last one.
    """

    def __init__(self, turns: int, over: Callable[[], None]) -> None:
        """Allow this many turns. `over` is called at the end of the last one."""
        self._lock = threading.Lock()
        self._left = turns
        self._over = over

    @contextlib.contextmanager
    def taken(self) -> Iterator[Callable[[], None]]:
        """Take one turn. It is over when the `with` block ends, or earlier if the yielded function is called."""
        with contextlib.ExitStack() as turn:
            self._lock.acquire()
            turn.callback(self._end)
            yield turn.close

    def _end(self) -> None:
        self._left -= 1
        if not self._left:
            self._over()
        self._lock.release()
