"""Which environment the checks of a project run in."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gate.environment.find import find_environment
from gate.environment.interpreter import Environment
from gate.environment.tracked import Tracked
from gate.git.objects import Entry
from gate.git.repository import Repository


class ProjectTree(Protocol):
    """A tree whose projects are checked: the merge result, or the base."""

    @property
    def entries(self) -> tuple[Entry, ...]:
        """Every file of the tree."""


@dataclass(slots=True)
class Environments:
    """The environments of one repository's projects, each worked out once.

    `configured` is the policy's `python`; `trees` are the trees and commits whose files are never an environment.
    """

    repository: Repository
    configured: str = ""
    trees: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    _found: dict[str, Environment] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def environment_for(self, tree: ProjectTree, folder: str = "") -> Environment:
        """The environment in which the project in `folder` of `tree` is checked; "" is the top of the repository.

        Raises UsageError if the policy names an interpreter that cannot be used.
        """
        del tree
        with self._lock:
            if folder not in self._found:
                self._found[folder] = self._find(folder)
            return self._found[folder]

    @property
    def used(self) -> tuple[Environment, ...]:
        """The environments that were asked for so far."""
        with self._lock:
            return tuple(self._found.values())

    def _find(self, folder: str) -> Environment:
        top = self.repository.work_tree or self.repository.common_dir
        tracked = Tracked(self.repository, self.trees)
        environment = find_environment(Path(top, folder), self.configured, self.environ, tracked)
        if folder and not environment.found:
            # Several projects may share the environment at the top, as in a workspace.
            return self.environment_for_top()
        return environment

    def environment_for_top(self) -> Environment:
        """The environment of the repository's top folder, as it was found."""
        with self._lock:
            if "" not in self._found:
                self._found[""] = self._find("")
            return self._found[""]
