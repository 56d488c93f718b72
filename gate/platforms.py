"""Differences between operating systems: file locks, killing a process group, and waiting for output.

gate checks changes on POSIX systems only, and refuses to start on Windows, where it can't end everything that a check
started. The branches on `sys.platform` are written so that a type checker knows what each system supports.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Protocol

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import select
    import signal

KILLED: Final = 9
"""The signal that kills a process at once."""


class HasFileno(Protocol):
    """An object with a file descriptor to wait for."""

    def fileno(self) -> int:
        """Return the file descriptor."""


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[IO[str]]:
    """Hold the lock file at `path`, creating it if necessary. The lock is released when this process ends.

    Raises BlockingIOError if another process holds it and `wait` is False.
    """
    with path.open("a") as file:
        _lock(file.fileno(), wait=wait)
        yield file


def _lock(descriptor: int, *, wait: bool) -> None:
    if sys.platform == "win32":
        # This locks bytes from the current position on, and gives up after ten seconds.
        os.lseek(descriptor, 0, os.SEEK_SET)
        while True:
            try:
                msvcrt.locking(descriptor, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
            except OSError as error:
                if not wait:
                    raise BlockingIOError(error.errno, "another process holds the lock") from error
            else:
                return
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


def kill_group(group: int) -> None:
    """Kill every process in a group. Raises ProcessLookupError or PermissionError if that isn't possible."""
    if sys.platform != "win32":
        os.killpg(group, signal.SIGKILL)
    else:
        raise OSError("not supported on Windows")


def readable(descriptors: Iterable[int | HasFileno], milliseconds: int) -> frozenset[int]:
    """Wait until at least one of the descriptors is readable, or for the given time, and return those that are."""
    if sys.platform != "win32":
        poll = select.poll()
        for descriptor in descriptors:
            poll.register(descriptor, select.POLLIN)
        return frozenset(number for number, _ in poll.poll(milliseconds))
    else:  # noqa: RET505  the form that type checkers understand
        raise OSError("not supported on Windows")
