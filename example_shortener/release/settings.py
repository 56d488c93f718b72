"""`release.toml`: what is released where, and how carefully."""

from __future__ import annotations

import dataclasses
import re
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from release.problems import WrongUsage

Part = TypeVar("Part", "Settings", "Target", "Limits", "Notices")


@dataclass(frozen=True, slots=True)
class Target:
    """An environment: its port on loopback (0: a free one), and the steps in which a new release gets requests."""

    port: int = 0
    workers: int = 2
    shares: tuple[int, ...] = (5, 50, 100)
    """Percent of the requests, each for `watch` seconds; the last is 100."""
    watch: float = 20.0


DEFAULT: Mapping[str, Target] = {
    "staging": Target(port=8081, workers=1, shares=(100,), watch=2.0),
    "production": Target(port=8080),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How a new release is compared with its baseline."""

    false_alarms: float = 0.001
    """The share of harmless releases that may be rolled back at most, however often they are looked at."""
    slower: float = 2.0
    """A visit is slow if it takes so many times as long as the baseline's, and `slack` seconds more."""
    slack: float = 0.05
    least_visits: int = 20
    """With fewer visits than these the comparison is inconclusive."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Who is notified. The senior engineers come from gate.yaml."""

    smtp: str = ""
    """HOST:PORT; without it there is no mail."""
    sender: str = "releases@acme.example"
    customers: tuple[str, ...] = ()
    webhook: str = ""
    heartbeat: str = ""
    """Called all the time by an alert that always fires; whoever is called there wakes somebody when it stops."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in `release.toml`; each key may be left out. `root` is the folder that it lies in."""

    root: Path
    home: str = ".release"
    gate: tuple[str, ...] = (sys.executable, "-I", "-m", "gate")
    """How gate is called; it is never that of a release."""
    python: str = ""
    """The Python that releases run with; without it, each has one with what its pyproject.toml names."""
    base_url: str = ""
    """What short addresses start with, so that no visitor's Host header is trusted."""
    api_key: str = ""
    """The file with the keys that may create links; without it, everybody may."""
    services: Literal["supervisor", "systemd"] = "supervisor"
    prometheus: int = 9091
    """Its port on loopback; 0 takes a free one."""
    environments: Mapping[str, Target] = field(default_factory=lambda: dict(DEFAULT))
    limits: Limits = Limits()
    notices: Notices = Notices()

    @property
    def folder(self) -> Path:
        """Where everything lives that is running: data, logs, records."""
        return self.root / self.home


def load(path: Path, *, must_exist: bool = False) -> Settings:
    """Read the settings; raises WrongUsage with every mistake. Without a file, all have their defaults."""
    root, mistakes = path.absolute().parent, list[str]()
    if not must_exist and not path.exists():
        return Settings(root)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path}: {error}") from error
    limits = _read(Limits(), table.pop("limits", {}), "limits", mistakes)
    notices = _read(Notices(), table.pop("notices", {}), "notices", mistakes)
    environments = dict(DEFAULT)
    for name, values in table.pop("environments", {}).items():
        place, default = f"environments.{name}", DEFAULT.get(name, Target())
        environments[name] = target = _read(default, values, place, mistakes)
        if not re.fullmatch("[a-z][a-z0-9-]*", name):
            mistakes.append(f"{place}: expected a name of small letters, digits and hyphens")
        if target.shares[-1:] != (100,) or list(target.shares) != sorted(set(target.shares)):
            mistakes.append(f"{place}.shares: expected rising percents that end with 100")
    if not 0 < limits.false_alarms < 1:
        mistakes.append(f"limits.false_alarms: expected a share between 0 and 1, got {limits.false_alarms}")
    settings = _read(Settings(root), table, "", mistakes)
    if mistakes:
        raise WrongUsage("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return dataclasses.replace(settings, limits=limits, notices=notices, environments=environments)


def _number(value: object, *kinds: type) -> bool:
    # A bool is an int for Python.
    return isinstance(value, int | float) and type(value) in kinds and isfinite(value) and value >= 0


KINDS: dict[object, tuple[str, Callable[[Any], bool]]] = {
    str: ("a string", lambda value: isinstance(value, str)),
    int: ("a whole number", lambda value: _number(value, int)),
    float: ("a number", lambda value: _number(value, int, float)),
    tuple[str, ...]: ("a list of strings", lambda value: _all(str, value)),
    tuple[int, ...]: ("a list of whole numbers", lambda value: _all(int, value)),
    Literal["supervisor", "systemd"]: ("supervisor or systemd", lambda value: value in ("supervisor", "systemd")),
}  # fmt: skip


def _all(kind: type, value: object) -> bool:
    return isinstance(value, list) and all(KINDS[kind][1](item) for item in value)


def _read(part: Part, values: object, place: str, mistakes: list[str]) -> Part:
    """`part` with the values from the file that fit it; the others are added to `mistakes`."""
    if not isinstance(values, dict):
        mistakes.append(f"{place}: expected a table")
        return part
    kinds = {key: KINDS[hint] for key, hint in get_type_hints(type(part)).items() if hint in KINDS}
    fitting: dict[str, Any] = {}
    for key, value in values.items():
        name, (expected, fits) = f"{place}.{key}".lstrip("."), kinds.get(key, ("", None))
        if fits is None:
            mistakes.append(f"{name}: unknown key; expected one of {', '.join(sorted(kinds))}")
        elif not fits(value):
            mistakes.append(f"{name}: expected {expected}, got {value!r}")
        else:
            fitting[key] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(part, **fitting)
