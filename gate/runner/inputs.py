"""Read the recorded inputs of a test run (`gate/plugins/gate_inputs.py`), and compare them with a tree."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from hashlib import sha256
from typing import Any

from gate.environment import build_inputs
from gate.git.objects import Entry
from gate.json_input import parse_json
from gate.result_cache import key_of
from gate.settings_input import parse_toml

UNRELATED = frozenset({
    "bandit", "basedpyright", "black", "bumpversion", "codespell", "commitizen", "djlint", "flake8", "interrogate",
    "isort", "mypy", "pydocstyle", "pylint", "pyrefly", "pyright", "ruff", "semantic_release", "towncrier", "ty",
    "typos", "vulture",
})  # fmt: skip
"""Sections of pyproject.toml for tools that neither run tests nor install anything."""
IMPORTABLE = (".py", ".so", ".pyd", ".pyc", ".dylib")
ASKED_BY_PYTEST = frozenset({".git/pyvenv.cfg", ".git/conda-meta/history"})
"""Paths that pytest looks up in every folder to see whether it is an environment."""
PLACES = ("opened", "settings", "listed", "searched", "kinds", "distributions", "collected", "candidates")
RECORDED = frozenset({*PLACES, "everything", "watched", "variables"})
"""What every recorded process has to report."""
RECORDED_VARIABLES = frozenset({"CI"})
"""The environment variables that only count if the tests read them (`gate_variables.py`)."""
LINK, SUBMODULE = "120000", "160000"
METADATA = re.compile(r"(?:\.dist-info|\.egg-info|^egg-info)/?$", re.IGNORECASE)
"""Names of files and folders that contain the metadata of a package."""
COLLECTED = re.compile(r".*\.py|test.*\.txt", re.DOTALL)
"""Names of files that pytest itself may collect: modules, and by default text files with doctests."""


@dataclass(frozen=True)
class TreeState:
    """The tree that a record is compared with, as its entries. `text` returns the content of one of its files.

    `variables` are the environment variables that tests of this tree would see.
    """

    entries: Sequence[Entry]
    text: Callable[[str], str]
    variables: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def known(self) -> dict[str, str]:
        """The states computed so far, because many test files have the same inputs."""
        return {}

    @cached_property
    def files(self) -> Mapping[str, str]:
        """The mode and blob of each path."""
        return {entry.path: f"{entry.mode} {entry.oid}" for entry in self.entries}

    @cached_property
    def folders(self) -> Mapping[str, frozenset[str]]:
        """The names in each folder, with a slash after those of folders. The top folder is the empty path."""
        names: dict[str, set[str]] = {"": set()}
        for path in self.files:
            folder, _, name = path.rpartition("/")
            while True:
                is_known = folder in names
                names.setdefault(folder, set()).add(name)
                if is_known or not folder:
                    break
                folder, _, name = folder.rpartition("/")
                name += "/"
        return {folder: frozenset(content) for folder, content in names.items()}

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """The symlinks and submodules, whose targets aren't part of this tree."""
        return tuple(entry.path for entry in self.entries if entry.mode in {LINK, SUBMODULE})

    def variable(self, name: str) -> str:
        """Return whether an environment variable is set, and its value."""
        return f"={self.variables[name]}" if name in self.variables else ""

    def content(self, path: str) -> str:
        """Return what exists at `path`: a file's mode and blob, "folder", or ""."""
        return self.files.get(path) or ("folder" if path in self.folders else "")

    def kind(self, path: str) -> str:
        """Return whether a file, a folder, or nothing exists at `path`."""
        return "file" if path in self.files else self.content(path)

    def listing(self, folder: str) -> str:
        """Return the names in a folder, as one value."""
        return key_of(*sorted(self.folders.get(folder, ())))

    def importable(self, folder: str) -> str:
        """Return what an import sees in a folder: modules, and folders of modules, with or without `__init__`."""
        below = f"{folder}/" if folder else ""
        names = [
            name
            for name in self.folders.get(folder, ())
            # For a folder without modules, which could be imported as a namespace, the recorder adds an entry of its
            # own.
            if name.endswith(IMPORTABLE) or (name[-1] == "/" and f"{below}{name[:-1]}" in self._with_modules)
        ]
        inits = [
            init
            for name in names
            if name.endswith("/")
            for init in self.folders.get(f"{below}{name[:-1]}", ())
            if init.startswith("__init__.")
        ]
        return key_of(*sorted(names), "", *sorted(inits))

    @cached_property
    def _with_modules(self) -> frozenset[str]:
        """The folders that contain a module, directly or further below."""
        return _folders_above(path for path in self.files if path.endswith(IMPORTABLE))

    @cached_property
    def _with_tests(self) -> frozenset[str]:
        """The folders that contain a file that pytest may collect, directly or further below."""
        return _folders_above(path for path in self.files if COLLECTED.fullmatch(path.rpartition("/")[2]))

    def collected(self, folder: str) -> str:
        """Return what pytest sees in a folder when it collects: files that it may collect, and their folders."""
        below = f"{folder}/" if folder else ""
        return key_of(
            *sorted(
                name
                for name in self.folders.get(folder, ())
                if COLLECTED.fullmatch(name)
                or (name[-1] == "/" and f"{below}{name[:-1]}" in self._with_tests)
            )
        )

    def distributions(self, folder: str) -> str:
        """Return what a search for installed packages sees in a folder: their metadata."""
        names = self.folders.get(folder, ())
        return key_of(*sorted(name for name in names if METADATA.search(name)))

    def bytecode(self, folder: str) -> str:
        """Return which bytecode the tree itself has for the modules in a folder: an import may load it unchecked."""
        cache = f"{folder}/__pycache__".lstrip("/")
        names = sorted(name for name in self.folders.get(cache, ()) if name.endswith(".pyc"))
        return key_of(*(f"{self.files[f'{cache}/{name}']} {name}" for name in names)) if names else ""

    def candidate(self, path: str) -> str:
        """Return whether `path` is a file or folder from which pytest may collect tests."""
        if path in self.files:
            return "file" if COLLECTED.fullmatch(path.rpartition("/")[2]) else ""
        return "folder" if path in self._with_tests else ""

    def build(self, folder: str) -> str:
        """Return the build inputs of the project in a folder, except pyproject.toml, which `settings` compares."""
        files = build_inputs(self.entries, folder)
        return key_of(*(f"{e.mode} {e.oid} {e.path}" for e in files if not e.path.endswith("pyproject.toml")))

    def settings(self, path: str) -> str:
        """Return what in a pyproject.toml can affect tests or installations: all but `UNRELATED` sections."""
        if path not in self.files:
            return ""
        try:
            data = parse_toml(self.text(path))
        except ValueError:
            return self.content(path)
        tools = data.get("tool")
        if isinstance(tools, dict):
            data["tool"] = {name: table for name, table in tools.items() if name not in UNRELATED}
        return sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()

    @cached_property
    def always(self) -> tuple[str, ...]:
        """The files that matter even if no test opens them: they affect what git writes and what a build installs."""
        return tuple(
            path
            for path in self.files
            if path.rpartition("/")[2] in {".gitattributes", "setup.py", "setup.cfg"}
        )

    @cached_property
    def projects(self) -> tuple[str, ...]:
        """The settings files of projects, which decide what is installed."""
        return tuple(path for path in self.files if path.rpartition("/")[2] == "pyproject.toml")


