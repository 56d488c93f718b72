"""Find the project's environment where tools put it, without starting any of these tools."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gate.environment.interpreter import Environment, executable, normal
from gate.environment.tracked import Tracked, first_tracked
from gate.errors import UsageError
from gate.settings_input import parse_toml

PYTHONS = ("bin/python", "Scripts/python.exe")
ACTIVE = "the active environment"
DECLARING = ("pyproject.toml", "requirements.txt", "poetry.lock")
UNTRACKED = Tracked()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible environment of the project. `origin` says how it was found, for people.

    `problem` says why it isn't used, or is empty if it can be. `source` is the file that names it.
    """

    prefix: Path
    origin: str
    python: str = ""
    problem: str = ""
    source: Path | None = None

    @property
    def exists(self) -> bool:
        """Whether anything exists at its path."""
        return bool(self.python) or self.prefix.exists()


def find_environment(
    project: Path, configured: str = "", environ: Mapping[str, str] = os.environ, tracked: Tracked = UNTRACKED
) -> Environment:
    """Return the environment of the project in the folder `project` of a working tree (or in a git folder).

    The policy's `python` (`configured`) is used as it is: a path relative to the project, or a name on PATH. Otherwise,
    the first usable one of `candidates` is used, or else the interpreter that runs gate. An environment with a file
    that git tracks is never used, because the change could have written it. Raises UsageError if the policy names such
    an environment, or an interpreter that doesn't exist.
    """
    if configured:
        python = _configured(project, configured, environ)
        if tracked_path := first_tracked(tracked, (python, python.parent.parent)):
            raise UsageError(
                f"gate.yaml: python: {configured} is tracked by git ({tracked_path}), so a change could replace it",
                "name an interpreter outside the repository, or an environment that git ignores",
            )
        return Environment(python, f"`python: {configured}`", project=project)
    passed_over: list[str] = []
    problems: list[str] = []
    for candidate in candidates(project, environ, tracked):
        if not candidate.problem:
            return Environment(
                Path(candidate.python),
                candidate.origin,
                project=project,
                passed_over=tuple(passed_over),
                problems=tuple(problems),
            )
        passed_over.append(str(candidate.prefix / PYTHONS[0]))
        if candidate.python and not _runs_gate(candidate.prefix):
            problems.append(f"{candidate.origin}: {candidate.problem}")
    own = Environment(
        Path(sys.executable),
        "the interpreter that runs gate",
        found=False,
        project=project,
        # Whether this interpreter suffices depends on the project's declarations.
        passed_over=(*passed_over, *(str(project / name) for name in DECLARING)),
        problems=tuple(problems),
    )
    if _serves(project, own):
        origin = "the environment that gate is in"
        return Environment(own.python, origin, True, project, own.passed_over, own.problems)
    return own


def candidates(
    project: Path, environ: Mapping[str, str] = os.environ, tracked: Tracked = UNTRACKED
) -> Iterator[Candidate]:
    """Yield every place where a tool may have put the project's environment, in order of preference.

    Those that can't be used say why. `gate doctor` lists them.
    """
    for folder in _places(project, environ):
        python = next(filter(None, (executable(folder.prefix / name) for name in PYTHONS)), "")
        problem = "" if python else "no interpreter there"
        # gate may run from an environment made by pre-commit or pipx, which is then the active one.
        if python and _runs_gate(folder.prefix) and not _is_below(folder.prefix, project):
            problem = "it is gate's own"
        elif python:
            paths = [folder.prefix, Path(python), *filter(None, [folder.source])]
            tracked_path = first_tracked(tracked, paths)
            problem = f"git tracks {tracked_path}, so a change could replace it" if tracked_path else ""
        yield Candidate(folder.prefix, folder.origin, python, problem, folder.source)


