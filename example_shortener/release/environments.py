"""An environment, such as staging or production: its folder and what stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from release.balancer import Balancer
from release.interpreters import interpreter
from release.problems import CannotGo, WrongUsage
from release.processes import Program
from release.records import SLOTS, Records, Running
from release.settings import Settings, Target

VISITED = "probe"
"""The code that is visited to see whether the service works."""


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
        """What release.toml says of it."""
        return self.settings.environments[self.name]

    @property
    def records(self) -> Records:
        """What it remembers."""
        return Records(self.folder)

    @property
    def balancer(self) -> Balancer:
        """The haproxy in front of it."""
        return Balancer(self.folder)

    @property
    def database(self) -> Path:
        """The data, which all releases share."""
        return self.folder / "links.db"

    @property
    def trees(self) -> Path:
        """The releases' code, each in a folder named by its revision."""
        return self.settings.folder / "releases"

    def server(self, slot: str) -> Program:
        """The gunicorn in a slot."""
        return Program(self.folder, slot)

    def tree(self, running: Running) -> Path:
        """The code of a release."""
        return self.trees / running.revision

    def python(self, running: Running) -> str:
        """The Python that it runs with."""
        return interpreter(self.tree(running), self.settings.folder / "pythons", self.settings.python)

    def free_slot(self, live: Running | None) -> str:
        """The slot that does not answer now."""
        return SLOTS[0] if live is None or live.slot == SLOTS[1] else SLOTS[1]

    def port(self) -> int:
        """Where the public is answered; raises CannotGo if it is not up."""
        return self._ports()[0]

    def numbers_port(self) -> int:
        """Where haproxy tells its numbers."""
        return self._ports()[1]

    def put_ports(self, public: int, numbers: int) -> None:
        """Remember where it listens."""
        (self.folder / "ports").write_text(f"{public} {numbers}", "utf-8")

    def _ports(self) -> tuple[int, int]:
        try:
            public, numbers = (self.folder / "ports").read_text("utf-8").split()
        except OSError as error:
            raise CannotGo(f"{self.name} is not up; bring it up with: python -m release up") from error
        return int(public), int(numbers)
