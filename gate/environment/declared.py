"""Read what a project declares about its environment, from lock files and other declarations."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from gate.environment.conda import FILES as CONDA
from gate.environment.how_tests_start import Start, how_tests_start
from gate.environment.interpreter import normal
from gate.environment.locks import LOCKS, locked_versions, read_toml, table
from gate.environment.own_setup import OwnSetup, is_own_setup, read_own_setup
from gate.environment.setup_files import Stated, read_setup_files

PROJECTS = ("pyproject.toml", "setup.py", "setup.cfg")
INTERPRETER = (".python-version", ".python-versions")
"""Files that name an interpreter for a folder and its subfolders."""
BESIDE = frozenset({*LOCKS, *PROJECTS, *CONDA, "Pipfile", "uv.toml", *INTERPRETER, "poetry.toml"})
OF_WORKSPACE = ("uv.lock", "uv.toml")
"""Files at the top of a workspace that decide the environments of its members."""
REQUIREMENTS = re.compile(
    r"(?:(?:base|main|common|test|tests|testing|dev|development)[-_.])?requirements?"
    r"(?:[-_.](?:base|main|common|test|tests|testing|dev|development))?\.txt"
    r"|requirements?/(?:base|main|common|requirements|test|tests|testing|pytest|dev|development)\.txt"
)
"""The usual names of requirements files needed to run the project or its tests."""
ANY_REQUIREMENTS = re.compile(
    r"(?:tests?/)?[^/]*(?:requirement|constraint)[^/]*\.(?:txt|in)|requirements?/[^/]*\.(?:txt|in)"
)
FOR_TESTS = ("test", "tests", "testing")
"""The usual names of extras and dependency groups needed to run the tests."""
FOR_DEVELOPMENT = ("dev", "develop", "development")
"""The same, but in most projects with more than the tests need."""
DEVELOPMENT_FILE = re.compile(r"(?:^|[/_.-])dev(?:elop(?:ment)?)?[._-]")
PYTEST = re.compile(r"\s*pytest\b", re.IGNORECASE)
INCLUDED = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[ =]*([^\s#]+)", re.MULTILINE)
POETRY_KEYS = ("dependencies", "group", "dev-dependencies", "source", "extras")
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?")


@dataclass(frozen=True)
class Declared:
    """The dependencies of one project. `source` is the file to build an environment from, or "" if there is none.

    `contents` are the declaring files by their path relative to the project. `required` are the requirements for
    running the project, `others` those of groups, extras, and the like. `local` are the folders, relative to the tree,
    of packages that the project depends on, with their pyproject.toml. `metadata` is the file that states the package's
    own requirements. `groups` and `extras` are all their names, and `with_pytest` are those of them, and all
    requirements files, that list pytest or a plugin of it. If `for_tests_alone`, everything named for development is
    left out, unless the project's own commands install it.
    """

    source: str = ""
    contents: Mapping[str, bytes] = field(default_factory=dict)
    name: str = ""
    required: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    requirement_files: tuple[str, ...] = ()
    metadata: str = ""
    local: Mapping[str, bytes] = field(default_factory=dict)
    with_pytest: frozenset[str] = frozenset()
    for_tests_alone: bool = False

    @cached_property
    def own(self) -> OwnSetup:
        """The packages that the project's own commands install for its tests.

        With a lock file, only groups and extras count, because the file has the packages of all groups.
        """
        setup = read_own_setup(self.contents)
        of_lock = OwnSetup(groups=setup.groups, extras=setup.extras, local=setup.local)
        return of_lock if self.source in LOCKS else setup

    @cached_property
    def test_groups(self) -> tuple[str, ...]:
        """The dependency groups to install for the tests."""
        return self._chosen(self.groups, self.own.groups)

    @cached_property
    def test_extras(self) -> tuple[str, ...]:
        """The extras to install for the tests."""
        return self._chosen(self.extras, self.own.extras)

    @cached_property
    def test_files(self) -> tuple[str, ...]:
        """The requirements files to install for the tests."""
        own = tuple(path for path in map(posixpath.normpath, self.own.files) if path in self.contents)
        usual = self.requirement_files
        if self.for_tests_alone:
            usual = tuple(path for path in usual if not DEVELOPMENT_FILE.search(path))
        names = map(normal, (*self.test_groups, *self.test_extras))
        has_another = {*usual, *own, *names} & self.with_pytest
        others = () if has_another or self.own.requirements else self.with_pytest & self.contents.keys()
        return tuple(dict.fromkeys((*usual, *own, *sorted(others))))

    def _chosen(self, names: Iterable[str], own: Iterable[str]) -> tuple[str, ...]:
        usual = FOR_TESTS if self.for_tests_alone else (*FOR_TESTS, *FOR_DEVELOPMENT)
        for_tests = {*usual, *map(normal, own)} & set(map(normal, names))
        # A list with an unusual name counts as test requirements only if there is no other.
        if not for_tests & self.with_pytest and not self.own.requirements:
            for_tests |= self.with_pytest - {*FOR_DEVELOPMENT}
        return tuple(name for name in names if normal(name) in for_tests)

    @property
    def alternative(self) -> Declared | None:
        """The same declarations without development dependencies, which may not fit the interpreter.

        None if that changes nothing, or if there is a lock file.
        """
        narrow = replace(self, for_tests_alone=True)
        chosen = [(d.test_groups, d.test_extras, d.test_files) for d in (self, narrow)]
        return narrow if self.source not in LOCKS and chosen[0] != chosen[1] else None

    @property
    def interpreters(self) -> tuple[str, ...]:
        """The interpreters named in a file, in order of preference."""
        data = next((self.contents[name] for name in INTERPRETER if name in self.contents), b"")
        lines = (line.strip() for line in data.decode("utf-8", "replace").splitlines())
        return tuple(line for line in lines if line and not line.startswith("#"))

    @cached_property
    def locked(self) -> Mapping[str, frozenset[str]]:
        """The versions of each package in the lock file. It is only parsed on demand, because it may be long."""
        return locked_versions(self.source, self.contents.get(self.source)) if self.source in LOCKS else {}

    @property
    def packages(self) -> tuple[str, ...]:
        """The folders to install, relative to the project: its own, and those of workspace members."""
        pyproject, suffix = self.contents.get("pyproject.toml", b""), "/pyproject.toml"
        own = self.is_package and (
            b"[build-system]" in pyproject or self.metadata in {"setup.py", "setup.cfg"}
        )
        below = [path.removesuffix(suffix) for path in self.contents if path.endswith(suffix)]
        members = workspace_members(pyproject, below)
        built = [path for path in members if b"[build-system]" in self.contents[path + suffix]]
        return (*([""] if own else []), *built)

    @cached_property
    def stated(self) -> tuple[object, ...]:
        """The values to compare two trees by. Other settings in the same files don't change dependencies."""
        files = {
            name: self.contents.get(name)
            for name in (*LOCKS, *OF_WORKSPACE, *INTERPRETER, "Pipfile", "poetry.toml")
        }
        lists = {path: self.contents[path] for path in included_files(self.test_files, self.contents)}
        settings = dependency_settings(read_toml(self.contents.get("pyproject.toml")))
        return (sorted(self.required), sorted(self.others), files, lists, self.local, settings, self.own)

    @cached_property
    def start(self) -> Start:
        """How the project's own commands start its tests."""
        return how_tests_start(self.contents)

    @cached_property
    def is_package(self) -> bool:
        """Whether the project is installed in its environment, by its own tool if it has one, or else by pip."""
        data = read_toml(self.contents.get("pyproject.toml"))
        uv, poetry, pdm = (table(data, "tool", tool) for tool in ("uv", "poetry", "pdm"))
        settings = (uv.get("package"), poetry.get("package-mode"), pdm.get("distribution"))
        stated = next((value for value in settings if isinstance(value, bool)), None)
        if stated is not None:
            return stated and bool(self.metadata)
        if self.source == "uv.lock" and "build-system" not in data:
            return self.metadata in {"setup.py", "setup.cfg"}
        return bool(self.metadata)

    @cached_property
    def requires_python(self) -> str:
        """The Python versions that the project allows, or "" if it doesn't say."""
        data = read_toml(self.contents.get("pyproject.toml"))
        return str(table(data, "project").get("requires-python") or "")


