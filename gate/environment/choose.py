"""Which environment the checks of a project run in: found in the project, or built from what the tree declares."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from gate.environment.build import Builder, BuildFailed
from gate.environment.built import (
    COMPILED,
    build_inputs,
    generated_files,
    install_project,
    needs_compiling,
    take_generated,
)
from gate.environment.declared import (
    OF_WORKSPACE,
    Declared,
    difference,
    is_declaring,
    read_declared,
    workspace_members,
)
from gate.environment.find import PYTHONS, find_environment
from gate.environment.interpreter import Environment, executable, normal, own_environment
from gate.environment.retarget import in_tree
from gate.environment.tracked import Tracked
from gate.git.objects import Entry, read_objects
from gate.git.repository import Repository
from gate.process import Cancel
from gate.result_cache import ResultCache, key_of

USE_FOUND = "or use the environment as it is: `environment: {source: project}` in gate.yaml"


class ProjectTree(Protocol):
    """A tree whose projects are checked: the merge result, or the base."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every file of the tree."""

    def path(self, *, runs_code: bool) -> Path:
        """The folder that holds it; with `runs_code`, the copy in which the project's own code may run."""


@dataclass(slots=True)
class Environments:
    """The environments of one repository's projects, each worked out once.

    `source` and `configured` are the policy's `environment.source` and `python`. `trees` are the trees and commits
    whose files are never an environment; `base` is the tree that a change of dependencies is seen by.
    """

    repository: Repository
    configured: str = ""
    trees: tuple[str, ...] = ()
    source: str = "auto"
    base: ProjectTree | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    cancel: Cancel = field(default_factory=Cancel)
    _found: dict[str, Environment] = field(default_factory=dict)
    _chosen: dict[tuple[int, str], Environment] = field(default_factory=dict)
    _declared: dict[tuple[int, str], Declared] = field(default_factory=dict)
    _in_tree: dict[tuple[str, str], Environment] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def environment_for(self, tree: ProjectTree, folder: str = "") -> Environment:
        """The environment in which the project in `folder` of `tree` is checked; "" is the top of the repository.

        Where there is none for this tree, its `broken` says why. Raises UsageError if the policy names an
        interpreter that cannot be used.
        """
        key = id(tree), folder
        with self._lock:
            if key not in self._chosen:
                self._chosen[key] = self._choose(tree, folder)
            return self._chosen[key]

    def for_checkout(
        self, environment: Environment, tree: ProjectTree, root: Path, folder: str = "", *, runs_code: bool
    ) -> Environment:
        """`environment` with the project taken from the checkout of `tree` at `root`; raises BuildFailed.

        With `runs_code` the project is also built there, if it needs that.
        """
        with self._lock:
            key = str(root), folder
            if key not in self._in_tree:
                self._in_tree[key] = self._retarget(environment, tree, root, folder, runs_code=runs_code)
            return self._in_tree[key]

    @property
    def used(self) -> tuple[Environment, ...]:
        """The environments that checks were given so far."""
        with self._lock:
            return tuple(dict.fromkeys(self._chosen.values()))

    @property
    def is_declared(self) -> bool:
        """Whether environments have what the tree declares; the policy may take one as it is instead."""
        return self.source in {"auto", "lock"} and not self.configured

    @property
    def _top(self) -> Path:
        return self.repository.work_tree or self.repository.common_dir

    @property
    def _builder(self) -> Builder:
        return Builder(self.repository.state_dir / "environments", self.environ, self.cancel)

    def found_for(self, folder: str = "") -> Environment:
        """The environment that was found for the project in `folder`, or the one at the top of the repository."""
        with self._lock:
            if folder not in self._found:
                tracked = Tracked(self.repository, self.trees)
                environment = find_environment(
                    Path(self._top, folder), self.configured, self.environ, tracked
                )
                if folder and not environment.found:
                    environment = self.found_for()
                self._found[folder] = replace(environment, project=self._top)
            return self._found[folder]

    def declared_by(self, tree: ProjectTree, folder: str = "") -> Declared:
        """The dependencies that the project in `folder` of `tree` declares."""
        key = id(tree), folder
        with self._lock:
            if key not in self._declared:
                self._declared[key] = read_declared(self._declaring_files(tree, folder))
            return self._declared[key]

    def _declaring_files(self, tree: ProjectTree, folder: str) -> dict[str, bytes]:
        """The files that declare the environment of a project, by their paths from its folder on."""
        files = {entry.path: entry.oid for entry in tree.entries if entry.mode.startswith("100")}
        own = {path: oid for path, oid in files.items() if is_declaring(path, folder)}
        shared = {path: files[path] for path in (*OF_WORKSPACE, "pyproject.toml") if folder and path in files}
        contents = read_objects(self.repository, [*own.values(), *shared.values()])
        found = {
            path.removeprefix(f"{folder}/" if folder else ""): contents[oid] for path, oid in own.items()
        }
        if folder in workspace_members(contents.get(shared.get("pyproject.toml", ""), b""), [folder]):
            found |= {path: contents[shared[path]] for path in OF_WORKSPACE if path in shared}
        return found

    def _choose(self, tree: ProjectTree, folder: str) -> Environment:
        if self.source == "none":
            return own_environment(self._top)
        if self.source == "lock":
            return self._build(tree, folder, self.declared_by(tree, folder), None)
        found = self.found_for(folder)
        if self.source == "project" or self.configured:
            return self._as_found(found, tree) if found.found else _without(found)
        declared = self.declared_by(tree, folder)
        if not found.found or _lacks_project(found, folder, declared):
            return self._build(tree, folder, declared, found) if declared.source else found
        before = self.declared_by(self.base, folder) if self.base else None
        differs = self._difference(declared, found, before)
        if not differs or not declared.source:
            return self._as_found(found, tree)
        found = replace(
            self._as_found(found, tree), note=f"{found.origin} is not what the tree declares: {differs}"
        )
        return self._build(tree, folder, declared, found)

    def _difference(self, declared: Declared, found: Environment, before: Declared | None) -> str:
        """How `found` differs from what is declared; the answer is cached, since a lock takes long to read."""
        cache = ResultCache(self.repository.state_dir / "results")
        sides = (self._builder.key(declared), self._builder.key(before) if before else "")
        key = key_of("environment differs", *sides, repr(sorted(found.packages.items())))
        cached = cache.get(key)
        if cached is not None:
            return cached.decode("utf-8", "surrogateescape")
        differs = difference(declared, found.packages, before)
        cache.put(key, differs.encode("utf-8", "surrogateescape"))
        return differs

    def _as_found(self, found: Environment, tree: ProjectTree) -> Environment:
        return replace(found, generated=generated_files(found, tree.entries))

    def _build(
        self, tree: ProjectTree, folder: str, declared: Declared, found: Environment | None
    ) -> Environment:
        """The environment that the tree declares; where it cannot be had, `found` if the change is not the reason."""
        builder = self._builder
        try:
            if not declared.source:
                raise BuildFailed(
                    "nothing in the tree declares an environment",
                    "add a lock file, requirements.txt or pyproject.toml",
                )
            prefix = builder.built(declared) or builder.build(declared, tree.path(runs_code=True) / folder)
        except BuildFailed as error:
            return self._instead(tree, folder, declared, found, error)
        python = next(filter(None, (executable(prefix / name) for name in PYTHONS)), "")
        config = (prefix / "pyvenv.cfg").read_bytes()
        return Environment(
            Path(python),
            f"an environment built from {declared.source}",
            project=self._top,
            identity=f"{prefix.name} {sha256(config).hexdigest()}",
            passed_over=found.passed_over if found else (),
            note=f"in an environment built from {declared.source}",
        )

    def _instead(
        self,
        tree: ProjectTree,
        folder: str,
        declared: Declared,
        found: Environment | None,
        error: BuildFailed,
    ) -> Environment:
        """What is used where an environment cannot be built."""
        before = self.declared_by(self.base, folder) if self.base and self.base is not tree else None
        altered = (
            before is not None and before.contents != declared.contents and before.stated != declared.stated
        )
        if found is not None and not altered:
            note = (
                f"; building one failed: {error.reason}"
                if found.note
                else f"no environment could be built: {error.reason}"
            )
            return replace(found, note=found.note + note, problems=(*found.problems, error.reason))
        hint = error.hint
        if found is not None and found.found and error.offline:
            hint = f"{hint}, {USE_FOUND}" if hint else USE_FOUND
        reason = f"no environment can be built from {declared.source or 'the tree'}: {error.reason}"
        return replace(own_environment(self._top), broken=(reason, hint))

    def _retarget(
        self, environment: Environment, tree: ProjectTree, root: Path, folder: str, *, runs_code: bool
    ) -> Environment:
        if not environment.found:
            return environment
        declared = self.declared_by(tree, folder)
        builds = runs_code and self._has_to_be_built(environment, tree, folder, declared)
        if not builds and not _refers_to_project(environment, declared):
            return environment
        prefix = (
            root.parent / f"{root.name}.env" / (sha256(folder.encode()).hexdigest()[:8] if folder else "top")
        )
        roots = (
            [base for base in (f"{folder}/src", folder) if (root / base).is_dir()] if folder else ["src", ""]
        )
        roots = [base for base in roots if (root / base).is_dir()]
        made = in_tree(environment, root, prefix, name=declared.name, roots=roots, without_project=builds)
        take_generated(environment, root)
        if builds:
            inputs = build_inputs(tree.entries, folder)
            places = _packages_of(folder, declared)
            install_project(self._builder, made, root, places, inputs, self.repository.state_dir / "installs")
        return made

    def _has_to_be_built(
        self, environment: Environment, tree: ProjectTree, folder: str, declared: Declared
    ) -> bool:
        """Whether the project has to be installed by its build: into what gate built, or to compile what is missing."""
        if environment.identity:
            return bool(_packages_of(folder, declared))
        if any(path.endswith(COMPILED) for path in environment.generated):
            return False
        return _refers_to_project(environment, declared) and needs_compiling(
            tree.entries, declared.contents, folder
        )


