"""Choose the environment for a project's checks: one found in the project, or one built from its declarations."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

from gate.environment.build import Builder
from gate.environment.build_failures import BuildFailed
from gate.environment.built import generated_files
from gate.environment.checkout import CheckedProject, completed
from gate.environment.conda import is_conda, not_updated
from gate.environment.declarations import Declarations, ProjectTree
from gate.environment.declared import Declared
from gate.environment.differences import allows_python, check_lock, difference, left_over, unsatisfied
from gate.environment.find import PYTHONS, find_environment
from gate.environment.interpreter import Environment, executable, normal, own_environment
from gate.environment.locks import LOCKS
from gate.environment.tracked import Tracked
from gate.git.repository import Repository
from gate.process import Cancel
from gate.result_cache import ResultCache, key_of

LACKS = ", without its development dependencies, which cannot be installed"
USE_FOUND = "or use the environment as it is: `environment: {source: project}` in gate.yaml"


@dataclass(slots=True)
class Environments:
    """The environments of a repository's projects, each determined once.

    `source` and `configured` are the policy's `environment.source` and `python`. `trees` are trees and commits whose
    files never count as an environment. `base` is the tree to compare dependencies with.
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
    _declarations: dict[int, Declarations] = field(default_factory=dict)
    _in_tree: dict[tuple[str, str], Environment] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def environment_for(self, tree: ProjectTree, folder: str = "") -> Environment:
        """Return the environment for checks of the project in `folder` of `tree` ("" is the top of the repository).

        If there is none, `broken` says why. Raises UsageError if the policy names an interpreter that can't be used.
        """
        key = id(tree), folder
        with self._lock:
            if key not in self._chosen:
                self._chosen[key] = self._choose(tree, folder)
            return self._chosen[key]

    def for_checkout(
        self, environment: Environment, tree: ProjectTree, root: Path, folder: str = "", *, runs_code: bool
    ) -> Environment:
        """Return `environment` with the project imported from the checkout of `tree` at `root`. Raises BuildFailed.

        If `runs_code`, the project is also built there if necessary.
        """
        with self._lock:
            key = str(root), folder
            if key not in self._in_tree:
                project = CheckedProject(tree, root, folder, self.declared_by(tree, folder))
                store = self.repository.state_dir / "installs"
                self._in_tree[key] = completed(
                    environment, project, self._builder, store, runs_code=runs_code
                )
            return self._in_tree[key]

    @property
    def used(self) -> tuple[Environment, ...]:
        """The environments that checks have used so far."""
        with self._lock:
            return tuple(dict.fromkeys(self._chosen.values()))

    @property
    def is_declared(self) -> bool:
        """Whether environments contain what the tree declares. The policy may use an existing one as it is instead."""
        return self.source in {"auto", "lock"} and not self.configured

    @property
    def _top(self) -> Path:
        return self.repository.work_tree or self.repository.common_dir

    @property
    def _builder(self) -> Builder:
        return Builder(self.repository.state_dir / "environments", self.environ, self.cancel)

    def found_for(self, folder: str = "") -> Environment:
        """Return the environment found for the project in `folder`, or else for the top of the repository."""
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
        """Return the dependencies that the project in `folder` of `tree` declares."""
        return self._declarations_of(tree).of(folder)

    def _base_declared(self, tree: ProjectTree, folder: str) -> Declared | None:
        """Return what the project declares at the base, or None if `tree` is the base or there is none."""
        return self.declared_by(self.base, folder) if self.base and self.base is not tree else None

    def _declarations_of(self, tree: ProjectTree) -> Declarations:
        with self._lock:
            if id(tree) not in self._declarations:
                self._declarations[id(tree)] = Declarations(self.repository, tree)
            return self._declarations[id(tree)]

    def _choose(self, tree: ProjectTree, folder: str) -> Environment:
        if self.source == "none":
            return own_environment(self._top)
        if self.source == "lock":
            return self._build(tree, folder, self.declared_by(tree, folder), None)
        environment = self.found_for(folder)
        if self.source == "project" or self.configured:
            return self._as_found(environment, tree) if environment.found else _without(environment)
        if not environment.found or self._lacks_project(environment, tree, folder):
            declared = self.declared_by(tree, folder)
            return self._build(tree, folder, declared, environment) if declared.source else environment
        if is_conda(environment.prefix):
            return self._of_conda(environment, tree, folder)
        differs = self._difference(tree, folder, environment)
        if not differs:
            return self._as_found(environment, tree)
        declared = self.declared_by(tree, folder)
        if not declared.source:
            return self._as_found(environment, tree)
        environment = replace(
            self._as_found(environment, tree),
            note=f"{environment.origin} doesn't match the dependencies declared in the tree: {differs}",
        )
        return self._build(tree, folder, declared, environment)

    def _of_conda(self, environment: Environment, tree: ProjectTree, folder: str) -> Environment:
        """Return a conda or pixi environment, or a broken one if it is outdated, because uv can't build another."""
        base = self._base_declared(tree, folder)
        problem = ("", "")
        if base is not None:
            contents = self.declared_by(tree, folder).contents
            problem = not_updated(environment.prefix, environment.packages, contents, base.contents)
        if not problem[0]:
            return self._as_found(environment, tree)
        reason = f"{environment.origin} doesn't match the dependencies declared in the change: {problem[0]}"
        return replace(own_environment(self._top), broken=(reason, problem[1]))

    def _difference(self, tree: ProjectTree, folder: str, environment: Environment) -> str:
        """Describe how `environment` differs from what is declared, or return "" if it doesn't.

        The result is cached, because parsing a lock file takes long.
        """
        cache = ResultCache(self.repository.state_dir / "results")
        signatures = [self._declarations_of(side).signature for side in (tree, self.base) if side]
        there = repr([environment.python_version, *sorted(environment.packages.items())])
        key = key_of("environment differs", "2", folder, *signatures, there)
        cached = cache.get(key)
        if cached is not None:
            return cached.decode("utf-8", "surrogateescape")
        base_declared = self._base_declared(tree, folder)
        differs = difference(
            self.declared_by(tree, folder), environment.packages, base_declared, environment.python_version
        )
        cache.put(key, differs.encode("utf-8", "surrogateescape"))
        return differs

    def _lacks_project(self, environment: Environment, tree: ProjectTree, folder: str) -> bool:
        """Return whether `environment` is gate's own and lacks the project or dependencies of groups or extras."""
        if Path(sys.prefix) != environment.prefix:
            return False
        declared = self.declared_by(tree, folder)
        # It wasn't set up for the project: the project may be installed only because gate depends on it.
        lacks = bool(unsatisfied(declared.others, environment.packages))
        return lacks or (bool(declared.packages) and normal(declared.name) not in environment.packages)

    def _as_found(self, environment: Environment, tree: ProjectTree) -> Environment:
        return replace(environment, generated=generated_files(environment, tree.entries))

    def _build(
        self, tree: ProjectTree, folder: str, declared: Declared, environment: Environment | None
    ) -> Environment:
        """Return the environment that the tree declares, building it if necessary.

        If that fails and the change isn't the cause, `environment` is used instead.
        """
        builder = self._builder
        try:
            if not declared.source:
                raise BuildFailed(
                    "no file in the tree declares dependencies",
                    "add a lock file, requirements.txt, or pyproject.toml",
                )
            check_lock(declared, self._base_declared(tree, folder))
            prefix, note = self._built(tree, folder, declared)
        except BuildFailed as error:
            return self._instead(tree, folder, declared, environment, error)
        python = next(filter(None, (executable(prefix / name) for name in PYTHONS)), "")
        config = (prefix / "pyvenv.cfg").read_bytes()
        return Environment(
            Path(python),
            f"an environment built from {declared.source}",
            project=self._top,
            identity=f"{prefix.name} {sha256(config).hexdigest()}",
            passed_over=environment.passed_over if environment else (),
            local=builder.local(prefix),
            note=f"in an environment built from {declared.source}{note}",
        )

    def _built(self, tree: ProjectTree, folder: str, declared: Declared) -> tuple[Path, str]:
        """Return the prefix of the environment that the tree declares, and what it lacks. Raises BuildFailed."""
        builder = self._builder
        for side in filter(None, (declared, declared.alternative)):
            if prefix := builder.built(side):
                return prefix, LACKS if side.for_tests_alone else ""
        root = tree.path(runs_code=True)
        try:
            return builder.build(declared, root, folder), ""
        except BuildFailed:
            alternative = declared.alternative
            # The development dependencies may not support this interpreter. Don't fall back if the change is the
            # cause.
            if alternative is None or self._base_can_be_built(tree, folder, declared):
                raise
            with contextlib.suppress(BuildFailed):
                return builder.build(alternative, root, folder), LACKS
            raise

    def _base_can_be_built(self, tree: ProjectTree, folder: str, declared: Declared) -> bool:
        """Return whether the base declares something other than the change, and all of it can be installed."""
        base_declared = self._base_declared(tree, folder)
        if base_declared is None or self.base is None or base_declared.stated == declared.stated:
            return False
        with contextlib.suppress(BuildFailed):
            self._builder.build(base_declared, self.base.path(runs_code=True), folder)
            return True
        return False

    def _instead(
        self,
        tree: ProjectTree,
        folder: str,
        declared: Declared,
        environment: Environment | None,
        error: BuildFailed,
    ) -> Environment:
        """Return what to use if an environment can't be built: `environment` if it is usable, else a broken one."""
        base_declared = self._base_declared(tree, folder)
        altered = base_declared is not None and base_declared.stated != declared.stated
        if base_declared is not None and altered and error.offline and environment is not None:
            # Without a package index, an environment that somebody has updated is the best option.
            altered = bool(left_over(declared, environment.packages, base_declared))
        # Otherwise there's only gate's own interpreter, without the required packages.
        usable = environment is not None and (
            environment.found or not (declared.required or declared.source in LOCKS)
        )
        usable = usable and environment is not None and allows_python(declared, environment.python_version)
        if environment is not None and usable and not altered:
            note = (
                f"; building one failed: {error.reason}"
                if environment.note
                else f"no environment could be built: {error.reason}"
            )
            return replace(
                environment, note=environment.note + note, problems=(*environment.problems, error.reason)
            )
        hint = error.hint
        if environment is not None and environment.found and error.offline:
            hint = f"{hint}, {USE_FOUND}" if hint else USE_FOUND
        reason = f"no environment can be built from {declared.source or 'the tree'}: {error.reason}"
        return replace(own_environment(self._top), broken=(reason, hint))


def _without(environment: Environment) -> Environment:
    reason = "the project has no environment, and the policy says `environment: {source: project}`"
    return replace(environment, broken=(reason, "create one, such as `.venv`, or use `source: auto`"))
