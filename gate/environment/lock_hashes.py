"""Detect outdated lock files by the hash of the declarations that poetry, pdm, and pipenv write into them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from gate.environment.interpreter import normal
from gate.environment.locks import read_toml, table
from gate.json_input import parse_json

POETRY_OLD = ("dependencies", "source", "extras", "dev-dependencies")
POETRY_PROJECT = ("requires-python", "dependencies", "optional-dependencies")
PIPFILE_SECTIONS = frozenset({
    "source", "packages", "dev-packages", "requires", "scripts", "pipfile", "pipenv", "default", "develop",
})  # fmt: skip


def is_outdated(source: str, contents: Mapping[str, bytes], base_contents: Mapping[str, bytes]) -> bool:
    """Return whether the lock file `source` was made from declarations other than those in `contents`.

    The base shows whether gate understands the hash. If not, the lock file is outdated if the declarations changed and
    its hash didn't.
    """
    recorded, base_recorded = _recorded(source, contents), _recorded(source, base_contents)
    if not recorded or not base_recorded:
        return False
    digests, base_digests = list(_digests(source, contents)), list(_digests(source, base_contents))
    if base_recorded in base_digests:
        return recorded not in digests
    return recorded == base_recorded and digests != base_digests


def _recorded(source: str, contents: Mapping[str, bytes]) -> str:
    data = contents.get(source)
    if source == "Pipfile.lock":
        try:
            return str(parse_json(data or b"{}")["_meta"]["hash"]["sha256"])
        except (ValueError, LookupError, TypeError):
            return ""
    metadata = table(read_toml(data), "metadata")
    return str(metadata.get("content-hash") or metadata.get("content_hash") or "").removeprefix("sha256:")


def _digests(source: str, contents: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the hashes that different versions of the tool would write for these declarations."""
    pyproject = read_toml(contents.get("pyproject.toml"))
    if source == "poetry.lock":
        groups = table(pyproject, "dependency-groups")
        # Older versions ignore dependency groups.
        yield from (_digest(_poetry(pyproject, used)) for used in ({}, groups))
    elif source == "pdm.lock":
        yield _digest(_pdm(pyproject))
    elif source == "Pipfile.lock":
        yield _digest(_pipfile(read_toml(contents.get("Pipfile"))), (",", ":"))


def _digest(value: object, separators: tuple[str, str] | None = None) -> str:
    text = json.dumps(value, sort_keys=True, separators=separators, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _poetry(pyproject: Mapping[str, Any], groups: Mapping[str, Any]) -> dict[str, Any]:
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    standard: dict[str, Any] = {}
    own_part = {key: project[key] for key in POETRY_PROJECT if key in project}
    if own_part:
        standard["project"] = own_part
    if groups:
        standard["dependency-groups"] = groups
    keys = [key for key in (*POETRY_OLD, "group") if key in poetry or (key in POETRY_OLD and not standard)]
    own_settings = {key: poetry.get(key) for key in keys}
    return {**standard, "tool": {"poetry": own_settings}} if standard else own_settings


def _pdm(pyproject: Mapping[str, Any]) -> dict[str, Any]:
    project, settings = table(pyproject, "project"), table(pyproject, "tool", "pdm")
    groups = {normal(name): lines for name, lines in table(pyproject, "dependency-groups").items()}
    for name, lines in table(settings, "dev-dependencies").items():
        groups[normal(name)] = [*groups.get(normal(name), []), *lines]
    return {
        "sources": settings.get("source", []),
        "dependencies": project.get("dependencies", []),
        "dev-dependencies": groups,
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
        "resolution": settings.get("resolution", {}),
    }


def _pipfile(pipfile: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_meta": {"sources": pipfile.get("source"), "requires": pipfile.get("requires", {})},
        "default": pipfile.get("packages", {}),
        "develop": pipfile.get("dev-packages", {}),
        **{name: value for name, value in pipfile.items() if name not in PIPFILE_SECTIONS},
    }
