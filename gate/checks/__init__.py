"""The tools that gate runs. Each turns a job into command lines, and their output into findings. Pure."""

from __future__ import annotations

from gate.checks import checkers, command, hooks, mypy, names, pytest, ruff, sessions
from gate.checks.tool import Invocation, Job, Left, Report, Tool, Unreadable

TOOLS: dict[str, Tool] = {
    "names": names.Names(),
    "ruff": ruff.Ruff(),
    "mypy": mypy.Mypy(),
    **{name: checkers.Checker(name) for name in ("ty", "pyrefly", "pyright", "basedpyright")},
    "pytest": pytest.Pytest(),
    "pre-commit": hooks.Hooks(),
    "nox": sessions.Sessions("nox"),
    "tox": sessions.Sessions("tox"),
    "command": command.Command(),
}
"""Every tool, by its name in the policy."""

__all__ = ["TOOLS", "Invocation", "Job", "Left", "Report", "Tool", "Unreadable"]
