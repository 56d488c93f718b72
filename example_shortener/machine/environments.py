"""Manage an environment, such as staging or production: its folder, its state, and its records."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from machine.balancer import Balancer
from machine.engines import Service, port_of
from machine.problems import CannotGo, Overtaken, WrongUsage
from machine.settings import Settings, Target
from machine.system import PATIENCE, alone, current_user, read_json, replace

SLOTS = ("blue", "green", "amber")
"""One slot each for the live release, the previous one, and a new one. The baseline has its own."""
VISITED = "probe"
"""The short code of the link that probes request."""
NOT_EXPOSED = -1
"""The step of a candidate that doesn't get requests yet."""


@dataclass(frozen=True, slots=True)
class Running:
    """A release in one of the slots. `command` is the shell line that supervisord runs."""

    slot: str
    revision: str
    subject: str
    author: str
    port: int = 0
    command: str = ""

    @property
    def short(self) -> str:
        """The revision and the subject, for messages."""
        return f"{self.revision[:9]} ({self.subject})"


@dataclass(frozen=True, slots=True)
class State:
    """`live` serves requests; `spare` is the previous release, its backup; `candidate` is compared with `baseline`.

    `step` is an index into the environment's shares, `waived` names who waived gate's requirements for the candidate.
    `since` is when the candidate got its first request; `requests` and `failed` are haproxy's counters at that time.
    `owed` is what gate still has to record about `live`: that it is the first release, or that it is live again.
    """

    live: Running | None = None
    spare: Running | None = None
    candidate: Running | None = None
    baseline: Running | None = None
    step: int = NOT_EXPOSED
    waived: str = ""
    since: float = 0.0
    requests: int = 0
    failed: int = 0
    owed: Literal["", "first", "rollback"] = ""

    @property
    def releases(self) -> dict[str, Running]:
        """The releases by role."""
        roles = ("live", "baseline", "candidate", "spare")
        return {role: release for role in roles if (release := getattr(self, role))}


class Records:
    """The state and the records of one environment, in its folder."""

    def __init__(self, folder: Path) -> None:
        """Create `folder` if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._state, self._lines = folder, folder / "state.json", folder / "records.jsonl"

    def state(self) -> State:
        """Return the most recent state. Raises CannotGo if the file is damaged."""
        try:
            fields = read_json(self._state) if self._state.exists() else {}
            values: dict[str, Any] = {
                k: Running(**v) if isinstance(v, dict) else v for k, v in fields.items()
            }
            return State(**values)
        except (TypeError, AttributeError) as error:
            raise CannotGo(f"{self._state} is damaged: {error}") from error

    @contextmanager
    def changing(self, was: State | None = None) -> Iterator[State]:
        """Lock the state. Raises Overtaken if it is no longer what it `was`."""
        with alone(self._folder / "state.lock", patience=PATIENCE):
            state = self.state()
            if was is not None and state != was:
                raise Overtaken("somebody else has changed what runs meanwhile, such as by a rollback")
            yield state

    def write(self, state: State) -> State:
        """Replace the state atomically: readers get either the old one or the new one."""
        replace(self._state, json.dumps(dataclasses.asdict(state), indent=1))
        return state

    def change(self, was: State, **changes: Any) -> State:
        """Write and return the changed state. Raises Overtaken if it is no longer what it `was`."""
        with self.changing(was):
            return self.write(dataclasses.replace(was, **changes))

    def add(self, event: str, about: Running | None = None, **details: object) -> None:
        """Record an event `about` a release, with the time and the current user."""
        release = {"revision": about.revision, "subject": about.subject} if about else {}
        fields = {"at": time.time(), "event": event, "by": current_user(), **release, **details}
        text = json.dumps(fields).encode() + b"\n"
        with self._lines.open("ab+", buffering=0) as lines:
            before = lines.tell()
            lines.seek(max(0, before - 1))
            # A power failure may have left a partial line.
            text = text if lines.read(1) in {b"", b"\n"} else b"\n" + text
            if lines.write(text) != len(text):
                # So would a full disk.
                lines.truncate(before)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._lines))
            os.fsync(lines.fileno())


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment in the settings."""

    settings: Settings
    name: str

    @classmethod
    def named(cls, settings: Settings, name: str) -> Environment:
        """Return the environment with this name. Raises WrongUsage if there is none."""
        if name not in settings.environments:
            raise WrongUsage(f"{name}: expected one of {', '.join(settings.environments)}")
        return cls(settings, name)

    @property
    def folder(self) -> Path:
        """The folder of its data, logs, and records."""
        return self.settings.folder / self.name

    @property
    def target(self) -> Target:
        """Its entry in release.toml."""
        return self.settings.environments[self.name]

    @property
    def records(self) -> Records:
        """Its state and records."""
        return Records(self.folder)

    @property
    def balancer(self) -> Balancer:
        """The haproxy in front of it."""
        return Balancer(self.folder, self.server("haproxy"))

    @property
    def database(self) -> Path:
        """The database, which all releases share."""
        return self.folder / "links.db"

    @property
    def deploying(self) -> Path:
        """The lock that `deploy`, `up`, and `down` hold. A rollback doesn't wait for it."""
        return self.folder / "deploying.lock"

    def server(self, slot: str) -> Service:
        """Return the gunicorn in a slot."""
        return Service(self.settings.folder, f"{self.name}-{slot}")

    def tree(self, release: Running) -> Path:
        """Return the folder with the code of a release."""
        return self.settings.folder / "releases" / release.revision

    def port(self) -> int:
        """Return the public port. Raises CannotGo if the environment is not up."""
        return port_of(self.settings, self.name)

    def servers(self, state: State) -> dict[str, tuple[int, int]]:
        """Return port and weight of each role. The baseline gets the same share as the candidate."""
        share = self.target.shares[state.step] if state.step > NOT_EXPOSED else 0
        base = min(share, 100 - share) if state.baseline else 0
        weights = {"live": 100 - share - base, "baseline": base, "candidate": share, "spare": 0}
        return {role: (release.port, weights[role]) for role, release in state.releases.items()}
