"""Run the checks: in parallel, nothing twice, and each compared with the base if the policy says so."""

from __future__ import annotations

from gate.runner.checked_tree import CheckedTree, Tree
from gate.runner.run import Event, Runner
from gate.runner.tool_runs import RunContext

__all__ = ["CheckedTree", "Event", "RunContext", "Runner", "Tree"]
