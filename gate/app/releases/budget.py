"""Compute how much of an environment's downtime budget is left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gate.app.audit.verified_policy import verified
from gate.app.releases.downtime import spent
from gate.app.releases.slo_file import with_promise
from gate.errors import UsageError
from gate.gather.environments import environments
from gate.git.repository import Repository
from gate.policy.types import BudgetRequired
from gate.prometheus import ask


@dataclass(frozen=True, slots=True)
class Budget:
    """The downtime budget of an environment. `used` is in minutes, or None if unknown; `trouble` then says why.

    `gaps` are the seconds in which nothing was measured.
    """

    environment: str
    rule: BudgetRequired
    used: float | None
    trouble: str = ""
    gaps: float = 0.0

    @property
    def left(self) -> float | None:
        """The remaining minutes, negative if the budget is exceeded, or None if unknown."""
        return None if self.used is None else self.rule.minutes - self.used


def read_budget(start: Path, now: int, into: str | None = None) -> Budget:
    """Return the budget of the environment `into`, or of the only environment that has one.

    Raises UsageError if there is none, and InvalidInput if the policy or the incident log has mistakes.
    """
    repository = Repository.find(start)
    having = {
        name: target for name, target in environments(repository).items() if target.protection.require.budget
    }
    environment = having.get(into) if into else next(iter(having.values()), None)
    if environment is None or (not into and len(having) > 1):
        message = f"{into} has no budget" if into else f"{len(having) or 'no'} environments have a budget"
        hint = (
            f"choose one with `--into`: {', '.join(having)}"
            if having
            else "`gate explain budget` says how to set one"
        )
        raise UsageError(f"{message}, by the policy of the default branch", hint)
    environment = with_promise(repository, verified(repository, start, environment))
    rule = environment.protection.require.budget or BudgetRequired()
    readings = ask(environment.policy.prometheus, [query for query in (rule.downtime, rule.gaps) if query])
    used, trouble = spent(repository, environment, rule, readings, now)
    gaps = sum(readings[rule.gaps].values) if rule.gaps and not readings[rule.gaps].trouble else 0.0
    return Budget(environment.name, rule, used, trouble, gaps)
