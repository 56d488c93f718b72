"""Read what setup.cfg and setup.py state about a package, without running anything. Pure."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gate.environment.scripts import constants_of, parse_script
from gate.settings_input import parse_ini

KEYWORDS = ("name", "version", "install_requires", "extras_require", "entry_points")
Groups = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Stated:
    """The metadata that a file states about a package. Values that can't be read are empty.

    The version and the entry points are None if they can't be read.
    """

    name: str = ""
    version: str | None = None
    required: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    entry_points: Groups | None = field(default_factory=dict)


def read_setup_files(contents: Mapping[str, bytes]) -> Stated:
    """Merge what both files state. setup.py takes precedence, as it does in setuptools."""
    config, script = _read_config(contents.get("setup.cfg")), _read_script(contents.get("setup.py"))
    # A computed value may be anything.
    unknown = script.entry_points is None or config.entry_points is None
    return Stated(
        script.name or config.name,
        script.version or config.version,
        script.required or config.required,
        {**config.extras, **script.extras},
        None if unknown else {**(config.entry_points or {}), **(script.entry_points or {})},
    )


def _read_config(data: bytes | None) -> Stated:
    try:
        parser = parse_ini(data or b"")
    except ValueError:
        return Stated()
    section = "options.extras_require"
    extras = dict(parser.items(section)) if parser.has_section(section) else {}
    version = parser.get("metadata", "version", fallback="").strip()
    points = "options.entry_points"
    groups = dict(parser.items(points)) if parser.has_section(points) else {}
    return Stated(
        parser.get("metadata", "name", fallback="").strip(),
        # `attr:` and `file:` refer to where the version is defined.
        version if version and ":" not in version else None,
        _listed(parser.get("options", "install_requires", fallback="")),
        {name: _listed(text) for name, text in extras.items()},
        {group: _entries(_listed(text)) for group, text in groups.items()},
    )


def _entries(lines: Iterable[str]) -> dict[str, str]:
    return {
        name.strip(): value.strip() for name, mark, value in (line.partition("=") for line in lines) if mark
    }


def _read_entry_points(value: object) -> Groups | None:
    """Return the value of setup()'s `entry_points`, or None if it is of a kind that can't be read."""
    groups = value if isinstance(value, dict) else {}
    read = {}
    for group, lines in groups.items():
        entries = lines.splitlines() if isinstance(lines, str) else lines
        if not isinstance(entries, list | tuple) or not all(isinstance(line, str) for line in entries):
            return None
        read[str(group)] = _entries(entries)
    return read if isinstance(value, dict) else None


def _listed(text: str) -> tuple[str, ...]:
    lines = (line.partition(" #")[0].strip() for line in text.replace(";\n", ";").splitlines())
    return tuple(line for line in lines if line and not line.startswith("#"))


def _read_script(data: bytes | None) -> Stated:
    tree = parse_script(data or b"")
    if tree is None:
        return Stated()
    constants = constants_of(tree)
    stated: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] == "setup":
            stated |= {
                word.arg: _value(word.value, constants) for word in node.keywords if word.arg in KEYWORDS
            }
    extras, version = stated.get("extras_require"), stated.get("version")
    # If no call was parsed, for example behind a wrapper, nothing is known, not even the name.
    points = _read_entry_points(stated["entry_points"]) if "entry_points" in stated else {}
    return Stated(
        stated["name"] if isinstance(stated.get("name"), str) else "",
        version if isinstance(version, str) else None,
        _strings(stated.get("install_requires")),
        {str(name): _strings(lines) for name, lines in extras.items()} if isinstance(extras, dict) else {},
        points,
    )


def _value(node: ast.expr, constants: Mapping[str, ast.expr]) -> Any:
    """Evaluate an expression without calls, or return None. A computed value in a dict is None, too."""
    node = constants.get(node.id, node) if isinstance(node, ast.Name) else node
    if isinstance(node, ast.Dict):
        return {
            key.value: _value(value, constants)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
        }
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        return None


def _strings(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list | tuple) else ()