def _folders_of_modules(paths: Iterable[str]) -> list[str]:
    return sorted({path.rpartition("/")[0] for path in paths if path.endswith(".py")})


def _folders_above(paths: Iterable[str]) -> frozenset[str]:
    """Return all folders that contain the files, directly or further below, including the top folder."""
    folders = {path.rpartition("/")[0] for path in paths}
    above = {folder[:end] for folder in folders for end in range(len(folder)) if folder[end] == "/"}
    return frozenset({*folders, *above, ""})


@dataclass(frozen=True, slots=True)
class Inputs:
    """The recorded inputs of a run. `everything` lists reasons why the whole tree counts, if any.

    For a test file that ran in its own process, `left` are the paths in the tree that it changed, and `written` and
    `outside` are the paths elsewhere that it wrote and read. `built` are the folders of the tree whose build was
    installed for the run: tests may run build products of files that they never open. `variables` are those of
    `RECORDED_VARIABLES` that the run read.
    """

    opened: tuple[str, ...]
    settings: tuple[str, ...]
    listed: tuple[str, ...]
    searched: tuple[str, ...]
    kinds: tuple[str, ...]
    everything: tuple[str, ...]
    collected: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    distributions: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    outside: tuple[str, ...] = ()
    built: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    def state(self, tree: TreeState) -> dict[str, str]:
        """Return the state of each input in `tree`."""
        return {
            **{f"content {path}": tree.content(path) for path in (*self.opened, *tree.always)},
            **{f"kind {path}": tree.kind(path) for path in self.kinds},
            **{f"collected {path}": tree.collected(path) for path in self.collected},
            **{f"distributions {path}": tree.distributions(path) for path in self.distributions},
            **{f"candidate {path}": tree.candidate(path) for path in self.candidates},
            **{f"settings {path}": tree.settings(path) for path in (*self.settings, *tree.projects)},
            **{f"listing {path}": tree.listing(path) for path in self.listed},
            **{f"importable {path}": tree.importable(path) for path in self.searched},
            **{f"bytecode {path}": tree.bytecode(path) for path in _folders_of_modules(self.opened)},
            **{f"build {path}": tree.build(path) for path in self.built},
            **{f"variable {name}": tree.variable(name) for name in self.variables},
        }

    def beyond(self, tree: TreeState) -> str:
        """Return why the run depended on more than these inputs, or "" if it didn't."""
        if self.everything:
            return self.everything[0]
        paths = {path for name in PLACES for path in getattr(self, name)}
        asked = {*self.kinds, *self.candidates}
        if any(path == ".git" or path.startswith(".git/") for path in paths - asked) or any(
            path.startswith(".git/") and path not in ASKED_BY_PYTEST for path in asked
        ):
            return "the tests read git's folder"
        foreign = tuple(f"{path}/" for path in tree.foreign)
        behind = next((path for path in paths if f"{path}/".startswith(foreign)), "") if foreign else ""
        return f"{behind} is a link or in a submodule" if behind else ""


