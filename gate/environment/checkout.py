"""Derive an environment for one checkout, in which the project and its local dependencies come from the checkout."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from gate.environment.build import Builder
from gate.environment.built import COMPILED, build_inputs, install_project, needs_compiling, take_generated
from gate.environment.declarations import ProjectTree
from gate.environment.declared import Declared
from gate.environment.interpreter import Environment, normal
from gate.environment.metadata import is_outdated_install
from gate.environment.retarget import in_tree


@dataclass(frozen=True, slots=True)
class CheckedProject:
    """The project in `folder` of `tree`, which is checked out at `root`, with its declarations."""

    tree: ProjectTree
    root: Path
    folder: str
    declared: Declared

    @property
    def packages(self) -> list[str]:
        """The folders of the tree that are installed for the project: its own, and those of workspace members."""
        return ["/".join(filter(None, (self.folder, package))) for package in self.declared.packages]

    @property
    def import_roots(self) -> list[str]:
        """The folders of the tree that may contain the project's modules, `src` first."""
        roots = [f"{self.folder}/src", self.folder] if self.folder else ["src", ""]
        return [root for root in roots if (self.root / root).is_dir()]


def completed(
    environment: Environment, project: CheckedProject, builder: Builder, store: Path, *, runs_code: bool
) -> Environment:
    """Return `environment` with the project imported from its checkout. Raises BuildFailed.

    If `runs_code`, the project is also built there if necessary. What the build writes is cached in `store`.
    """
    if not environment.found:
        return environment
    local = list(dict.fromkeys([*project.packages, *environment.local]))
    builds = runs_code and _has_to_be_built(environment, project, local)
    if not builds and not refers_to_project(environment, project.declared):
        return environment
    root, folder = project.root, project.folder
    below = sha256(folder.encode()).hexdigest()[:8] if folder else "top"
    made = in_tree(
        environment,
        root,
        root.parent / f"{root.name}.env" / below,
        name=project.declared.name,
        roots=project.import_roots,
        without_project=builds,
    )
    take_generated(environment, root)
    if builds:
        inputs = [
            entry
            for folder_name in dict.fromkeys([folder, *local])
            for entry in build_inputs(project.tree.entries, folder_name)
        ]
        install_project(builder, made, root, local, inputs, store)
        made = replace(made, built=tuple(local))
    return made


def _has_to_be_built(environment: Environment, project: CheckedProject, local: Sequence[str]) -> bool:
    """Return whether the project has to be installed by its build.

    It does in environments that gate built, if compiled modules are missing, and if its metadata has changed since.
    """
    if environment.identity:
        return bool(local)
    declared = project.declared
    if not refers_to_project(environment, declared):
        return False
    compiled = any(path.endswith(COMPILED) for path in environment.generated)
    return is_outdated_install(environment, declared) or (
        not compiled and needs_compiling(project.tree.entries, declared.contents, project.folder)
    )


def refers_to_project(environment: Environment, declared: Declared) -> bool:
    """Return whether code of the project is installed in the environment, by reference or as a copy."""
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
