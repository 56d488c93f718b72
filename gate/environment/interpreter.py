"""An interpreter, the packages installed beside it, and the tools to start."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gate.cache_inputs import seen_by_check
from gate.environment.editable import Editable, editables, sources_of
from gate.json_input import parse_json
from gate.process import run

SITE = re.compile(r"python(3\.\d+)")
ASK = "import json,site,sys; print(json.dumps([sys.version.split()[0], *site.getsitepackages()]))"


@dataclass(frozen=True, slots=True)
class Installed:
    """An installed tool: the interpreter that runs it, its version, and where it is installed.

    `own` is True for gate's own copy, which is used if the project has none. `program` is the path of an executable
    that needs no interpreter, or "".
    """

    name: str
    version: str
    python: str
    site: str
    own: bool
    program: str = ""


@dataclass(frozen=True)
class Environment:
    """An interpreter and the packages installed beside it. `origin` says how it was found, for people.

    `found` is False if the project has no environment of its own. Then `python` is the interpreter that runs gate, and
    the project's dependencies may be missing. `project` is the project's working tree (or git folder). `passed_over`
    are the places that were tried before without success, and `problems` say why environments found there aren't used.
    `identity` names the content of an environment that gate built. `generated` are files of the working tree that a
    build wrote for an editable install. `lent` are folders to which its symlinks point. `local` are folders of the tree
    whose packages must be added to an environment that gate built. `built` are the folders of the tree whose build was
    installed here. `broken` says why there is no environment for the tree, and what to do. `note` is shown with the
    results.
    """

    python: Path
    origin: str
    found: bool = True
    project: Path | None = None
    passed_over: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    identity: str = ""
    generated: tuple[str, ...] = ()
    lent: tuple[str, ...] = ()
    local: tuple[str, ...] = ()
    broken: tuple[str, str] = ("", "")
    note: str = ""
    built: tuple[str, ...] = ()

    @property
    def description(self) -> str:
        """A description for people, with any problems."""
        note = "" if self.identity else self.note or "; ".join(self.problems)
        return f"{self.origin} ({note})" if note else self.origin

    @cached_property
    def prefix(self) -> Path:
        """The folder of the environment. The interpreter's symlink isn't followed: its own path identifies a venv."""
        return self.python.parent.parent

    @cached_property
    def site_packages(self) -> tuple[Path, ...]:
        """The folders that packages are installed into.

        For a venv, they are read from its layout. Any other interpreter, and a venv with access to system packages, is
        asked.
        """
        if self.prefix == Path(sys.prefix):
            own = (Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib")))
            return tuple(dict.fromkeys(own))
        if not self._is_plain_venv():
            folders = [Path(folder) for folder in self._asked[1:] if Path(folder).is_dir()]
        else:
            patterns = ("lib/python3*/site-packages", "lib64/python3*/site-packages", "Lib/site-packages")
            folders = [folder for pattern in patterns for folder in sorted(self.prefix.glob(pattern))]
        return tuple(dict.fromkeys(folder.resolve() for folder in folders))

    @cached_property
    def python_version(self) -> str:
        """The interpreter's version, or "" if unknown.

        Only that of gate's own interpreter has more than two numbers.
        """
        if self.prefix == Path(sys.prefix):
            return sys.version.split()[0]
        match = next(filter(None, (SITE.search(str(site)) for site in self.site_packages)), None)
        return match[1] if match else ""

    def _is_plain_venv(self) -> bool:
        try:
            return "include-system-site-packages = true" not in (self.prefix / "pyvenv.cfg").read_text(
                "utf-8"
            )
        except (OSError, UnicodeDecodeError):
            return False

    @cached_property
    def _asked(self) -> list[str]:
        """The interpreter's own report: its version, and its folders of packages."""
        try:
            environ = check_environ((), tempfile.gettempdir())
            answer = parse_json(run([str(self.python), "-I", "-c", ASK], env=environ).stdout)
            return [str(part) for part in answer]
        except (OSError, ValueError, TypeError):
            return [""]

    @cached_property
    def packages(self) -> Mapping[str, str]:
        """The version of each distribution, by normalized name."""
        versions: dict[str, str] = {}
        for folder in self.site_packages:
            for entry in sorted(_names(folder)):
                if entry.endswith((".dist-info", ".egg-info")):
                    name, _, version = entry.rpartition(".")[0].partition("-")
                    versions.setdefault(normal(name), version)
        return versions

    @cached_property
    def editables(self) -> tuple[Editable, ...]:
        """The editable installs, which refer to folders elsewhere."""
        return editables(self.site_packages)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of what affects how code behaves here: the interpreter, and the packages with their times.

        It includes the sources of editable installs outside the project. For an environment that gate built, it is
        `identity`.
        """
        if self.identity:
            return self.identity
        parts = [str(self.python), *self._installed_files()]
        # Skip site-packages folders: writing byte code also changes their times.
        folders = {str(path) for path in self.site_packages}
        for path in (path for path in self._content if path not in folders):
            try:
                status = Path(path).stat()
                parts.append(f"{path} {status.st_mtime_ns} {status.st_size}")
            except OSError:
                parts.append(f"{path} -")
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogateescape")).hexdigest()

    def _installed_files(self) -> Iterator[str]:
        """Yield each file and folder of the installed packages, files with time and size, so that any edit shows.

        Bytecode is left out, because it comes and goes.
        """
        waiting = [str(folder) for folder in self.site_packages]
        while waiting:
            folder = waiting.pop()
            entries = sorted(_scanned(folder), key=lambda entry: entry.name)
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name != "__pycache__":
                        waiting.append(entry.path)
                        yield entry.path
                    continue
                with contextlib.suppress(OSError):
                    status = entry.stat()
                    yield f"{entry.path} {status.st_mtime_ns} {status.st_size}"

    @cached_property
    def _content(self) -> tuple[str, ...]:
        paths = [self.python, self.prefix / "pyvenv.cfg", *self.site_packages]
        foreign = [item.folder for item in self.editables if not self.in_project(item.folder)]
        return (*(str(path) for path in paths), *self.generated, *sources_of(foreign))

    @cached_property
    def stamped_paths(self) -> tuple[str, ...]:
        """The files and folders that change if anything is installed, removed, replaced, or created again."""
        return (*self._content, *self.passed_over)

    def in_project(self, path: str) -> bool:
        """Return whether `path` is in the project's working tree."""
        return self.project is not None and Path(path).is_relative_to(self.project)

    def has_project(self, name: str, root: Path) -> bool:
        """Return whether the project `name` in the folder `root` is installed, as a package or by reference."""
        if name and normal(name) in self.packages:
            return True
        return any(Path(item.folder).is_relative_to(root) for item in self.editables)

    def in_prefix(self, path: str) -> bool:
        """Return whether `path` is in the environment itself."""
        return Path(path).is_relative_to(self.prefix.resolve())

    def tool(self, name: str) -> Installed | None:
        """Return the tool `name` of this environment, else gate's own copy, else None."""
        version = self.packages.get(name)
        if version:
            site = next((str(f) for f in self.site_packages if (f / name).exists()), str(self.prefix))
            program = self.python.parent / name
            return Installed(name, version, str(self.python), site, own=False, program=executable(program))
        return own_tool(name)


