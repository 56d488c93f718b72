"""Simulate a policy before it takes effect: who is locked out, and what nobody reviews. Pure."""

from __future__ import annotations

from gate.simulation.outlook import outlook
from gate.simulation.problem import Problem
from gate.simulation.problems import everybody_locked_out, locks_out, problems
from gate.simulation.trials import Setup, Simulation, can_approve, simulate

__all__ = [
    "Problem",
    "Setup",
    "Simulation",
    "can_approve",
    "everybody_locked_out",
    "locks_out",
    "outlook",
    "problems",
    "simulate",
]
