"""Find or build a project's environment: its interpreter, its packages, and the tools to start."""

from __future__ import annotations

from gate.environment.build_failures import BuildFailed
from gate.environment.built import build_inputs
from gate.environment.choose import Environments
from gate.environment.declarations import ProjectTree
from gate.environment.editable import Editable, sources_of
from gate.environment.find import Candidate, candidates, find_environment
from gate.environment.interpreter import Environment, Installed, check_environ, own_tool
from gate.environment.tracked import Tracked

__all__ = [
    "BuildFailed",
    "Candidate",
    "Editable",
    "Environment",
    "Environments",
    "Installed",
    "ProjectTree",
    "Tracked",
    "build_inputs",
    "candidates",
    "check_environ",
    "find_environment",
    "own_tool",
    "sources_of",
]
