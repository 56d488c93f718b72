"""Finding the project's environment, without starting any of the programs that make them."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gate.environment.interpreter import Environment, executable, normal
from gate.errors import UsageError

PYTHONS = ("bin/python", "Scripts/python.exe")
ACTIVE = "the active environment"
DECLARING = ("pyproject.toml", "requirements.txt", "poetry.lock")


def find_environment(
    project: Path, configured: str = "", environ: Mapping[str, str] = os.environ
) -> Environment:
    """The environment of the project whose working tree (or git folder) is `project`.

    The policy's `python` is taken at its word: a path, from the project's folder on, or a name on PATH. Then
    an active environment that is not gate's own, then the folders that venv, uv and poetry make, then conda,
    then the first environment on PATH; else the interpreter that runs gate. Raises UsageError if the policy
    names an interpreter that is not there.
    """
    if configured:
        return Environment(
            _configured(project, configured, environ), f"`python: {configured}`", project=project
        )
    passed_over: list[str] = []
    for prefix, origin in _candidates(project, environ):
        python = next(filter(None, (executable(prefix / name) for name in PYTHONS)), "")
        # gate may run from an environment of pre-commit's or pipx's, which is then the active one.
        if python and (not _runs_gate(prefix) or prefix.resolve().is_relative_to(project.resolve())):
            return Environment(Path(python), origin, project=project, passed_over=tuple(passed_over))
        passed_over.append(str(prefix / PYTHONS[0]))
    own = Environment(
        Path(sys.executable),
        "the interpreter that runs gate",
        found=False,
        project=project,
        # What the project says of itself decides whether this one serves it.
        passed_over=(*passed_over, *(str(project / name) for name in DECLARING)),
    )
    if _serves(project, own):
        return Environment(own.python, "the environment that gate is in", True, project, own.passed_over)
    return own


def _configured(project: Path, configured: str, environ: Mapping[str, str]) -> Path:
    path = str(os.path.normpath(project / Path(configured).expanduser()))
    if "/" not in configured:
        path = executable(Path(path)) or shutil.which(configured, path=environ.get("PATH")) or path
    if not executable(Path(path)):
        raise UsageError(
            f"gate.yaml: python: {configured} is not an interpreter that can be started",
            "make the environment, or correct the path",
        )
    return Path(path)


def _candidates(project: Path, environ: Mapping[str, str]) -> Iterator[tuple[Path, str]]:
    """The folders in which an environment may be, the likeliest first, and how each is told to people."""
    for folder, origin in (
        (environ.get("UV_PROJECT_ENVIRONMENT"), "UV_PROJECT_ENVIRONMENT"),
        (environ.get("VIRTUAL_ENV"), ACTIVE),
        (".venv", ".venv"),
        ("venv", "venv"),
    ):
        if folder:
            yield Path(os.path.normpath(project / folder)), origin
    for folder in _poetry(project, environ):
        yield Path(folder), "the environment that poetry made"
    if environ.get("CONDA_PREFIX"):
        yield Path(environ["CONDA_PREFIX"]), "the active conda environment"
    # pre-commit puts its own environment in front, and hides the variable that named the one that was active.
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and (Path(folder).parent / "pyvenv.cfg").is_file():
            yield Path(os.path.normpath(Path(folder).parent)), "an environment on PATH"


def _runs_gate(prefix: Path) -> bool:
    return prefix.resolve() == Path(sys.prefix).resolve()


def _serves(project: Path, own: Environment) -> bool:
    """Whether the environment that gate is in is the project's as well, as on a build server.

    It is if the project itself, or all that it says it depends on, is installed there.
    """
    name, needed = _declared(project)
    if (name and normal(name) in own.packages) or (needed and needed <= own.packages.keys()):
        return True
    return any(Path(item.folder).is_relative_to(project) for item in own.editables)


def _declared(project: Path) -> tuple[str, frozenset[str]]:
    """The project's name, as it is written, and the names of what it depends on."""
    try:
        data = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        data = {}
    table, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    words = [*_list(table.get("dependencies")), *_list(poetry.get("dependencies"))]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        words += (project / "requirements.txt").read_text("utf-8").splitlines()
    # What is needed on some systems only says nothing about this one.
    names = (re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", word.strip()) for word in words if ";" not in word)
    needed = frozenset(normal(match[0]) for match in names if match) - {"python"}
    return str(table.get("name") or poetry.get("name") or ""), needed


def _table(data: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    for key in keys:
        value = data.get(key)
        data = value if isinstance(value, dict) else {}
    return dict(data)


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | dict) else []


def _poetry(project: Path, environ: Mapping[str, str]) -> list[str]:
    """Where poetry keeps the environments of this project; starting poetry to ask would take half a second."""
    if not (project / "poetry.lock").exists():
        return []
    home = Path(environ.get("HOME", "~")).expanduser()
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "pypoetry" / "virtualenvs"
    cache = Path(environ.get("POETRY_VIRTUALENVS_PATH") or cache)
    name, _ = _declared(project)
    # poetry's own rule: the name, cut and cleaned, and a hash of the project's folder.
    clean = re.sub(r'[ $`!*@"\\\r\n\t]', "_", name.lower())[:42]
    digest = hashlib.sha256(str(project.resolve()).encode()).digest()
    tail = base64.urlsafe_b64encode(digest).decode()[:8]
    return [str(path) for path in sorted(cache.glob(f"{clean}-{tail}-py*"), reverse=True)]
