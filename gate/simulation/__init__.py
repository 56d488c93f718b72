"""What a policy would do before it is in force: who is locked out, and what nobody reviews. Pure."""

from __future__ import annotations

from gate.simulation.problems import Problem, locks_out, problems
from gate.simulation.trials import Setup, Simulation, can_approve, simulate

__all__ = ["Problem", "Setup", "Simulation", "can_approve", "locks_out", "problems", "simulate"]
