"""Report what a simulation shows to be wrong with a policy later: once it is enforced, or when keys expire. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from gate.approvals.keys import readable_keys
from gate.policy.types import Policy, Protection
from gate.simulation.problem import Problem
from gate.simulation.problems import problems
from gate.simulation.trials import Setup, Simulation, simulate

SOON = 30 * 86400
"""How many seconds ahead the expiry of a key is reported."""


def outlook(simulation: Simulation) -> tuple[Problem, ...]:
    """Return the problems that the policy doesn't have yet, but will, as warnings."""
    present = {problem.message for problem in problems(simulation)}
    detected: dict[str, Problem] = {}
    for when, setup in _later(simulation.setup):
        for problem in problems(simulate(setup)):
            if problem.level != "note" and problem.message not in present:
                message = f"{when}: {problem.message}"
                detected.setdefault(problem.message, Problem("warning", message, problem.help))
    return tuple(detected.values())


def _later(setup: Setup) -> Iterator[tuple[str, Setup]]:
    """Yield the setups to come, each with when it will be."""
    enforced = _enforced(setup.policy)
    if enforced != setup.policy:
        yield "Once everything is enforced", replace(setup, policy=enforced)
    expiries = {holder.key.before for holder in readable_keys(setup.policy) if holder.key.before}
    for moment in sorted(moment for moment in expiries if setup.now < moment <= setup.now + SOON):
        day = datetime.fromtimestamp(moment, UTC).date().isoformat()
        yield f"From {day}, when a key expires", replace(setup, now=moment)


def _enforced(policy: Policy) -> Policy:
    """Return the policy without `enforce: false` for branches and requirements."""
    return replace(policy, protect={name: _as_enforced(entry) for name, entry in policy.protect.items()})


def _as_enforced(protection: Protection) -> Protection:
    require = replace(protection.require, unenforced=frozenset())
    return replace(protection, enforce=True, require=require)
