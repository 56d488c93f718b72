"""The project's own environment: where it is, its interpreter, what is installed beside it, which tool to start."""

from __future__ import annotations

from gate.environment.editable import Editable, sources_of
from gate.environment.find import find_environment
from gate.environment.interpreter import Environment, Installed, check_environ, own_tool

__all__ = [
    "Editable",
    "Environment",
    "Installed",
    "check_environ",
    "find_environment",
    "own_tool",
    "sources_of",
]
