"""Compare the metadata of an installed project with its tree: its version, commands, and entry points."""

from __future__ import annotations

import configparser
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gate.environment.declared import Declared
from gate.environment.interpreter import Environment, normal
from gate.environment.locks import read_toml, table
from gate.environment.setup_files import Groups, read_setup_files


@dataclass(frozen=True, slots=True)
class Metadata:
    """The stated version and entry points. Either is None if it isn't known, such as when a build computes it."""

    version: str | None = None
    entry_points: Groups | None = field(default_factory=dict)


def is_outdated_install(environment: Environment, declared: Declared) -> bool:
    """Return whether the project was installed when its tree stated something else."""
    info = _installed(environment, declared.name)
    if info is None:
        return False
    stated, version = (
        stated_metadata(declared.contents),
        info.name.removesuffix(".dist-info").partition("-")[2],
    )
    if stated.version is not None and not _is_same_version(stated.version, version):
        return True
    return stated.entry_points is not None and stated.entry_points != _read_entry_points(info)


def stated_metadata(contents: Mapping[str, bytes]) -> Metadata:
    """Return the metadata that a project's files state, without running any of them."""
    pyproject = read_toml(contents.get("pyproject.toml"))
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    computed = project.get("dynamic") or []
    if not project and not poetry:
        setup = read_setup_files(contents)
        # A `**` argument or a wrapper of setup() may declare anything.
        readable = setup.entry_points is not None and b"**" not in contents.get("setup.py", b"")
        return Metadata(
            setup.version, _cleaned(setup.entry_points or {}) if readable and setup.name else None
        )
    version = project.get("version") or poetry.get("version")
    groups = {
        "console_scripts": table(project, "scripts") or table(poetry, "scripts"),
        "gui_scripts": table(project, "gui-scripts"),
        **table(project, "entry-points"),
        **({} if project.get("entry-points") else table(poetry, "plugins")),
    }
    # setuptools reads both, and a plugin of hatch or pdm may add entry points.
    elsewhere = "setup.py" in contents or b"entry_points" in contents.get("setup.cfg", b"")
    computes = {"scripts", "gui-scripts", "entry-points"} & set(computed) or elsewhere
    return Metadata(version if isinstance(version, str) else None, None if computes else _cleaned(groups))


def _cleaned(groups: Mapping[str, Any]) -> Groups | None:
    """Return the groups as an installer writes them, or None if an entry is of an unknown kind."""
    cleaned: dict[str, dict[str, str]] = {}
    for group, entries in groups.items():
        for name, value in entries.items() if isinstance(entries, Mapping) else ():
            if not isinstance(value, str):
                return None
            cleaned.setdefault(str(group), {})[str(name)] = _squeezed(value)
    return cleaned


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _is_same_version(one: str, other: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def _installed(environment: Environment, name: str) -> Path | None:
    for site in environment.site_packages if name else ():
        for info in site.glob("*.dist-info"):
            if normal(info.name.removesuffix(".dist-info").partition("-")[0]) == normal(name):
                return info
    return None


def _read_entry_points(info: Path) -> Groups:
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # the documented way to preserve case
    with contextlib.suppress(OSError, UnicodeDecodeError, configparser.Error):
        parser.read_string((info / "entry_points.txt").read_text("utf-8"))
    groups = {
        group: {name: _squeezed(value) for name, value in parser.items(group)} for group in parser.sections()
    }
    return {group: entries for group, entries in groups.items() if entries}
