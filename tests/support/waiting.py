"""Wait for a condition, no matter how slow the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

PATIENCE = 300.0
"""Seconds after which a condition counts as never met: so many that no busy machine needs them."""
STAY = "open({note!r}, 'w').write(str(os.getpid()) + '\\n'); time.sleep(600)"
"""Python that writes the number of its process to a note, and then stays."""
WAIT_FOR_NOTE = (
    "while not os.path.exists({note!r}) or not open({note!r}).read().endswith('\\n'): time.sleep(0.01)"
)
"""Python that waits until STAY has written its note."""


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until the condition holds. Fails after this many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not come true in {seconds:g} s"
        time.sleep(0.02)


def alive(group: int) -> bool:
    """Return whether a thread of this process group is left.

    A process whose main thread has ended looks like a zombie while its other threads still hold its sockets.
    """
    return any(
        state not in {"Z", "X"} and its_group == group
        for folder in Path("/proc").glob("[0-9]*")
        for state, its_group in _threads(folder / "task")
    )


def _threads(folder: Path) -> Iterator[tuple[str, int]]:
    """Yield the state and the process group of each thread of a process, which may end meanwhile."""
    with suppress(OSError):
        for thread in folder.iterdir():
            with suppress(OSError):
                state, _, group = (thread / "stat").read_text().rpartition(")")[2].split()[:3]
                yield state, int(group)


def is_running(pid: int) -> bool:
    """Return whether the process is running. A zombie that waits to be reaped isn't."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in {"Z", "X"}


def has_started(note: Path) -> bool:
    """Return whether a process that runs STAY has written its whole note."""
    return note.exists() and note.read_text().endswith("\n")


def written_pid(note: Path) -> int:
    """Wait for the note of the process that runs STAY, and return the process id in it."""
    until(lambda: has_started(note))
    return int(note.read_text())
