"""Simulate a policy before it takes effect: who is locked out, and what nobody reviews. Pure."""

from __future__ import annotations

from gate.simulation.problems import Problem, everybody_locked_out, locks_out, problems
from gate.simulation.trials import Setup, Simulation, can_approve, simulate

__all__ = [
    "Problem",
    "Setup",
    "Simulation",
    "can_approve",
    "everybody_locked_out",
    "locks_out",
    "problems",
    "simulate",
]