def is_declaring(path: str, folder: str) -> bool:
    """Return whether the file at `path` affects the environment of the project in `folder`."""
    name = path.rpartition("/")[2]
    if folder and not path.startswith(f"{folder}/"):
        return False
    inside = path.removeprefix(f"{folder}/") if folder else path
    if name == "pyproject.toml" or inside in BESIDE or is_own_setup(inside):
        return True
    return ANY_REQUIREMENTS.fullmatch(inside) is not None


def may_declare(path: str) -> bool:
    """Return whether the file at `path` may affect the environment of any project, from its path alone."""
    name = path.rpartition("/")[2]
    return name in BESIDE or name.endswith((".txt", ".in")) or is_own_setup(name) or is_own_setup(path)


def workspace_members(pyproject: bytes, folders: Iterable[str]) -> list[str]:
    """Return those of `folders` that are members of the uv workspace defined in `pyproject`."""
    workspace = table(read_toml(pyproject), "tool", "uv", "workspace")
    patterns = [pattern.removeprefix("./").rstrip("/") for pattern in _lines(workspace.get("members"))]
    left_out = _lines(workspace.get("exclude"))
    return [
        folder
        for folder in folders
        if any(fnmatchcase(folder, p) for p in patterns) and not any(fnmatchcase(folder, p) for p in left_out)
    ]


