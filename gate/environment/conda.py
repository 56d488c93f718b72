"""Compare environments of conda and pixi, which gate can't build, with what a change declares."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from gate.environment.interpreter import normal

FILES = ("pixi.lock", "environment.yml", "environment.yaml")
"""Files that declare a conda environment; the first existing one applies."""
UPDATE = {
    "pixi.lock": "pixi install",
    "environment.yml": "conda env update --prune --file environment.yml",
    "environment.yaml": "conda env update --prune --file environment.yaml",
}
LOCKED = re.compile(r"^ +- conda: \S+/([^/\s]+)/([^/\s]+?)(?:\.conda|\.tar\.bz2)\s*$", re.MULTILINE)
SECTION = re.compile(r"^  (\S+):\s*$", re.MULTILINE)
REQUIRED = re.compile(r"^\s*-\s+[\"']?(?:[\w./-]+::)?([\w.-]+)\s*(?:==?\s*([\w.]+))?", re.MULTILINE)
ANY_PLATFORM = "noarch"


def is_conda(prefix: Path) -> bool:
    """Return whether conda or pixi created the environment."""
    return (prefix / "conda-meta").is_dir()


def not_updated(
    prefix: Path, packages: Mapping[str, str], contents: Mapping[str, bytes], base: Mapping[str, bytes]
) -> tuple[str, str]:
    """Return what an environment lacks of what the change declares, and the command to run, or two empty strings.

    `packages` are its Python distributions. Only a file that the change alters is compared. Before that, the
    environment may be older, or lack packages that nothing here needs.
    """
    name = next((name for name in FILES if name in contents), "")
    if not name or contents[name] == base.get(name):
        return "", ""
    text = contents[name].decode("utf-8", "replace")
    installed = [path.stem for path in (prefix / "conda-meta").glob("*.json")]
    problem = (
        _locked_difference(text, prefix.name, installed)
        if name == "pixi.lock"
        else _missing(text, {**_versions(installed), **packages})
    )
    return (
        (f"{problem}, and gate builds no environments of {_tool(name)}", f"run `{UPDATE[name]}`")
        if problem
        else ("", "")
    )


def _tool(name: str) -> str:
    return UPDATE[name].partition(" ")[0]


def _locked_difference(text: str, environment: str, installed: Iterable[str]) -> str:
    """Describe how the installed packages differ from those that pixi.lock lists for the environment, or return ""."""
    environments = re.split(
        r"^packages:", text.partition("environments:")[2], maxsplit=1, flags=re.MULTILINE
    )[0]
    parts = SECTION.split(environments)
    section = next(
        (body for name, body in zip(parts[1::2], parts[2::2], strict=True) if name == environment), ""
    )
    found = {(platform, stem) for platform, stem in LOCKED.findall(section)}
    locked, there = {stem for _, stem in found}, set(installed)
    if surplus := sorted(there - locked):
        return f"it has {surplus[0]}, which is not in pixi.lock"
    # Use the platform of the installed packages; the lock also lists others.
    platforms = {platform for platform, stem in found if stem in there} | {ANY_PLATFORM}
    missing = sorted(
        stem for platform, stem in found if platform in platforms - {ANY_PLATFORM} and stem not in there
    )
    return f"{missing[0]}, which is in pixi.lock, is not installed in it" if missing else ""


def _versions(installed: Iterable[str]) -> dict[str, str]:
    parts = (stem.rsplit("-", 2) for stem in installed)
    return {normal(part[0]): part[1] for part in parts if len(part) == 3}


def _missing(text: str, versions: Mapping[str, str]) -> str:
    """Describe the first requirement of an environment.yml that isn't installed in its version, or return ""."""
    for name, version in REQUIRED.findall(text.partition("dependencies:")[2]):
        installed = versions.get(normal(name))
        if name in {"pip", "python"} and not version:
            continue
        if installed is None:
            return f"{name} is not installed in it"
        if version and installed != version and not installed.startswith(f"{version}."):
            return f"it has {name} {installed}, but {version} is required"
    return ""
