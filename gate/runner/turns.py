"""Who may start next."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class Turns:
    """Lets threads prepare their programs one at a time, in the order of their requests.

    What it takes to start a program is work for one processor, since threads of one Python share it. Side by side,
    all programs would start as late as the last one.
    """

    def __init__(self, turns: int, over: Callable[[], None]) -> None:
        """`over` is called at the end of the last of so many turns."""
        self._lock = threading.Lock()
        self._left = turns
        self._over = over

    @contextlib.contextmanager
    def taken(self) -> Iterator[Callable[[], None]]:
        """One turn. It is over at the end of the `with`, or when what the `with` gets is called before that."""
        with contextlib.ExitStack() as turn:
            self._lock.acquire()
            turn.callback(self._end)
            yield turn.close

    def _end(self) -> None:
        self._left -= 1
        if not self._left:
            self._over()
        self._lock.release()