def own_environment(project: Path) -> Environment:
    """Return the interpreter that runs gate as an environment, for a project that has none."""
    return Environment(Path(sys.executable), "the interpreter that runs gate", found=False, project=project)


def own_tool(name: str) -> Installed | None:
    """Return gate's own copy of the tool `name`, or None if it isn't installed."""
    # It parses metadata as email, and takes as long to import as the email package.
    from importlib.metadata import distributions

    for distribution in distributions(name=name):
        site = str(distribution.locate_file(""))
        scripts = [Path(sysconfig.get_path("scripts")) / name, Path(sys.executable).parent / name]
        program = next(filter(None, map(executable, scripts)), "")
        return Installed(name, distribution.version, sys.executable, site, own=True, program=program)
    return None


def executable(path: Path) -> str:
    """Return `path` as a string if it is an executable file, else ""."""
    return str(path) if path.is_file() and os.access(path, os.X_OK) else ""


def normal(name: str) -> str:
    """Normalize the name of a distribution: lower case, with dashes."""
    return name.lower().replace("_", "-").replace(".", "-")


def _scanned(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  only the names of up to a thousand entries are needed
    except OSError:
        return []


def check_environ(
    names: tuple[str, ...], scratch: str, environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return the variables of a check: those that every program needs, and `names`, which the policy lists for it.

    `scratch` is the folder for its temporary files.
    """
    return seen_by_check(environ, names) | {"TMPDIR": scratch}
