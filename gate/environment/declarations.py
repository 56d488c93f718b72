"""Read what the projects of a tree declare, once for each: dependencies, including those in the tree itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from gate.environment.ci_of_folder import ci_of, is_ci
from gate.environment.declared import (
    INTERPRETER,
    OF_WORKSPACE,
    Declared,
    is_declaring,
    may_declare,
    read_declared,
    requirement_name,
    workspace_members,
)
from gate.environment.interpreter import normal
from gate.environment.locks import local_in_lock
from gate.environment.own_setup import NAMED, is_own_setup
from gate.git.objects import Entry, read_objects
from gate.git.repository import Repository
from gate.result_cache import key_of

PYPROJECT = "pyproject.toml"
NO_LIBRARY = re.compile(r"(?:^|/)(?:tests?|docs?|examples?|templates?|vendor|node_modules)(?:/|$)")
"""Folders whose projects are not dependencies: if one shares its name with a package, the name means the package."""


class ProjectTree(Protocol):
    """A tree whose projects are checked: the merge result, or the base."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All files of the tree."""

    def path(self, *, runs_code: bool) -> Path:
        """Return the folder that contains it. If `runs_code`, that's the copy in which the project's code may run."""


@dataclass
class Declarations:
    """The declarations of all projects of one tree."""

    repository: Repository
    tree: ProjectTree
    _declared: dict[str, Declared] = field(default_factory=dict)

    def of(self, folder: str) -> Declared:
        """Return the dependencies that the project in `folder` declares, including packages of the tree."""
        if folder not in self._declared:
            self._declared[folder] = self._with_local(folder, self._read(folder))
        return self._declared[folder]

    @cached_property
    def signature(self) -> str:
        """A hash of everything that affects the declarations. It reads no files, because every commit needs it."""
        scripts = ("setup.py", "noxfile.py")
        entries = (e for e in self.tree.entries if not e.path.endswith(".py") or e.path.endswith(scripts))
        return key_of(*(f"{entry.oid} {entry.path}" for entry in entries if may_declare(entry.path)))

    @cached_property
    def _files(self) -> dict[str, str]:
        return {entry.path: entry.oid for entry in self.tree.entries if entry.mode.startswith("100")}

    @cached_property
    def _pyprojects(self) -> dict[str, bytes]:
        """The content of each pyproject.toml of the tree, by folder."""
        oids = {
            posixpath.dirname(path): oid
            for path, oid in self._files.items()
            if path == PYPROJECT or path.endswith(f"/{PYPROJECT}")
        }
        contents = read_objects(self.repository, oids.values())
        return {folder: contents[oid] for folder, oid in oids.items()}

    @cached_property
    def _folders(self) -> dict[str, str]:
        """The folders of projects that others of the tree may depend on, by name. Ambiguous names are left out."""
        folders: dict[str, list[str]] = {}
        for folder, data in self._pyprojects.items():
            name = read_declared({PYPROJECT: data}).name
            if name and not NO_LIBRARY.search(folder):
                folders.setdefault(normal(name), []).append(folder)
        return {name: paths[0] for name, paths in folders.items() if len(paths) == 1}

    def _read(self, folder: str) -> Declared:
        own = {path: oid for path, oid in self._files.items() if is_declaring(path, folder)}
        workspace = self._workspace_of(folder)
        shared = {
            name: self._files[path]
            for name in (OF_WORKSPACE if workspace is not None else ())
            if (path := posixpath.join(workspace or "", name)) in self._files
        }
        shared |= self._interpreter(folder, folder if workspace is None else workspace)
        contents = read_objects(self.repository, [*own.values(), *shared.values()])
        prefix = f"{folder}/" if folder else ""
        files = {path.removeprefix(prefix): contents[oid] for path, oid in own.items()}
        files |= {name: contents[oid] for name, oid in shared.items()}
        files = self._run_from_the_top(folder) | files
        return read_declared(files | self._named_in(files, prefix))

    def _run_from_the_top(self, folder: str) -> dict[str, bytes]:
        """Return what the CI at the top of the repository runs for the project in `folder`, as if it were its own."""
        oids = {path: oid for path, oid in self._files.items() if is_ci(path)} if folder else {}
        contents = read_objects(self.repository, oids.values())
        return ci_of(folder, {path: contents[oid] for path, oid in oids.items()})

    def _interpreter(self, folder: str, project: str) -> dict[str, str]:
        """Return the nearest file that names an interpreter: its name and object id.

        The search ends at the top, or at `project` if its pyproject.toml shows uv that it's a project.
        """
        is_project = b"[project]" in self._pyprojects.get(project, b"")
        path = folder
        while True:
            for name in INTERPRETER:
                if posixpath.join(path, name) in self._files:
                    return {name: self._files[posixpath.join(path, name)]}
            if not path or (is_project and path == project):
                return {}
            path = posixpath.dirname(path)

    def _named_in(self, files: Mapping[str, bytes], prefix: str) -> dict[str, bytes]:
        """Return the requirements files with unusual names that the project's own commands name."""
        texts = [data.decode("utf-8", "replace") for path, data in files.items() if is_own_setup(path)]
        names = {posixpath.normpath(name) for text in texts for name in NAMED.findall(text)} - files.keys()
        oids = {name: self._files[prefix + name] for name in sorted(names) if prefix + name in self._files}
        contents = read_objects(self.repository, oids.values())
        return {name: contents[oid] for name, oid in oids.items()}

    def _workspace_of(self, folder: str) -> str | None:
        """Return the folder of the nearest uv workspace that the project in `folder` is a member of, or None."""
        path = folder
        while path:
            path = posixpath.dirname(path)
            inside = folder.removeprefix(f"{path}/" if path else "")
            if workspace_members(self._pyprojects.get(path, b""), [inside]):
                return path
        return None

    def _with_local(self, folder: str, declared: Declared) -> Declared:
        """Return `declared` with the packages of the tree that it depends on, and their requirements."""
        if len(self._pyprojects) < 2:
            return declared
        if declared.source == "uv.lock":
            workspace = self._workspace_of(folder)
            top = folder if workspace is None else workspace
            paths = local_in_lock(declared.contents["uv.lock"], declared.name)
            folders = [posixpath.relpath(posixpath.join("/", top, path), "/") for path in paths]
            folders = ["" if path == "." else path for path in folders]
            local = {path: self._pyprojects[path] for path in folders if path in self._pyprojects}
            return replace(declared, local={path: data for path, data in local.items() if path != folder})
        local = dict(self._closure(folder, declared))
        needed = [line for data in local.values() for line in read_declared({PYPROJECT: data}).required]
        required = tuple(dict.fromkeys((*declared.required, *needed)))
        return replace(declared, local=local, required=required)

    def _closure(self, folder: str, declared: Declared) -> Iterator[tuple[str, bytes]]:
        """Yield the folder and pyproject.toml of each project of the tree that is required, directly or not."""
        waiting, reached = [*declared.required, *declared.others], {folder}
        named = [posixpath.normpath(posixpath.join(folder, path)) for path in declared.own.local]
        while waiting or named:
            path = named.pop() if named else self._folders.get(requirement_name(waiting.pop()))
            if path in self._pyprojects and path not in reached:
                reached.add(path)
                data = self._pyprojects[path]
                yield path, data
                waiting += read_declared({PYPROJECT: data}).required


def names_of_local(declared: Declared) -> Mapping[str, str]:
    """Return the folders of local packages by normalized name."""
    return {normal(read_declared({PYPROJECT: data}).name): path for path, data in declared.local.items()}
