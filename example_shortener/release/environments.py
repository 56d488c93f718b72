"""An environment, such as staging or production: its folder, what runs in it, and everything that was done."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from release.balancer import Balancer
from release.engines import Service, port_of
from release.machine import PATIENCE, alone, current_user, read_json, replace
from release.problems import Overtaken, WrongUsage
from release.settings import Settings, Target

SLOTS = ("blue", "green", "amber")
"""The live release, the one before it and a new one take one of these each; the baseline has its own."""
VISITED = "probe"
"""The code that is visited to see whether the service works."""
PREPARING = -1
"""The step of a candidate that gets no requests yet."""


@dataclass(frozen=True, slots=True)
class Running:
    """A release in one of the slots. `command` is the line of shell that supervisord runs."""

    slot: str
    revision: str
    subject: str
    author: str
    port: int = 0
    command: str = ""

    @property
    def short(self) -> str:
        """As people know it."""
        return f"{self.revision[:9]} ({self.subject})"


@dataclass(frozen=True, slots=True)
class State:
    """`live` answers; `spare` is the release before it and its backup; `candidate` is compared with `baseline`.

    `step` is the place in the environment's shares, `waived` who has waived gate's requirements for the candidate.
    When it got its first request, it was `since`, and haproxy had counted so many `requests`, of which had `failed`.
    `owed` is what gate has yet to record about `live`: that it is there at all, or that it is there again.
    """

    live: Running | None = None
    spare: Running | None = None
    candidate: Running | None = None
    baseline: Running | None = None
    step: int = PREPARING
    waived: str = ""
    since: float = 0.0
    requests: int = 0
    failed: int = 0
    owed: Literal["", "first", "rollback"] = ""

    @property
    def releases(self) -> dict[str, Running]:
        """Each release by its role."""
        roles = ("live", "baseline", "candidate", "spare")
        return {role: release for role in roles if (release := getattr(self, role))}


class Records:
    """The memory of one environment, in its folder."""

    def __init__(self, folder: Path) -> None:
        """`folder` is made if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._state, self._lines = folder, folder / "state.json", folder / "records.jsonl"

    def state(self) -> State:
        """What runs, as far as is known."""
        if not self._state.exists():
            return State()
        fields: dict[str, Any] = read_json(self._state)
        values: dict[str, Any] = {k: Running(**v) if isinstance(v, dict) else v for k, v in fields.items()}
        return State(**values)

    @contextmanager
    def changing(self, was: State | None = None) -> Iterator[State]:
        """Nobody else changes what runs meanwhile; raises Overtaken where it is not what it `was` any more."""
        with alone(self._folder / "state.lock", patience=PATIENCE):
            state = self.state()
            if was is not None and state != was:
                raise Overtaken("somebody else has changed what runs meanwhile, such as by a rollback")
            yield state

    def write(self, state: State) -> State:
        """Change what runs; whoever reads it at any time reads all of it or what was there before."""
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
        records = []
        for line in self._lines.read_text("utf-8", "replace").splitlines() if self._lines.exists() else ():
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
        return Balancer(self.folder, self.server("haproxy"))

    @property
    def database(self) -> Path:
        """The data, which all releases share."""
        return self.folder / "links.db"

    @property
    def deploying(self) -> Path:
        """The lock of whoever brings a release in, or brings everything up or down. A rollback waits for nobody."""
        return self.folder / "deploying.lock"

    def server(self, slot: str) -> Service:
        """What runs in a slot: a gunicorn."""
        return Service(self.settings.folder, f"{self.name}-{slot}")

    def tree(self, release: Running) -> Path:
        """The code of a release."""
        return self.settings.folder / "releases" / release.revision

    def port(self) -> int:
        """Where visitors are answered; raises CannotGo if it is not up."""
        return port_of(self.settings, self.name)

    def servers(self, state: State) -> dict[str, tuple[int, int]]:
        """The port and the weight of each role: the candidate has its share, and the baseline as much."""
        share = self.target.shares[state.step] if state.step > PREPARING else 0
        base = min(share, 100 - share) if state.baseline else 0
        weights = {"live": 100 - share - base, "baseline": base, "candidate": share, "spare": 0}
        return {role: (release.port, weights[role]) for role, release in state.releases.items()}
