"""Compare an environment or a lock file with what a project declares. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from gate.environment.build_failures import BuildFailed
from gate.environment.declared import Declared, requirement_name
from gate.environment.interpreter import normal
from gate.environment.lock_hashes import is_outdated
from gate.environment.locks import LOCKS, unreadable

RELOCK = {
    "uv.lock": "uv lock", "poetry.lock": "poetry lock", "pdm.lock": "pdm lock", "Pipfile.lock": "pipenv lock",
}  # fmt: skip
"""The command that updates each lock file."""
_NAMED = re.compile(r'^name = "([^"]+)"', re.MULTILINE)


def stale_lock(declared: Declared) -> str:
    """Describe the first requirement that the lock file doesn't satisfy, or return "" if it is up to date."""
    if declared.source not in LOCKS or declared.source == "pylock.toml":
        return ""
    own = normal(declared.name)
    # The lock also lists the project itself and other local packages, without a version.
    names = {
        normal(name) for name in _NAMED.findall(declared.contents[declared.source].decode("utf-8", "replace"))
    }
    for line in (*declared.required, *declared.others):
        name = requirement_name(line) or own
        versions = declared.locked.get(name, frozenset())
        problems = [_unsatisfied(line, {name: version}) for version in versions] or [_unsatisfied(line, {})]
        if name != own and all(problems) and (versions or name not in names):
            return f"{declared.source} does not have {line}"
    return ""


def difference(
    declared: Declared, packages: Mapping[str, str], base_declared: Declared | None = None, python: str = ""
) -> str:
    """Describe how an environment with `packages` differs from what is declared, or return "" if it doesn't.

    An environment belongs to the base, so a change of the dependencies needs one of its own. Otherwise, locked packages
    must have their locked version if they are installed at all, and the requirements for running the project must be
    installed. `python` is the environment's Python version, as far as it is known.
    """
    from packaging.version import InvalidVersion, Version

    if base_declared and base_declared.stated != declared.stated:
        return "the change alters the dependencies"
    if not allows_python(declared, python):
        return f"it has Python {python}, but {declared.requires_python} is required"
    for name, versions in declared.locked.items():
        installed = packages.get(name)
        try:
            same = installed is None or Version(installed).public in {Version(v).public for v in versions}
        except InvalidVersion:
            same = installed in versions
        if not same:
            return f"it has {name} {installed}, but {declared.source} has {' or '.join(sorted(versions))}"
    for line in declared.required:
        problem = _unsatisfied(line, packages)
        if problem:
            return problem
    return ""


def left_over(declared: Declared, packages: Mapping[str, str], base_declared: Declared) -> str:
    """Describe what is missing or still installed since the base, or return "" if the environment seems up to date."""
    known = {requirement_name(line) for line in base_declared.others}
    fresh = [line for line in declared.others if requirement_name(line) not in known]
    missing = unsatisfied(fresh, packages)
    names, base_names = (_all_names(side) for side in (declared, base_declared))
    removed = sorted(name for name in base_names - names if name in packages)
    return (
        difference(declared, packages) or missing or (f"{removed[0]} is still installed" if removed else "")
    )


def _all_names(declared: Declared) -> set[str]:
    lines = (*declared.required, *declared.others)
    return {requirement_name(line) for line in lines} | set(declared.locked)


def unsatisfied(lines: Iterable[str], packages: Mapping[str, str]) -> str:
    """Describe the first requirement that `packages` don't satisfy, or return "" if there is none."""
    return next(filter(None, (_unsatisfied(line, packages) for line in lines)), "")


def allows_python(declared: Declared, version: str) -> bool:
    """Return whether the project allows a Python version, which may be the first two numbers alone."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    if not version or not declared.requires_python:
        return True
    try:
        allowed = SpecifierSet(declared.requires_python)
    except InvalidSpecifier:
        return True
    candidates = [version] if version.count(".") > 1 else [f"{version}.0", f"{version}.99"]
    return any(allowed.contains(candidate, prereleases=True) for candidate in candidates)


def _unsatisfied(line: str, packages: Mapping[str, str]) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return ""
    try:
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            return ""
    except Exception:  # noqa: BLE001 - packaging raises many kinds; such a marker says nothing about this machine
        return ""
    installed = packages.get(normal(requirement.name))
    if installed is None:
        return f"{requirement.name} is not installed in it"
    if (
        requirement.url
        or not requirement.specifier
        or requirement.specifier.contains(installed, prereleases=True)
    ):
        return ""
    return f"it has {requirement.name} {installed}, but {requirement.specifier} is required"


def check_lock(declared: Declared, base_declared: Declared | None) -> None:
    """Raise BuildFailed if the lock file is damaged, or doesn't match the declarations beside it.

    uv itself reports that a uv.lock is out of date.
    """
    source = declared.source
    if source not in LOCKS:
        return
    problem = unreadable(source, declared.contents[source])
    if not problem and source != "uv.lock":
        problem = stale_lock(declared)
        outdated = base_declared and is_outdated(source, declared.contents, base_declared.contents)
        if not problem and outdated:
            problem = f"{source} is out of date: its dependencies differ from the declared ones"
    if problem:
        command = f"run `{RELOCK[source]}`, and" if source in RELOCK else "regenerate it, and"
        raise BuildFailed(problem, f"{command} commit {source}")
