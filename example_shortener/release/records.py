"""What an environment remembers: which releases run in it, and everything that was done, a line each."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import getpass
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from release.problems import CannotGo
from release.processes import TICK

SLOTS = ("blue", "green")


@dataclass(frozen=True, slots=True)
class Running:
    """A release in one of the two slots."""

    slot: str
    revision: str
    subject: str
    author: str
    port: int

    @property
    def short(self) -> str:
        """As people know it."""
        return f"{self.revision[:9]} ({self.subject})"


@dataclass(frozen=True, slots=True)
class State:
    """`live` answers; `spare` is the release before it, still running; `candidate` is being watched."""

    live: Running | None = None
    spare: Running | None = None
    candidate: Running | None = None


class Records:
    """The memory of one environment, in its folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is not there."""
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "state.json"
        self._lines = folder / "records.jsonl"

    def state(self) -> State:
        """What runs, as far as is known."""
        if not self._state.exists():
            return State()
        found = json.loads(self._state.read_text("utf-8"))
        return State(**{name: value and Running(**value) for name, value in found.items()})

    def put(self, **changes: Running | None) -> State:
        """Change what runs; whoever reads it at any time reads all of it or nothing of it."""
        state = dataclasses.replace(self.state(), **changes)
        beside = self._state.with_suffix(".new")
        beside.write_text(json.dumps(dataclasses.asdict(state), indent=1), "utf-8")
        beside.replace(self._state)
        return state

    def add(self, event: str, **details: object) -> None:
        """Record that something was done: now, and by whoever runs this."""
        line = {"at": time.time(), "event": event, "by": whoever_now(), **details}
        text = json.dumps(line).encode() + b"\n"
        with self._lines.open("ab", buffering=0) as lines:
            before = lines.tell()
            if lines.write(text) != len(text):
                # Half a line would make all of them unreadable.
                lines.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._lines))

    def all(self) -> list[dict[str, Any]]:
        """Everything that was recorded, oldest first."""
        if not self._lines.exists():
            return []
        return [json.loads(line) for line in self._lines.read_text("utf-8").splitlines()]


def whoever_now() -> str:
    """Who gives the order: whom the CI server names (Jenkins, GitHub, GitLab), else the user."""
    for name in ("BUILD_USER_ID", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(name):
            return os.environ[name]
    return getpass.getuser()


@contextmanager
def alone(folder: Path, *, patience: float = 0.5) -> Iterator[None]:
    """Nobody else changes what runs in `folder` meanwhile; raises CannotGo if somebody does for too long.

    Never without any patience: whoever only asks `at_work` holds the lock for a moment.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    with (folder / "lock").open("a+", encoding="utf-8") as lock:
        while not _locked(lock):
            if time.monotonic() > end:
                raise CannotGo(
                    f"{folder.name}: process {at_work(folder) or '?'} is at work here; wait for its end"
                )
            time.sleep(TICK)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
        lock.truncate(0)


def at_work(folder: Path) -> int | None:
    """The process that is `alone` in `folder`, if one is."""
    try:
        with (folder / "lock").open("r+", encoding="utf-8") as lock:
            return None if _locked(lock) else int(lock.read() or 0) or None
    except FileNotFoundError:
        return None


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