def read_inputs(parts: Iterable[bytes]) -> Inputs | None:
    """Return the inputs that the processes of a run recorded, or None if there are none or they are damaged."""
    merged: dict[str, dict[str, None]] = {}
    workers = count = 0
    for part in parts:
        try:
            data: dict[str, Any] = parse_json(part)
            workers += int(data.pop("workers"))
            for name, paths in data.items():
                merged.setdefault(name, {}).update(dict.fromkeys(map(str, paths)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        count += 1
    names = {field.name for field in fields(Inputs)} | {"watched"}
    if not count or not merged.keys() <= names or not merged.keys() >= RECORDED:
        return None
    recorded = {path for name in PLACES for path in merged[name]}
    unseen = next((path for path in merged.pop("watched") if path not in recorded), None)
    if unseen is not None:
        merged["everything"].setdefault(
            f"{unseen or 'the top folder'} is opened by other than Python code, or through a link"
        )
    if workers != count - 1:
        merged["everything"].setdefault("a worker left no record")
    return Inputs(**{name: tuple(paths) for name, paths in merged.items()})


def state_of(name: str, tree: TreeState) -> str:
    """Return the state of a recorded input in `tree`. The beginning of its name says which aspect counts."""
    if name not in tree.known:
        kind, _, path = name.partition(" ")
        tree.known[name] = {
            "content": tree.content,
            "kind": tree.kind,
            "settings": tree.settings,
            "listing": tree.listing,
            "importable": tree.importable,
            "collected": tree.collected,
            "candidate": tree.candidate,
            "distributions": tree.distributions,
            "bytecode": tree.bytecode,
            "build": tree.build,
            "variable": tree.variable,
        }[kind](path)
    return tree.known[name]


def covers(state: Mapping[str, str], tree: TreeState) -> bool:
    """Return whether no new settings, symlinks, or submodules in `tree` redirect the recorded paths."""
    if any(f"content {path}" not in state for path in tree.always):
        return False
    foreign = tuple(f"{path}/" for path in tree.foreign)
    return not foreign or not any(f"{name.partition(' ')[2]}/".startswith(foreign) for name in state)


IN_WORDS = {
    "content": "{} has changed",
    "kind": "{} was added or removed",
    "settings": "settings in {} have changed",
    "listing": "the list of files in {} has changed",
    "importable": "the modules in {} have changed",
    "collected": "the files in {} that pytest may collect have changed",
    "distributions": "the package metadata in {} has changed",
    "candidate": "{} was added or removed",
    "bytecode": "the compiled modules in {} are others",
    "build": "what is built in {} has changed",
    "variable": "the variable {} has another value",
}


def difference(state: Mapping[str, str], tree: TreeState) -> str:
    """Describe the first recorded input that differs in `tree`, or return "" if all are the same."""
    for name, value in state.items():
        if state_of(name, tree) != value:
            kind, _, path = name.partition(" ")
            return IN_WORDS[kind].format(path or "the top folder")
    return (
        "" if covers(state, tree) else "a link, a submodule, or .gitattributes bypasses the recorded inputs"
    )
