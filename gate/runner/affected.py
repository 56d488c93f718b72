"""Reuse the pass of a whole suite where nothing that its tests looked at is different.

A run of tests leaves a record of its inputs (`gate/plugins/gate_inputs.py`): files opened, folders listed, paths asked
about. Together with everything that the key of a result holds besides the tree, they decide the outcome; a tree in
which they are the same would see the same run. Assumptions, beyond those of a cached result:

- what the tests read outside the tree (the machine, `/tmp`, their own output) is no part of the tree;
- third-party compiled modules open files of the tree through Python, or not at all;
- the tests do not look at times of files or at the order in which folders are listed.

Whatever else could not be recorded makes the suite depend on the whole tree, and the record says why. Only passes are
kept, only a few of the newest for each suite; every so often the suite runs all the same, to see that they agree.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from gate.checks import Report
from gate.git.objects import Entry
from gate.result_cache import ResultCache, key_of
from gate.runner.keep import dump, load

MOST_RECORDS = 8
VERIFY_EVERY = 20
"""So many passes are reused before the suite runs again to compare."""
UNRELATED = frozenset({
    "bandit", "basedpyright", "black", "bumpversion", "codespell", "commitizen", "djlint", "flake8", "interrogate",
    "isort", "mypy", "pydocstyle", "pylint", "pyrefly", "pyright", "ruff", "semantic_release", "towncrier", "ty",
    "typos", "vulture",
})  # fmt: skip
"""Sections of pyproject.toml for tools that neither run tests nor install anything."""
IMPORTABLE = (".py", ".so", ".pyd", ".pyc", ".dylib")
ASKED_BY_PYTEST = frozenset({".git/pyvenv.cfg", ".git/conda-meta/history"})
"""pytest asks of each folder whether it is an environment."""
LINK, SUBMODULE = "120000", "160000"


@dataclass(frozen=True)
class TreeState:
    """What a record is compared with: the entries of a tree. `text` gives the content of one of its files."""

    entries: Sequence[Entry]
    text: Callable[[str], str]

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Mode and blob of each path."""
        return {entry.path: f"{entry.mode} {entry.oid}" for entry in self.entries}

    @cached_property
    def folders(self) -> Mapping[str, frozenset[str]]:
        """What is in each folder: names, with a slash behind those of folders. The top is the empty path."""
        names: dict[str, set[str]] = {"": set()}
        for path in self.files:
            folder, _, name = path.rpartition("/")
            while True:
                known = folder in names
                names.setdefault(folder, set()).add(name)
                if known or not folder:
                    break
                folder, _, name = folder.rpartition("/")
                name += "/"
        return {folder: frozenset(content) for folder, content in names.items()}

    @cached_property
    def foreign(self) -> tuple[str, ...]:
        """Links and submodules: what is behind them is not this tree's to tell."""
        return tuple(entry.path for entry in self.entries if entry.mode in {LINK, SUBMODULE})

    def content(self, path: str) -> str:
        """What is at `path`: a file's mode and blob, a folder, or nothing."""
        return self.files.get(path) or ("folder" if path in self.folders else "")

    def kind(self, path: str) -> str:
        """Whether there is a file, a folder, or nothing at `path`."""
        return "file" if path in self.files else self.content(path)

    def listing(self, folder: str) -> str:
        """The names in a folder, as one value."""
        return key_of(*sorted(self.folders.get(folder, ())))

    def importable(self, folder: str) -> str:
        """What an import that looks into a folder can see: modules, and folders with or without `__init__`."""
        names = [name for name in self.folders.get(folder, ()) if name.endswith((*IMPORTABLE, "/"))]
        below = f"{folder}/" if folder else ""
        inits = [
            init
            for name in names
            if name.endswith("/")
            for init in self.folders.get(f"{below}{name[:-1]}", ())
            if init.startswith("__init__.")
        ]
        return key_of(*sorted(names), "", *sorted(inits))

    def settings(self, path: str) -> str:
        """What of a pyproject.toml can decide how tests run or what is installed: all but `UNRELATED` sections."""
        if path not in self.files:
            return ""
        try:
            data = tomllib.loads(self.text(path))
        except tomllib.TOMLDecodeError:
            return self.content(path)
        tools = data.get("tool")
        if isinstance(tools, dict):
            data["tool"] = {name: table for name, table in tools.items() if name not in UNRELATED}
        return sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()

    @cached_property
    def always(self) -> tuple[str, ...]:
        """Files that decide whether or not a test opens them: what git writes, and what a build installs."""
        return tuple(
            path
            for path in self.files
            if path.rpartition("/")[2] in {".gitattributes", "setup.py", "setup.cfg"}
        )

    @cached_property
    def projects(self) -> tuple[str, ...]:
        """The settings files of projects, which decide what is installed."""
        return tuple(path for path in self.files if path.rpartition("/")[2] == "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a run looked at, as the recorder wrote it. `everything` says why the whole tree counts, if it does."""

    opened: tuple[str, ...]
    settings: tuple[str, ...]
    listed: tuple[str, ...]
    searched: tuple[str, ...]
    kinds: tuple[str, ...]
    everything: tuple[str, ...]

    def state(self, tree: TreeState) -> dict[str, str]:
        """Each input with what it is in `tree`."""
        return {
            **{f"content {path}": tree.content(path) for path in (*self.opened, *tree.always)},
            **{f"kind {path}": tree.kind(path) for path in self.kinds},
            **{f"settings {path}": tree.settings(path) for path in (*self.settings, *tree.projects)},
            **{f"listing {path}": tree.listing(path) for path in self.listed},
            **{f"importable {path}": tree.importable(path) for path in self.searched},
        }

    def beyond(self, tree: TreeState) -> str:
        """Why these inputs do not tell all that the run depended on; empty if they do."""
        if self.everything:
            return self.everything[0]
        paths = {*self.opened, *self.settings, *self.listed, *self.searched, *self.kinds}
        if any(path == ".git" or path.startswith(".git/") for path in paths - set(self.kinds)) or any(
            path.startswith(".git/") and path not in ASKED_BY_PYTEST for path in self.kinds
        ):
            return "the tests read git's folder"
        foreign = tuple(f"{path}/" for path in tree.foreign)
        behind = next((path for path in paths if f"{path}/".startswith(foreign)), "") if foreign else ""
        return f"{behind} is a link or in a submodule" if behind else ""


def read_inputs(parts: Iterable[bytes]) -> Inputs | None:
    """The inputs that the processes of a run have left; None if there are none, or they are damaged."""
    merged: dict[str, dict[str, None]] = {}
    workers = count = 0
    for part in parts:
        try:
            data: dict[str, Any] = json.loads(part)
            workers += int(data.pop("workers"))
            for name, paths in data.items():
                merged.setdefault(name, {}).update(dict.fromkeys(map(str, paths)))
        except (ValueError, KeyError, TypeError, AttributeError):
            return None
        count += 1
    names = ("opened", "settings", "listed", "searched", "kinds", "everything")
    if not count or merged.keys() != set(names):
        return None
    if workers != count - 1:
        merged["everything"].setdefault("a worker left no record")
    return Inputs(**{name: tuple(merged[name]) for name in names})


@dataclass(frozen=True, slots=True)
class Reused:
    """A pass that holds for another tree as well."""

    report: Report
    seconds: float


class Suite:
    """The records of one suite: of everything that decides its outcome besides the tree."""

    def __init__(self, results: ResultCache, key: str) -> None:
        """`key` names all that decides a result but the tree."""
        self._results = results
        self._key = key_of("inputs of a suite", key)

    def reuse(self, tree: TreeState) -> Reused | None:
        """A pass whose recorded inputs are the same in `tree`, if there is one and it is not time to verify."""
        records = self._read()
        for record in records:
            state: dict[str, str] = record["state"]
            if all(_now(name, tree) == value for name, value in state.items()) and _covers(state, tree):
                return self._use(records, record)
        return None

    def _use(self, records: list[dict[str, Any]], record: dict[str, Any]) -> Reused | None:
        record["uses"] = (record["uses"] + 1) % VERIFY_EVERY
        self._write(records)
        cached = load(record["report"].encode())
        return None if cached is None or record["uses"] == 0 else Reused(*cached)

    def record(self, tree: TreeState, inputs: Inputs | None, report: Report, seconds: float) -> str:
        """Keep a pass with its inputs. Returns why it cannot be reused for other trees; empty if it can."""
        if report.findings or report.unparsed or not report.seen:
            return ""
        reason = "what the tests read was not recorded" if inputs is None else inputs.beyond(tree)
        if reason or inputs is None:
            return reason
        state = inputs.state(tree)
        others = [record for record in self._read() if record["state"] != state]
        new = {"state": state, "report": dump(report, seconds).decode("ascii"), "uses": 0}
        self._write([new, *others][:MOST_RECORDS])
        return ""

    def _read(self) -> list[dict[str, Any]]:
        try:
            records: list[dict[str, Any]] = json.loads(self._results.get(self._key) or b"[]")
            return records
        except ValueError:
            return []

    def _write(self, records: list[dict[str, Any]]) -> None:
        self._results.put(self._key, json.dumps(records).encode("ascii"))


def _now(name: str, tree: TreeState) -> str:
    kind, _, path = name.partition(" ")
    match kind:
        case "content":
            return tree.content(path)
        case "kind":
            return tree.kind(path)
        case "settings":
            return tree.settings(path)
        case "listing":
            return tree.listing(path)
        case _:
            return tree.importable(path)


def _covers(state: Mapping[str, str], tree: TreeState) -> bool:
    """Whether nothing in `tree` leads around the recorded paths: new settings, links, or submodules on their way."""
    if any(
        path.rpartition("/")[2] == ".gitattributes" and f"content {path}" not in state for path in tree.files
    ):
        return False
    foreign = tuple(f"{path}/" for path in tree.foreign)
    return not foreign or not any(f"{name.partition(' ')[2]}/".startswith(foreign) for name in state)