def _is_below(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def _configured(project: Path, configured: str, environ: Mapping[str, str]) -> Path:
    path = str(os.path.normpath(project / Path(configured).expanduser()))
    if "/" not in configured:
        path = executable(Path(path)) or shutil.which(configured, path=environ.get("PATH")) or path
    if not executable(Path(path)):
        raise UsageError(
            f"gate.yaml: python: {configured} is not an interpreter that can be started",
            "create the environment, or correct the path",
        )
    return Path(path)


def _places(project: Path, environ: Mapping[str, str]) -> Iterator[Candidate]:
    """Yield the folders in which an environment may be, the likeliest first."""
    in_project = (".venv", "venv", "env", ".pixi/envs/default")
    for folder, origin in (
        (environ.get("UV_PROJECT_ENVIRONMENT"), "UV_PROJECT_ENVIRONMENT"),
        (environ.get("VIRTUAL_ENV"), ACTIVE),
        *((name, name) for name in in_project),
    ):
        if folder:
            yield Candidate(Path(os.path.normpath(project / folder)), origin)
    home = Path(environ.get("HOME", "~")).expanduser()
    yield from _named_in_file(project, environ, home)
    yield from _pdm(project)
    for tool in (_poetry, _hatch, _pipenv):
        yield from tool(project, environ, home)
    if environ.get("CONDA_PREFIX"):
        yield Candidate(Path(environ["CONDA_PREFIX"]), "the active conda environment")
    yield from _conda(project, home)
    yield from _below(project, in_project)
    # pre-commit puts its own environment first on PATH, and unsets the variable that named the previous one.
    for folder in environ.get("PATH", "").split(os.pathsep):
        if folder and (Path(folder).parent / "pyvenv.cfg").is_file():
            yield Candidate(Path(os.path.normpath(Path(folder).parent)), "an environment on PATH")
    for tool_name, folder in (("tox", ".tox"), ("nox", ".nox")):
        for prefix in sorted((project / folder).glob("*"), reverse=True):
            if re.match(r"(?:py|tests?\b|unit)", prefix.name) and (prefix / "pyvenv.cfg").is_file():
                yield Candidate(prefix, f"{tool_name}'s {folder}/{prefix.name}")


def _runs_gate(prefix: Path) -> bool:
    return prefix.resolve() == Path(sys.prefix).resolve()


def _serves(project: Path, own: Environment) -> bool:
    """Return whether gate's own environment is the project's as well, as on a build server.

    It is if the project itself, or everything that it declares as a dependency, is installed there.
    """
    name, needed = _declared(project)
    if (name and normal(name) in own.packages) or (needed and needed <= own.packages.keys()):
        return True
    return any(Path(item.folder).is_relative_to(project) for item in own.editables)


def _declared(project: Path) -> tuple[str, frozenset[str]]:
    """Return the project's name as written, and the normalized names of its dependencies."""
    try:
        data = parse_toml((project / "pyproject.toml").read_bytes())
    except (OSError, ValueError):
        data = {}
    table, poetry = _table(data, "project"), _table(data, "tool", "poetry")
    words = [*_list(table.get("dependencies")), *_list(poetry.get("dependencies"))]
    with contextlib.suppress(OSError, UnicodeDecodeError):
        words += (project / "requirements.txt").read_text("utf-8").splitlines()
    # Ignore requirements with markers: they may not apply to this system.
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


def _digest(text: str, size: int = 32) -> str:
    """Return the start of a hash, as poetry, hatch, and pipenv put it into folder names."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:size]).decode()[:8]


def _poetry(project: Path, environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield the environments that poetry created for the project. Asking poetry would take half a second."""
    if not (project / "poetry.lock").exists():
        return
    cache = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "pypoetry" / "virtualenvs"
    cache = Path(environ.get("POETRY_VIRTUALENVS_PATH") or cache)
    # poetry's naming rule: the name, sanitized and truncated, and a hash of the project's folder.
    clean = re.sub(r'[ $`!*@"\\\r\n\t]', "_", _declared(project)[0].lower())[:42]
    for path in sorted(cache.glob(f"{clean}-{_digest(str(project.resolve()))}-py*"), reverse=True):
        yield Candidate(path, "the environment that poetry created")


def _named_in_file(project: Path, environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield environments whose path or name is in a file: `.venv` (pipenv and shells), `.python-version` (pyenv)."""
    note, pyenv = project / ".venv", Path(environ.get("PYENV_ROOT") or home / ".pyenv")
    folder = Path(environ.get("WORKON_HOME") or home / ".local" / "share" / "virtualenvs")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        if text := note.read_text("utf-8").strip():
            path = project / text if "/" in text else folder / text
            yield Candidate(Path(os.path.normpath(path)), "the environment that .venv names", source=note)
    note = project / ".python-version"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        for name in note.read_text("utf-8").split():
            # Other names are Python versions, in which no project is installed.
            if "/" not in name and (pyenv / "versions" / name / "pyvenv.cfg").is_file():
                yield Candidate(pyenv / "versions" / name, "the environment of pyenv", source=note)


def _below(project: Path, known: Iterable[str]) -> Iterator[Candidate]:
    """Yield any other folder of the project that contains an environment, like those of direnv and VS Code."""
    folders = [
        path for top in (project, project / ".direnv") for path in _folders(top) if path.name not in known
    ]
    for path in folders:
        if (path / "pyvenv.cfg").is_file() or (path / "conda-meta").is_dir():
            yield Candidate(path, str(path.relative_to(project)))


def _folders(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.is_dir())
    except OSError:
        return []


def _pdm(project: Path) -> Iterator[Candidate]:
    r"""Yield the environment of the interpreter that pdm recorded: PATH/bin/python, or PATH\Scripts\python.exe."""
    note = project / ".pdm-python"
    with contextlib.suppress(OSError, UnicodeDecodeError):
        python = Path(note.read_text("utf-8").strip())
        if python.is_absolute():
            yield Candidate(python.parent.parent, "the environment of .pdm-python", source=note)


def _hatch(project: Path, environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield the project's environments in hatch: the default one, named like the project, then those for tests."""
    name = re.sub(r"[-_.]+", "-", _declared(project)[0]).lower()
    if not name:
        return
    data = Path(
        environ.get("HATCH_DATA_DIR") or Path(environ.get("XDG_DATA_HOME") or home / ".local/share") / "hatch"
    )
    folder = data / "env" / "virtual" / name / _digest(str(project.resolve()))
    by_name = {path.name: path for path in sorted(folder.glob("*"))}
    wanted = [name, "test", "tests", *(key for key in by_name if key.startswith("hatch-test"))]
    for key in wanted:
        if key in by_name:
            yield Candidate(by_name[key], f"the environment that hatch created ({key})")


def _pipenv(project: Path, environ: Mapping[str, str], home: Path) -> Iterator[Candidate]:
    """Yield pipenv's environment. Its name is the folder's, cut and cleaned, and a hash of the Pipfile's path."""
    pipfile = project.resolve() / "Pipfile"
    if not pipfile.is_file():
        return
    folder = Path(environ.get("WORKON_HOME") or home / ".local" / "share" / "virtualenvs")
    clean = re.sub(r'[ &$`!*@"()\[\]\\\r\n\t]', "_", pipfile.parent.name)[:42]
    yield Candidate(folder / f"{clean}-{_digest(str(pipfile), 6)}", "the environment that pipenv created")


def _conda(project: Path, home: Path) -> Iterator[Candidate]:
    """Yield the conda environment that the project's `environment.yml` names, if conda has it."""
    name = ""
    for file in ("environment.yml", "environment.yaml"):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            match = re.search(r"^name:\s*[\"']?([\w.-]+)", (project / file).read_text("utf-8"), re.MULTILINE)
            name = name or (match[1] if match else "")
    with contextlib.suppress(OSError, UnicodeDecodeError):
        folders = (home / ".conda" / "environments.txt").read_text("utf-8").splitlines() if name else []
        for line in folders:
            if Path(line.strip()).name == name:
                yield Candidate(Path(line.strip()), f"the conda environment {name}")