def _without(found: Environment) -> Environment:
    reason = "the project has no environment, and the policy says `environment: {source: project}`"
    return replace(found, broken=(reason, "make one, such as `.venv`, or use `source: auto`"))


def _lacks_project(found: Environment, folder: str, declared: Declared) -> bool:
    """Whether `found` is gate's own, and has the dependencies of a project that has to be installed, but not it."""
    own = Path(sys.prefix) == found.prefix
    return own and bool(_packages_of(folder, declared)) and normal(declared.name) not in found.packages


def _refers_to_project(environment: Environment, declared: Declared) -> bool:
    """Whether code of the project is installed in the environment, as a reference or as a copy."""
    if any(environment.in_project(item.folder) for item in environment.editables):
        return True
    if declared.name and normal(declared.name) in environment.packages:
        return True
    return any(
        environment.in_project(os.path.realpath(entry.path))
        and not environment.in_prefix(os.path.realpath(entry.path))
        for site in environment.site_packages
        for entry in os.scandir(site)
        if entry.is_symlink()
    )


def _packages_of(folder: str, declared: Declared) -> list[str]:
    """The folders that are installed for the project in `folder`: its own, and a workspace's members."""
    places = []
    pyproject = declared.contents.get("pyproject.toml", b"")
    if b"[build-system]" in pyproject or "setup.py" in declared.contents:
        places.append(folder)
    below = [
        path.removesuffix("/pyproject.toml") for path in declared.contents if path.endswith("/pyproject.toml")
    ]
    for member in workspace_members(pyproject, below):
        if b"[build-system]" in declared.contents[f"{member}/pyproject.toml"]:
            places.append(f"{folder}/{member}" if folder else member)
    return places
