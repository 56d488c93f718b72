"""Required versions of tools: an older version checks less, and a missing one checks nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from gate.finding import Finding
from gate.settings_input import parse_toml
from gate.weakenings.file_diff import FileDiff, lines_of, weakening

FILES = re.compile(
    r"(?:^|/)(?:[^/]*(?:requirements|constraints)[^/]*\.(?:txt|in)|requirements/[^/]*\.(?:txt|in)|pyproject\.toml"
    r"|setup\.cfg|tox\.ini|Pipfile|(?:uv|poetry|pdm)\.lock|pylock[^/]*\.toml)$"
)
TOOL = re.compile(r"ruff|mypy|pytest(?:-\w+)*|coverage|hypothesis|types-[\w-]+")
_REQUIREMENT = re.compile(r"\s*([A-Za-z][\w.-]*)\s*(?:\[[^\]]*\])?\s*([=<>!~^\d][^;#]*)?\s*(?:[;#].*)?")
_BOUND = re.compile(r"(===?|~=|>=?|<=?|\^|~|!=)?\s*v?(\d+(?:\.\d+)*)")

Version = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Requested:
    """The lowest and highest accepted version (None for any), and the requirement as written."""

    floor: Version
    ceiling: Version | None
    text: str


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield a finding for each tool that is required in an older version than before, or no longer required."""
    diffs = [file for file in files if FILES.search(file.path)]
    elsewhere = {name for file in diffs for name in _asked(file.path, file.new_text)}
    for file in diffs:
        old, new = _asked(file.path, file.old_text), _asked(file.path, file.new_text)
        for name, old_pin in sorted(old.items()):
            new_pin = new.get(name)
            if new_pin is None and name not in elsewhere:
                yield weakening(file.path, "older-tool", f"{name} is no longer required")
            elif new_pin is not None and _older(old_pin, new_pin):
                message = f"{name} may be older: {new_pin.text or 'any'} instead of {old_pin.text or 'any'}"
                yield weakening(file.path, "older-tool", message)


def _older(old: _Requested, new: _Requested) -> bool:
    if _less(new.floor, old.floor):
        return True
    capped = new.ceiling is not None and (old.ceiling is None or _less(new.ceiling, old.ceiling))
    return capped and not new.floor


def _less(left: Version, right: Version) -> bool:
    pairs = list(zip_longest(left, right, fillvalue=0))
    return [a for a, _ in pairs] < [b for _, b in pairs]


def _asked(path: str, text: str) -> dict[str, _Requested]:
    """Return the tools that a file requires, by name. Of two lines about one tool, the lower version counts."""
    try:
        requirements = list(_in_toml(path, parse_toml(text)) if _is_toml(path) else _in_lines(text))
    except ValueError:
        return {}
    pins: dict[str, _Requested] = {}
    for name, spec in requirements:
        tool = name.lower().replace("_", "-").replace(".", "-")
        if TOOL.fullmatch(tool):
            read = _read(spec)
            if tool not in pins or _less(read.floor, pins[tool].floor):
                pins[tool] = read
    return pins


def _is_toml(path: str) -> bool:
    return path.endswith((".toml", ".lock", "Pipfile"))


def _in_lines(text: str) -> Iterator[tuple[str, str]]:
    for line in lines_of(text):
        match = _REQUIREMENT.fullmatch(line.partition(" --hash")[0].rstrip("\\ "))
        if match:
            yield match[1], match[2] or ""


def _in_toml(path: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if path.endswith(".lock") or path.rpartition("/")[2].startswith("pylock"):
        for package in _dicts(data.get("package") or data.get("packages")):
            yield str(package.get("name")), f"=={package.get('version')}"
        return
    yield from _in_tables(data)


def _in_tables(table: Mapping[str, Any], key: str = "") -> Iterator[tuple[str, str]]:
    """Yield requirements under keys such as `dependencies`: lists of lines, or versions by name."""
    for name, value in table.items():
        asks = any(word in f"{key}.{name}" for word in ("dependenc", "dependency-groups", "packages"))
        if isinstance(value, dict):
            yield from _in_tables(value, f"{key}.{name}")
            if asks and "version" in value:
                yield name, str(value["version"])
        elif asks and isinstance(value, str):
            yield name, value
        elif asks and isinstance(value, list):
            yield from _in_lines("\n".join(item for item in value if isinstance(item, str)))


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read(spec: str) -> _Requested:
    floor: Version = ()
    ceiling: Version | None = None
    for sign, number in _BOUND.findall(spec):
        version = tuple(int(part) for part in number.split(".") if len(part) < 10)
        if sign in {"<", "<="}:
            ceiling = version
        elif sign != "!=":
            floor = max(floor, version)
    return _Requested(floor, ceiling, spec.strip())
