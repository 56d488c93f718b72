"""`release.toml`: what is put out where, and how carefully."""

from __future__ import annotations

import dataclasses
import sys
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from release.problems import WrongUsage

Part = TypeVar("Part", "Settings", "Target", "Limits", "Notices")


@dataclass(frozen=True, slots=True)
class Target:
    """An environment: where it answers, and the steps in which a new release gets its share of requests."""

    port: int = 0
    """On loopback; 0 takes a free one."""
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
    """What a new release may do worse than the old one before it is taken back."""

    failures: float = 0.01
    """More failed requests than the old one has, as a share of all."""
    least_failures: int = 3
    """Fewer say nothing."""
    slower: float = 2.0
    """Times as slow as the old one, and `slack` seconds more."""
    slack: float = 0.05
    least_requests: int = 20
    """Fewer say nothing about how fast it is."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Who is told when a release was taken back. The senior engineers come from gate.yaml."""

    smtp: str = ""
    """HOST:PORT; without it there is no mail."""
    sender: str = "releases@acme.example"
    customers: tuple[str, ...] = ()
    webhook: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in `release.toml`; each key may be left out. `root` is the folder that it lies in."""

    root: Path
    home: str = ".release"
    gate: tuple[str, ...] = (sys.executable, "-P", "-m", "gate")
    """How gate is called; what it is asked comes behind it."""
    python: str = ""
    """The Python that releases run with; without it, each has one of its own, with what it depends on."""
    link: str = "https://example.com/"
    """Where the link leads that is visited to see whether the service works; it is never fetched."""
    visit_every: float = 0.5
    """Seconds between two visits of the prober."""
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
    """Read the settings; raises WrongUsage with every mistake. Without a file, all are as they are by default."""
    root = path.absolute().parent
    if not must_exist and not path.exists():
        return Settings(root)
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUsage(f"{path}: {error}") from error
    mistakes: list[str] = []
    limits = _read(Limits(), table.pop("limits", {}), "limits", mistakes)
    notices = _read(Notices(), table.pop("notices", {}), "notices", mistakes)
    environments = dict(DEFAULT)
    for name, values in table.pop("environments", {}).items():
        place = f"environments.{name}"
        target = _read(DEFAULT.get(name, Target()), values, place, mistakes)
        if target.shares[-1:] != (100,) or list(target.shares) != sorted(set(target.shares)):
            mistakes.append(f"{place}.shares: expected rising percents that end with 100")
        environments[name] = target
    settings = _read(Settings(root), table, "", mistakes)
    if mistakes:
        raise WrongUsage("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return dataclasses.replace(settings, limits=limits, notices=notices, environments=environments)


def _read(part: Part, values: object, place: str, mistakes: list[str]) -> Part:
    """`part` with the values from the file that fit it; what does not fit is added to `mistakes`."""
    if not isinstance(values, dict):
        mistakes.append(f"{place}: expected a table")
        return part
    kinds = {key: _KINDS[hint] for key, hint in get_type_hints(type(part)).items() if hint in _KINDS}
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{place}.{key}".lstrip(".")
        if key not in kinds:
            mistakes.append(f"{name}: there is no such key; expected one of {', '.join(sorted(kinds))}")
        elif not kinds[key].fits(value):
            mistakes.append(f"{name}: expected {kinds[key].word}, got {value!r}")
        else:
            found[key] = tuple(value) if isinstance(value, list) else value
    return dataclasses.replace(part, **found)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _whole(value: object) -> bool:
    return _number(value) and isinstance(value, int)


def _text(value: object) -> bool:
    return isinstance(value, str)


class _Kind(NamedTuple):
    word: str
    fits: Callable[[object], bool]


_KINDS = {
    str: _Kind("a text", _text),
    int: _Kind("a whole number", _whole),
    float: _Kind("a number", _number),
    tuple[str, ...]: _Kind(
        "a list of texts", lambda value: isinstance(value, list) and all(map(_text, value))
    ),
    tuple[int, ...]: _Kind(
        "a list of whole numbers", lambda value: isinstance(value, list) and all(map(_whole, value))
    ),
}
