"""An environment, such as staging or production: its folder, what runs in it, and everything that was done."""

from __future__ import annotations

import dataclasses
import errno
import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from release.balancer import Balancer
from release.problems import CannotGo, WrongUsage
from release.services import Service, read_json, replace
from release.settings import Settings, Target

SLOTS = ("blue", "green", "amber", "baseline")
"""The live release, the one before it and a new one take one of the first three each."""
VISITED = "probe"
"""The code that is visited to see whether the service works."""


@dataclass(frozen=True, slots=True)
class Running:
    """A release in one of the slots."""

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
    """`live` answers; `spare` is the release before it and its backup; `candidate` is compared with `baseline`.

    `step` is how many shares the candidate has passed, `waived` who has waived gate's requirements for it.
    """

    live: Running | None = None
    spare: Running | None = None
    candidate: Running | None = None
    baseline: Running | None = None
    step: int = 0
    waived: str = ""


class Records:
    """The memory of one environment, in its folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._state = folder / "state.json"
        self._lines = folder / "records.jsonl"

    def state(self) -> State:
        """What runs, as far as is known."""
        if not self._state.exists():
            return State()
        fields: dict[str, Any] = read_json(self._state)
        values: dict[str, Any] = {k: Running(**v) if isinstance(v, dict) else v for k, v in fields.items()}
        return State(**values)

    def put(self, **changes: Any) -> State:
        """Change what runs; whoever reads it at any time reads all of it or nothing of it."""
        state = dataclasses.replace(self.state(), **changes)
        replace(self._state, json.dumps(dataclasses.asdict(state), indent=1))
        return state

    def add(self, event: str, **details: object) -> None:
        """Record that something was done: now, and by whoever runs this."""
        fields = {"at": time.time(), "event": event, "by": current_user(), **details}
        text = json.dumps(fields).encode() + b"\n"
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
        records = []
        for line in self._lines.read_text("utf-8", "replace").splitlines():
            # A machine that lost its power may have left half a line.
            with suppress(ValueError):
                records.append(json.loads(line))
        return records


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of these settings."""

    settings: Settings
    name: str

    @classmethod
    def named(cls, settings: Settings, name: str) -> Environment:
        """Raises WrongUsage if there is none of that name."""
        if name not in settings.environments:
            raise WrongUsage(f"{name}: expected one of {', '.join(settings.environments)}")
        return cls(settings, name)

    @property
    def folder(self) -> Path:
        """Where its data, logs and records are."""
        return self.settings.folder / self.name

    @property
    def target(self) -> Target:
        """Its entry in release.toml."""
        return self.settings.environments[self.name]

    @property
    def records(self) -> Records:
        """What it remembers."""
        return Records(self.folder)

    @property
    def balancer(self) -> Balancer:
        """The haproxy in front of it."""
        return Balancer(self.folder, self.server("haproxy"), self.ports())

    @property
    def database(self) -> Path:
        """The data, which all releases share."""
        return self.folder / "links.db"

    def server(self, slot: str) -> Service:
        """The service in a slot: a gunicorn."""
        return Service(self.settings.folder, f"{self.name}-{slot}", self.settings.services == "systemd")

    def tree(self, release: Running) -> Path:
        """The code of a release."""
        return self.settings.folder / "releases" / release.revision

    def port(self) -> int:
        """Where visitors are answered; raises CannotGo if it is not up."""
        return self.ports()[0]

    def choose_ports(self) -> None:
        """Decide once where haproxy listens; raises CannotGo where somebody else does."""
        port = self.target.port or free_port()
        must_be_free(port)
        (self.folder / "ports").write_text(f"{port} {free_port()}", "utf-8")

    def servers(self, state: State, share: int = 0) -> dict[str, tuple[int, int]]:
        """The port and the weight of each role: with `share` percent for the candidate, as much for its baseline."""
        if state.live is None:
            return {}
        base = min(share, 100 - share) if state.baseline and state.candidate else 0
        weights = {"live": (state.live, 100 - share - base), "baseline": (state.baseline, base)}
        weights |= {"candidate": (state.candidate, share), "spare": (state.spare, 0)}
        return {role: (release.port, weight) for role, (release, weight) in weights.items() if release}

    def ports(self) -> tuple[int, int]:
        """Where haproxy listens for visitors, and where for Prometheus; raises CannotGo if it is not up."""
        try:
            public, numbers = (self.folder / "ports").read_text("utf-8").split()
        except OSError as error:
            raise CannotGo(f"{self.name} is not up; bring it up with: python -m release up") from error
        return int(public), int(numbers)


def must_be_free(port: int) -> None:
    """Raise CannotGo where somebody else listens: what answers there would be taken for one's own."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("127.0.0.1", port))
        except OSError as error:
            message = f"port {port} is taken: {error.strerror}; set another one in release.toml"
            raise CannotGo(message) from error


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def current_user() -> str:
    """Who gives the order: whom the CI server names (Jenkins, GitHub, GitLab), else the user."""
    for name in ("BUILD_USER_ID", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(name):
            return os.environ[name]
    return getpass.getuser()


@contextmanager
def alone(folder: Path, *, patience: float = 0.5) -> Iterator[None]:
    """Nobody else changes what runs in `folder` meanwhile; raises CannotGo if somebody does for too long."""
    folder.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    # Not with mode "a": what is written to such a file goes to its end, whatever the offset.
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(descriptor, "r+", encoding="utf-8") as lock:
        while not _locked(lock):
            if time.monotonic() > end:
                raise CannotGo(
                    f"{folder.name}: process {at_work(folder) or '?'} is at work here; wait for its end"
                )
            time.sleep(0.02)
        # Padded, so that it is overwritten in place on a full disk as well.
        os.pwrite(lock.fileno(), f"{os.getpid():<16}".encode(), 0)
        yield
        os.pwrite(lock.fileno(), b" " * 16, 0)


def at_work(folder: Path) -> int | None:
    """The process that is `alone` in `folder`, if one is."""
    try:
        with (folder / "lock").open("r+", encoding="utf-8") as lock:
            return None if _locked(lock) else int(lock.read(16).strip() or 0) or None
    except FileNotFoundError:
        return None


def _locked(lock: TextIO) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
