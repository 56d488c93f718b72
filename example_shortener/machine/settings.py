"""Read `release.toml`: the environments, and how carefully to deploy. The copy that the last `up` installed applies."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, TypeVar, cast

from machine.problems import CannotGo, Say, WrongUsage
from machine.system import read_json, replace

Part = TypeVar("Part", "Settings", "Target", "Limits", "Notices")


@dataclass(frozen=True, slots=True)
class Target:
    """An environment: its port on loopback (0: any free port), and the steps in which a new release gets requests."""

    port: int = 0
    workers: int = 2
    shares: tuple[int, ...] = (5, 50, 100)
    """Percentages of the requests, each for `watch` seconds; the last is 100."""
    watch: float = 20.0


DEFAULT: Mapping[str, Target] = {
    "staging": Target(port=8081, workers=1, shares=(100,), watch=2.0),
    "production": Target(port=8080),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """How a new release is compared with its baseline."""

    false_alarms: float = 0.001
    """The maximum share of good releases that may be rolled back, however often they are probed."""
    slower: float = 2.0
    """A probe is slow if it takes longer than the baseline's times `slower`, plus `slack` seconds."""
    slack: float = 0.05
    least_visits: int = 20
    """With fewer probes than this, the comparison is inconclusive."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Where Alertmanager sends alerts. The senior engineers come from gate.yaml."""

    smtp: str = ""
    """HOST:PORT; without it, no mail is sent."""
    sender: str = "releases@acme.example"
    customers: tuple[str, ...] = ()
    webhook: str = ""
    heartbeat: str = ""
    """The dead man's switch: called by an alert that always fires, it pages somebody when the calls stop."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in `release.toml`; each key is optional. `root` is the folder of the file."""

    root: Path
    home: str = ".release"
    gate: tuple[str, ...] = (sys.executable, "-I", "-m", "gate")
    """The command that runs gate; never the gate in a release."""
    python: str = ""
    """The Python for releases. By default, each gets one with the dependencies in its pyproject.toml."""
    base_url: str = ""
    """The prefix of short URLs, so that visitors' Host headers need not be trusted."""
    api_key: str = ""
    """The file with the API keys that can create links. Without it, anyone can create links."""
    prometheus: int = 9091
    """Prometheus's port on loopback; 0 means any free port."""
    limits: Limits = Limits()
    notices: Notices = Notices()
    environments: Mapping[str, Target] = field(default_factory=lambda: dict(DEFAULT))

    @property
    def folder(self) -> Path:
        """The folder for data, logs, and records."""
        return self.root / self.home


def load(path: Path, *, must_exist: bool = False) -> Settings:
    """Read the settings. Raises WrongUsage with all mistakes. Without a file, the defaults apply."""
    default, mistakes = Settings(path.absolute().parent), list[str]()
    if not must_exist and not path.exists():
        return default
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path}: {error}") from error
    environments = dict(DEFAULT)
    tables = table.pop("environments", {})
    if not isinstance(tables, dict):
        raise WrongUsage(f"{path}: environments: expected a table for each environment")
    for name, values in tables.items():
        place = f"environments.{name}"
        environments[name] = target = _read(DEFAULT.get(name, Target()), values, place, mistakes)
        if not re.fullmatch("[a-z][a-z0-9-]*", name):
            mistakes.append(f"{place}: expected a name of small letters, digits and hyphens")
        if target.workers < 1:
            mistakes.append(f"{place}.workers: expected at least 1")
        if target.shares[-1:] != (100,) or list(target.shares) != sorted(set(target.shares)):
            mistakes.append(f"{place}.shares: expected rising percents that end with 100")
    settings = _read(default, table, "", mistakes)
    ports = [settings.prometheus, *(target.port for target in environments.values())]
    mistakes += [f"port {port}: expected a number up to 65535" for port in ports if port > 65535]
    mistakes += [f"port {port}: is used more than once" for port in {*ports} - {0} if ports.count(port) > 1]
    if not settings.gate:
        mistakes.append("gate: expected the words of a command")
    if not 0 < (alarms := settings.limits.false_alarms) < 1:
        mistakes.append(f"limits.false_alarms: expected a share between 0 and 1, got {alarms}")
    if mistakes:
        raise WrongUsage("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return dataclasses.replace(settings, environments=environments)


def install(settings: Settings, say: Say) -> None:
    """Copy the settings to `home`. The first `up` determines the gate command; no later checkout can change it."""
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
        say(f"the gate command stays `{shlex.join(judged)}`; to change it, edit {judge}")


def installed(home: Path) -> Settings | None:
    """Return the settings that the last `up` installed in `home`, if any."""
    if not (home / "root").exists():
        return None
    settings = load(home / "release.toml")
    root = Path((home / "root").read_text("utf-8"))
    return dataclasses.replace(settings, root=root, gate=_judge(home), home=str(home))


def _judge(home: Path) -> tuple[str, ...]:
    """Return the gate command that the first `up` recorded."""
    path = home / "gate.json"
    words = read_json(path) if path.exists() else Settings(home).gate
    if not words or not all(isinstance(word, str) for word in words):
        raise CannotGo(f"{path} is damaged: expected the words of a command")
    return tuple(words)


def _read(default: Part, values: object, place: str, mistakes: list[str]) -> Part:
    """Return `default` with the values that have the same type as their default; add the others to `mistakes`."""
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
    """Return the type that the value should have, like its default, or "" if it has that type."""
    if isinstance(default, tuple):
        item = next(iter(default), "")
        fits = isinstance(value, list) and not any(_expected(item, one) for one in value)
        return "" if fits else f"a list of {'strings' if isinstance(item, str) else 'whole numbers'}"
    if isinstance(default, str):
        return "" if isinstance(value, str) else "a string"
    # `type`, since in Python a bool is an int.
    kinds: tuple[type, ...] = (int,) if isinstance(default, int) else (int, float)
    fits = type(value) in kinds and 0 <= cast(float, value) < inf
    return "" if fits else "a whole number" if kinds == (int,) else "a number"
