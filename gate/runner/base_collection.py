"""Collect the tests of the base while those of the head run, so that both can be compared once the head has passed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from gate.process import Cancel
from gate.runner.execute import Outcome


class BaseCollection:
    """A test collection that runs in its own thread after `start`. It is stopped if its result is no longer needed."""

    def __init__(self, collect: Callable[[Cancel], Outcome], cancel: Cancel) -> None:
        """Prepare the collection. `collect` must stop when its argument is set, as it is when `cancel` is set."""
        self._collect, self._cancel = collect, cancel.child()
        self._thread: threading.Thread | None = None
        self._outcome: Outcome | None = None
        self._error: BaseException | None = None

    def start(self) -> None:
        """Start the thread. Further calls have no effect."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def result(self) -> Outcome | None:
        """Wait for the collected tests. Returns None if the collection was never started."""
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
        return self._outcome

    def end(self) -> None:
        """Stop the collection if it is still running, and discard its result."""
        self._cancel.set()
        if self._thread is not None:
            self._thread.join()
        self._thread = self._outcome = self._error = None

    def __enter__(self) -> Self:
        """Return the collection without starting it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the collection."""
        self.end()

    def _run(self) -> None:
        try:
            self._outcome = self._collect(self._cancel)
        except BaseException as error:  # noqa: BLE001 - `result` raises it again in the waiting thread
            self._error = error
