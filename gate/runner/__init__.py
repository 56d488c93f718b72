"""Running the checks: side by side, nothing twice, and each compared with the base where the policy says so."""

from __future__ import annotations

from gate.runner.run import FEWER_TESTS, Event, Runner
from gate.runner.side import Side, Tree

__all__ = ["FEWER_TESTS", "Event", "Runner", "Side", "Tree"]
