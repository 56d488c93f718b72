"""The project's own environment: its interpreter, what is installed beside it, and which tool to start."""

from __future__ import annotations

import hashlib
import os
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import distributions
from pathlib import Path

from gate.errors import UsageError

# What a check may see of the caller's environment; a token or an agent's socket is never among it.
PASSED = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "CI", "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH", "SYSTEMROOT", "XDG_RUNTIME_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "VIRTUAL_ENV",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Installed:
    """A tool that can be started: the interpreter that runs it, its version, and where it is installed.

    `own` is True for gate's own copy, which is used where the project has none. `program` is the path of an
    executable that needs no interpreter, else empty.
    """

    name: str
    version: str
    python: str
    site: str
    own: bool
    program: str = ""


@dataclass(frozen=True)
class Environment:
    """An interpreter and what is installed beside it. `origin` says how it was found, for people.

    `found` is False where the project has no environment of its own: then `python` is the one that runs gate,
    and what the project depends on may be missing. `looked_at` are the places that were looked at before: if
    something appears there, it is another environment.
    """

    python: Path
    origin: str
    found: bool = True
    looked_at: tuple[str, ...] = ()

    @cached_property
    def site_packages(self) -> tuple[Path, ...]:
        """The folders that packages are installed into, as the layout of the environment tells."""
        if self.prefix == Path(sys.prefix):
            return tuple(
                dict.fromkeys((Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))))
            )
        folders = [
            *self.prefix.glob("lib/python3*/site-packages"),
            *self.prefix.glob("lib64/python3*/site-packages"),
        ]
        folders += [*self.prefix.glob("Lib/site-packages")]
        return tuple(dict.fromkeys(folder.resolve() for folder in sorted(folders)))

    @cached_property
    def prefix(self) -> Path:
        """The folder of the environment. The interpreter's link is not followed: a venv is known by its place."""
        return self.python.parent.parent

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The version of each distribution, by its name in lower case with dashes."""
        found: dict[str, str] = {}
        for folder in self.site_packages:
            for entry in sorted(_names(folder)):
                if entry.endswith((".dist-info", ".egg-info")):
                    name, _, version = entry.rpartition(".")[0].partition("-")
                    found.setdefault(name.lower().replace("_", "-"), version)
        return found

    @cached_property
    def fingerprint(self) -> str:
        """What decides how code behaves in this environment: interpreter, packages, and when they came."""
        parts = [str(self.python), *(f"{name}=={version}" for name, version in sorted(self.packages.items()))]
        for path in self.witnesses:
            try:
                status = Path(path).stat()
                parts.append(f"{path} {status.st_mtime_ns} {status.st_size}")
            except OSError:
                parts.append(f"{path} -")
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    @cached_property
    def witnesses(self) -> tuple[str, ...]:
        """The files and folders that change when anything is installed, removed or replaced."""
        paths = [self.python, self.prefix / "pyvenv.cfg", *self.site_packages]
        return tuple(str(path) for path in paths) + self.looked_at

    def tool(self, name: str) -> Installed | None:
        """The tool `name` of this environment, else gate's own copy, else None."""
        version = self.packages.get(name)
        if version:
            site = next((str(f) for f in self.site_packages if (f / name).exists()), str(self.prefix))
            program = self.python.parent / name
            return Installed(name, version, str(self.python), site, own=False, program=_executable(program))
        return own_tool(name)


def own_tool(name: str) -> Installed | None:
    """gate's own copy of the tool `name`."""
    for distribution in distributions(name=name):
        site = str(distribution.locate_file(""))
        scripts = [Path(sysconfig.get_path("scripts")) / name, Path(sys.executable).parent / name]
        program = next(filter(None, map(_executable, scripts)), "")
        return Installed(name, distribution.version, sys.executable, site, own=True, program=program)
    return None


def _executable(path: Path) -> str:
    return str(path) if os.access(path, os.X_OK) else ""


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names alone are wanted, of what may be a thousand entries
    except OSError:
        return []


def find_environment(
    project: Path, configured: str = "", environ: Mapping[str, str] = os.environ
) -> Environment:
    """The environment of the project whose working tree (or git folder) is `project`.

    The policy's `python` is taken at its word; then an active environment that is not gate's own, then the
    folders that venv, uv and poetry make, then conda; else the interpreter that runs gate. Raises UsageError
    if the policy names an interpreter that is not there.
    """
    if configured:
        python = Path(os.path.normpath(project / Path(configured).expanduser()))
        if not _executable(python):
            raise UsageError(
                f"gate.yaml: python: {configured} is not an interpreter that can be started",
                "make the environment, or correct the path",
            )
        return Environment(python, f"`python` in gate.yaml ({configured})")
    candidates = [
        (environ.get("UV_PROJECT_ENVIRONMENT", ""), "UV_PROJECT_ENVIRONMENT"),
        (environ.get("VIRTUAL_ENV", ""), "VIRTUAL_ENV"),
        (".venv", ".venv"),
        ("venv", "venv"),
        *((folder, "poetry") for folder in _poetry(project, environ)),
        (environ.get("CONDA_PREFIX", ""), "CONDA_PREFIX"),
    ]
    own = Path(sys.prefix).resolve()
    looked_at = [str(project / "poetry.lock")]
    for folder, origin in candidates:
        if not folder:
            continue
        prefix = Path(os.path.normpath(project / folder))
        # gate may run from an environment of pre-commit's or pipx's, which is then the active one.
        if origin == "VIRTUAL_ENV" and prefix.resolve() == own and not _is_below(prefix, project):
            continue
        for name in ("bin/python", "Scripts/python.exe"):
            if _executable(prefix / name):
                return Environment(prefix / name, origin, looked_at=tuple(looked_at))
            looked_at.append(str(prefix / name))
    origin = "the interpreter that runs gate"
    return Environment(Path(sys.executable), origin, found=False, looked_at=tuple(looked_at))


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _poetry(project: Path, environ: Mapping[str, str]) -> list[str]:
    """Where poetry keeps the environments of this project; starting poetry to ask would take half a second."""
    if not (project / "poetry.lock").exists():
        return []
    home = Path(environ.get("HOME", "~")).expanduser()
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "pypoetry" / "virtualenvs"
    cache = Path(environ.get("POETRY_VIRTUALENVS_PATH") or cache)
    try:
        import tomllib

        data = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
        name = data.get("project", {}).get("name") or data.get("tool", {}).get("poetry", {}).get("name", "")
    except (OSError, ValueError, AttributeError):
        return []
    import base64
    import re

    # poetry's own rule: the name, cut and cleaned, and a hash of the project's folder.
    clean = re.sub(r'[ $`!*@"\\\r\n\t]', "_", str(name).lower())[:42]
    digest = hashlib.sha256(str(project.resolve()).encode()).digest()
    tail = base64.urlsafe_b64encode(digest).decode()[:8]
    return [str(path) for path in sorted(cache.glob(f"{clean}-{tail}-py*"), reverse=True)]


def check_environ(
    names: tuple[str, ...], scratch: str, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The environment that a check runs in: what every program needs, and what the policy names for it."""
    kept = {
        name: value
        for name, value in environ.items()
        if name in PASSED or name.startswith("LC_") or name in names
    }
    return kept | {
        "TMPDIR": scratch,
        "TERM": "dumb",
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