def read_declared(contents: Mapping[str, bytes]) -> Declared:
    """Return the dependencies that a project's files declare. Files that can't be parsed declare none."""
    data = read_toml(contents.get("pyproject.toml"))
    project, poetry = table(data, "project"), table(data, "tool", "poetry")
    lock = next((name for name in LOCKS if name in contents), "")
    files = tuple(path for path in sorted(contents) if REQUIREMENTS.fullmatch(path))
    stated = Stated() if project or poetry else read_setup_files(contents)
    metadata = "pyproject.toml" if project or poetry else "setup.py" if "setup.py" in contents else ""
    metadata = metadata or ("setup.cfg" if stated.name else "")
    extras = {**stated.extras, **table(project, "optional-dependencies")}
    groups = table(data, "dependency-groups")
    required = [
        *_lines(project.get("dependencies")),
        *_poetry_lines(poetry.get("dependencies")),
        *stated.required,
    ]
    other_lines = [line for value in extras.values() for line in _lines(value)]
    other_lines += [line for value in groups.values() for line in _lines(value)]
    other_lines += [
        line for value in table(data, "tool", "pdm", "dev-dependencies").values() for line in _lines(value)
    ]
    other_lines += _poetry_lines(poetry.get("dev-dependencies"))
    pipfile = read_toml(contents.get("Pipfile"))
    required += _poetry_lines(pipfile.get("packages"))
    other_lines += _poetry_lines(pipfile.get("dev-packages"))
    for group in table(poetry, "group").values():
        other_lines += _poetry_lines(group.get("dependencies") if isinstance(group, dict) else None)
    for path in () if lock else files:
        main = path.rpartition("/")[2] in {"requirements.txt", "base.txt", "main.txt", "common.txt"}
        (required if main else other_lines).extend(_requirement_lines(contents[path]))
    source = lock or (files[0] if files else metadata) or ("pyproject.toml" if groups else "")
    return Declared(
        source=source or _own_source(contents),
        contents=contents,
        name=str(project.get("name") or poetry.get("name") or stated.name),
        required=tuple(dict.fromkeys(required)),
        others=tuple(dict.fromkeys(other_lines)),
        groups=tuple(groups),
        extras=tuple(extras),
        requirement_files=files,
        metadata=metadata,
        with_pytest=frozenset(_with_pytest({**extras, **groups}, contents)),
    )


def _with_pytest(lists: Mapping[str, object], contents: Mapping[str, bytes]) -> Iterator[str]:
    """Yield the groups and extras (normalized) and the requirements files that list pytest or a plugin of it."""
    for name, value in lists.items():
        if any(PYTEST.match(line) for line in _lines(value)):
            yield normal(name)
    for path, data in contents.items():
        is_list = path.endswith(".txt") and ANY_REQUIREMENTS.fullmatch(path) and "constraints" not in path
        if is_list and any(PYTEST.match(line) for line in _requirement_lines(data)):
            yield path


def _own_source(contents: Mapping[str, bytes]) -> str:
    """Return the first file of the project's own commands that says what the tests need, or ""."""
    own = [path for path in sorted(contents) if is_own_setup(path)]
    return next((path for path in own if read_own_setup({path: contents[path]}) != OwnSetup()), "")


def requirement_name(line: str) -> str:
    """Return the normalized name of the package in a requirement, or "" if it has none."""
    match = _NAME.match(line)
    return normal(match[1]) if match else ""


def dependency_settings(pyproject: Mapping[str, Any]) -> dict[str, object]:
    """Return the settings in pyproject.toml, other than requirements, that affect which packages are installed."""
    poetry, pdm = table(pyproject, "tool", "poetry"), table(pyproject, "tool", "pdm")
    return {
        "python": table(pyproject, "project").get("requires-python"),
        "uv": table(pyproject, "tool", "uv"),
        "poetry": {key: poetry.get(key) for key in POETRY_KEYS},
        "pdm": {key: pdm.get(key) for key in ("dev-dependencies", "resolution", "source")},
    }


def included_files(files: Iterable[str], contents: Mapping[str, bytes]) -> list[str]:
    """Return the requirements files `files` and those that they include with `-r` and `-c`."""
    waiting, reached = list(files), list[str]()
    while waiting:
        path = waiting.pop()
        if path in contents and path not in reached:
            reached.append(path)
            names = INCLUDED.findall(contents[path].decode("utf-8", "replace"))
            waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(path), name)) for name in names]
    return sorted(reached)


def _lines(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list | tuple) else []


def _poetry_lines(value: object) -> Iterator[str]:
    """Yield poetry's dependency table as requirements, without versions, which the lock file has."""
    for name, spec in value.items() if isinstance(value, dict) else ():
        if name.lower() == "python" or (
            isinstance(spec, dict) and (spec.get("optional") or spec.get("markers"))
        ):
            continue
        extras = spec.get("extras") if isinstance(spec, dict) else None
        yield f"{name}[{','.join(map(str, extras))}]" if extras else name


def _requirement_lines(data: bytes) -> Iterator[str]:
    text = data.decode("utf-8", "replace").replace("\\\n", " ")
    for line in text.splitlines():
        stripped = re.sub(r"\s--hash=\S+|(?:^|\s)#.*", "", line).strip()
        if stripped and not stripped.startswith("-"):
            yield stripped


def pins(declared: Declared) -> list[str]:
    """Return the locked versions as constraints. Names that are locked twice are left to the resolver."""
    return [f"{name}=={min(versions)}" for name, versions in declared.locked.items() if len(versions) == 1]
