"""Read lock files: the locked versions, and the packages of the tree itself that they refer to. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gate.environment.interpreter import normal
from gate.json_input import parse_json
from gate.settings_input import parse_toml

LOCKS = ("uv.lock", "pylock.toml", "poetry.lock", "pdm.lock", "Pipfile.lock")
"""Lock files from which an environment can be built; the first existing one applies."""


def read_toml(data: bytes | None) -> dict[str, Any]:
    """Return the content of a TOML file, or an empty table if it can't be parsed."""
    try:
        return parse_toml(data or b"")
    except ValueError:
        return {}


def table(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return the table at the path `keys`, or an empty one."""
    for key in keys:
        value = data.get(key)
        data = value if isinstance(value, dict) else {}
    return dict(data)


def locked_versions(name: str, data: bytes | None) -> dict[str, frozenset[str]]:
    """Return the versions of each package in the lock file `name`, without local packages."""
    versions: dict[str, set[str]] = {}
    for package, version in _packages(name, data):
        versions.setdefault(normal(package), set()).add(version)
    return {package: frozenset(items) for package, items in versions.items()}


def unreadable(name: str, data: bytes) -> str:
    """Return why the lock file `name` can't be parsed, or "" if it can."""
    try:
        (parse_json if name == "Pipfile.lock" else parse_toml)(data)
    except ValueError as error:
        return f"{name} cannot be read: {error}"
    return ""


def _packages(name: str, data: bytes | None) -> Iterable[tuple[str, str]]:
    if name == "Pipfile.lock":
        try:
            pipfile = parse_json(data or b"{}")
            sections = [pipfile.get("default") or {}, pipfile.get("develop") or {}]
            pairs = [(key, str(value.get("version", ""))) for part in sections for key, value in part.items()]
        except (ValueError, AttributeError):
            return []
        return [(key, version.removeprefix("==")) for key, version in pairs if version.startswith("==")]
    lock = read_toml(data)
    listed = lock.get("package") or lock.get("packages") or []
    return [
        (str(item["name"]), str(item["version"]))
        for item in listed
        if isinstance(item, dict) and "name" in item and "version" in item and not _is_local(item)
    ]


def _is_local(package: Mapping[str, Any]) -> bool:
    """Return whether a locked package is the project itself or another local package."""
    source = package.get("source")
    keys = set(source) if isinstance(source, dict) else set()
    kind = source.get("type", "") if isinstance(source, dict) else ""
    return (
        bool(keys & {"editable", "virtual", "directory", "path"})
        or kind in {"directory", "file"}
        or "directory" in package
        or "path" in package
    )


def local_in_lock(data: bytes | None, name: str) -> tuple[str, ...]:
    """Return the folders, relative to a uv.lock, of `name` and its dependencies, if they are local.

    A package without a build is never installed, so its own folder is left out, but those of its dependencies aren't.
    """
    packages = read_toml(data).get("package")
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for item in packages if isinstance(packages, list) else ():
        if isinstance(item, dict):
            by_name.setdefault(normal(str(item.get("name"))), []).append(item)
    folders: list[str] = []
    waiting, reached = [normal(name)], {normal(name)}
    while waiting:
        for package in by_name.get(waiting.pop(), ()):
            source = package.get("source")
            keys = source if isinstance(source, dict) else {}
            folder = next(
                (keys[key] for key in ("editable", "directory") if isinstance(keys.get(key), str)), None
            )
            if folder is not None:
                folders.append("" if posixpath.normpath(folder) == "." else posixpath.normpath(folder))
            fresh = {normal(edge) for edge in _edges(package)} - reached
            reached |= fresh
            waiting += sorted(fresh)
    return tuple(dict.fromkeys(folders))


def _edges(package: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the dependencies of a package in a uv.lock, in any group or extra."""
    for key in ("dependencies", "optional-dependencies", "dev-dependencies"):
        value = package.get(key)
        groups = value.values() if isinstance(value, dict) else [value]
        for group in groups:
            for item in group if isinstance(group, list) else ():
                if isinstance(item, dict) and isinstance(item.get("name"), str):
                    yield item["name"]
