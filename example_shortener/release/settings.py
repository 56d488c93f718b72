"""`release.toml`: what is released where, and how carefully. What the last `up` has installed counts."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from release.machine import read_json, replace
from release.problems import CannotGo, WrongUsage

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
    """Where Alertmanager sends what it is given. The senior engineers come from gate.yaml."""

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
    prometheus: int = 9091
    """Its port on loopback; 0 takes a free one."""
    limits: Limits = Limits()
    notices: Notices = Notices()
    environments: Mapping[str, Target] = field(default_factory=lambda: dict(DEFAULT))

    @property
    def folder(self) -> Path:
        """Where everything lives that is running: data, logs, records."""
        return self.root / self.home


def load(path: Path, *, must_exist: bool = False) -> Settings:
    """Read the settings; raises WrongUsage with every mistake. Without a file, all have their defaults."""
    default, mistakes = Settings(path.absolute().parent), list[str]()
    if not must_exist and not path.exists():
        return default
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path}: {error}") from error
    environments = dict(DEFAULT)
    for name, values in table.pop("environments", {}).items():
        place = f"environments.{name}"
        environments[name] = target = _read(DEFAULT.get(name, Target()), values, place, mistakes)
        if not re.fullmatch("[a-z][a-z0-9-]*", name):
            mistakes.append(f"{place}: expected a name of small letters, digits and hyphens")
        if target.shares[-1:] != (100,) or list(target.shares) != sorted(set(target.shares)):
            mistakes.append(f"{place}.shares: expected rising percents that end with 100")
    settings = _read(default, table, "", mistakes)
    if not 0 < (alarms := settings.limits.false_alarms) < 1:
        mistakes.append(f"limits.false_alarms: expected a share between 0 and 1, got {alarms}")
    if mistakes:
        raise WrongUsage("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return dataclasses.replace(settings, environments=environments)


def install(settings: Settings, say: Callable[[str], None]) -> None:
    """Copy the settings to `home`. Which gate is asked is decided by the first `up`, and by no checkout after it."""
    home = settings.folder
    home.mkdir(parents=True, exist_ok=True)
    (home / ".gitignore").write_text("*\n", "utf-8")
    replace(home / "root", str(settings.root))
    source, judge = settings.root / "release.toml", home / "gate.json"
    if source.exists():
        shutil.copyfile(source, home / "release.toml")
    if not judge.exists():
        replace(judge, json.dumps(settings.gate))
    elif (judged := _judge(home)) != settings.gate:
        say(f"the gate that is asked stays {shlex.join(judged)}; to change it, edit {judge}")


def installed(home: Path) -> Settings | None:
    """The settings that the last `up` has put in `home`."""
    if not (home / "root").exists():
        return None
    settings = load(home / "release.toml")
    root = Path((home / "root").read_text("utf-8"))
    return dataclasses.replace(settings, root=root, gate=_judge(home), home=str(home))


def _judge(home: Path) -> tuple[str, ...]:
    """The gate that is asked, as the first `up` has written it down."""
    path = home / "gate.json"
    words = read_json(path) if path.exists() else Settings(home).gate
    if not words or not all(isinstance(word, str) for word in words):
        raise CannotGo(f"{path} is damaged: expected the words of a command")
    return tuple(words)


def _read(default: Part, values: object, place: str, mistakes: list[str]) -> Part:
    """`default` with the values from the file that are of the kind of its own; the others are `mistakes`."""
    if not isinstance(values, dict):
        mistakes.append(f"{place}: expected a table")
        return default
    known = {
        one.name: getattr(default, one.name) for one in dataclasses.fields(default) if one.name != "root"
    }
    fitting: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{place}.{key}".lstrip(".")
        if key not in known:
            mistakes.append(f"{name}: unknown key; expected one of {', '.join(sorted(known))}")
        elif isinstance(known[key], Limits | Notices):
            fitting[key] = _read(known[key], value, name, mistakes)
        elif expected := _expected(known[key], value):
            mistakes.append(f"{name}: expected {expected}, got {value!r}")
        else:
            fitting[key] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(default, **fitting)


def _expected(default: object, value: object) -> str:
    """What the value should be, since its default is; "" if it is."""
    if isinstance(default, tuple):
        item = next(iter(default), "")
        fits = isinstance(value, list) and not any(_expected(item, one) for one in value)
        return "" if fits else f"a list of {'strings' if isinstance(item, str) else 'whole numbers'}"
    if isinstance(default, str):
        return "" if isinstance(value, str) else "a string"
    # A bool is an int for Python.
    kinds, name = ((int,), "a whole number") if isinstance(default, int) else ((int, float), "a number")
    fits = isinstance(value, int | float) and type(value) in kinds and isfinite(value) and value >= 0
    return "" if fits else name
