"""Find a project's own check commands: make targets, scripts, and CI steps, to offer them in `gate init`. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gate.settings_input import parse_toml, parse_yaml

CHECKING = re.compile(
    r"\b(?:tests?|pytest|unittest|lint|check|types?|typecheck|mypy|ruff|flake8|doctest|verify)\b",
    re.IGNORECASE,
)
TARGET = re.compile(r"^([A-Za-z][\w.-]*)\s*:(?![=:])", re.MULTILINE)
MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
SETTING_UP = re.compile(
    r"^(?:sudo |apt|brew|pip3? |python3? -m pip|uv (?:sync|pip|venv)|poetry install|pdm (?:install|sync)|npm |git "
    r"|echo |cd |#)"
)
MOST = 12


@dataclass(frozen=True, slots=True)
class OwnCommand:
    """A command, a name for its check, and the file that defines it."""

    name: str
    command: tuple[str, ...]
    source: str


def is_source(path: str) -> bool:
    """Return whether the file at `path` may define commands."""
    workflow = path.startswith(".github/workflows/") and path.endswith((".yml", ".yaml"))
    return path in {*MAKEFILES, "pyproject.toml", ".gitlab-ci.yml"} or workflow


def own_commands(contents: Mapping[str, bytes]) -> tuple[OwnCommand, ...]:
    """Return the commands by which a project checks itself, without duplicates; those that people type come first."""
    by_words: dict[tuple[str, ...], OwnCommand] = {}
    for path in sorted(contents, key=lambda name: (name.startswith("."), name)):
        text = contents[path].decode("utf-8", "replace")
        if path in MAKEFILES:
            commands = _targets(text, path)
        elif path == "pyproject.toml":
            commands = _scripts(text, path)
        else:
            commands = _steps(text, path)
        for command in commands:
            by_words.setdefault(command.command, command)
    return tuple(by_words.values())[:MOST]


def _targets(text: str, path: str) -> Iterator[OwnCommand]:
    for name in dict.fromkeys(TARGET.findall(text)):
        if CHECKING.search(name):
            yield OwnCommand(name, ("make", name), path)


def _scripts(text: str, path: str) -> Iterator[OwnCommand]:
    try:
        tool = parse_toml(text).get("tool", {})
        tables = {
            ("poe",): _at(tool, "poe", "tasks"),
            ("pdm", "run"): _at(tool, "pdm", "scripts"),
            ("hatch", "run"): _at(tool, "hatch", "envs", "default", "scripts"),
        }
        for name, environment in _at(tool, "hatch", "envs").items():
            if name != "default" and isinstance(environment, dict):
                for script in _at(environment, "scripts"):
                    if CHECKING.search(script) or CHECKING.search(name):
                        yield OwnCommand(f"{name}-{script}", ("hatch", "run", f"{name}:{script}"), path)
    except (ValueError, AttributeError, RecursionError):
        return
    for program, scripts in tables.items():
        for name in scripts:
            if CHECKING.search(name):
                yield OwnCommand(name, (*program, name), path)


def _at(data: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def _steps(text: str, path: str) -> Iterator[OwnCommand]:
    """Yield CI commands that check something. Those with CI variables mean nothing elsewhere and are skipped."""
    try:
        lines = list(_lines_of(parse_yaml(text)))
    except (ValueError, RecursionError):
        return
    for line in lines:
        try:
            words = tuple(shlex.split(line))
        except ValueError:
            continue
        simple = words and not re.search(r"[|&;<>$`{}*]|\\$", line)
        if simple and CHECKING.search(line) and not SETTING_UP.match(line):
            match = CHECKING.search(line)
            yield OwnCommand(match[0].lower() if match else "ci", words, path)


def _lines_of(data: Any) -> Iterator[str]:
    """Yield the lines of every `run` and `script`, anywhere in the file."""
    if isinstance(data, list):
        for item in data:
            yield from _lines_of(item)
    if isinstance(data, dict):
        for key, value in data.items():
            if key in {"run", "script"}:
                texts = value if isinstance(value, list) else [value]
                yield from (line.strip() for text in texts for line in str(text).splitlines() if line.strip())
            else:
                yield from _lines_of(value)
