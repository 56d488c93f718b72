"""Read a budget from an SLO file, the single source for both gate and the monitoring."""

from __future__ import annotations

from dataclasses import replace

from gate.errors import InvalidInput, Mistake
from gate.gather.environments import ProtectedEnvironment
from gate.git.objects import read_blob
from gate.git.repository import Repository
from gate.policy.promise import promise_of


def with_promise(repository: Repository, environment: ProtectedEnvironment) -> ProtectedEnvironment:
    """Return the environment with the budget from its SLO file, if the policy names one. Raises InvalidInput."""
    require = environment.protection.require
    budget = require.budget
    if budget is None or not budget.slo:
        return environment
    data = read_blob(repository, environment.rules, budget.slo)
    if data is None:
        raise InvalidInput(
            [Mistake(budget.slo, 0, 0, "expected the SLO file that gate.yaml names, got none")]
        )
    promise = promise_of(data, budget.slo, environment.name)
    budget = replace(
        budget,
        minutes=promise.downtime / 60,
        window=promise.window,
        downtime=budget.downtime or f'slo:downtime:seconds{{environment="{environment.name}"}}',
        gaps=f'slo:gap:seconds{{environment="{environment.name}"}}',
    )
    protection = replace(environment.protection, require=replace(require, budget=budget))
    protect = {**environment.policy.protect, environment.name: protection}
    return replace(environment, policy=replace(environment.policy, protect=protect))
