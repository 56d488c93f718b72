"""The SLO file of a budget: the one place that has the promise, for gate as well as for the monitoring."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from gate.errors import InvalidInput, Mistake
from gate.gather import Environment
from gate.git.objects import read_blob
from gate.git.repository import Repository

FIELDS = frozenset({"downtime", "window", "gaps", "maintenance"})
UNITS = {"s": 1 / 60, "m": 1.0, "h": 60.0, "d": 1440.0}


def with_promise(repository: Repository, environment: Environment) -> Environment:
    """The environment with a budget as its SLO file says, if its policy names one; raises InvalidInput."""
    require = environment.protection.require
    budget = require.budget
    if budget is None or not budget.slo:
        return environment
    data = read_blob(repository, environment.rules, budget.slo)
    if data is None:
        raise InvalidInput(
            [Mistake(budget.slo, 0, 0, "expected the SLO file that gate.yaml names, got none")]
        )
    minutes = _minutes(data, budget.slo, environment.name)
    downtime = budget.downtime or f'slo:downtime:seconds{{environment="{environment.name}"}}'
    gaps = f'slo:gap:seconds{{environment="{environment.name}"}}'
    protection = replace(
        environment.protection,
        require=replace(require, budget=replace(budget, minutes=minutes, downtime=downtime, gaps=gaps)),
    )
    policy = environment.policy
    protect = {**policy.protect, environment.name: protection}
    return replace(environment, policy=replace(policy, protect=protect))


def _minutes(data: bytes, file: str, name: str) -> float:
    try:
        table = yaml.safe_load(data)
        fields: Mapping[str, Any] = table["environments"][name]
        if table["version"] != 1 or not fields.keys() <= FIELDS:
            raise ValueError(name)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(fields["downtime"]))
        if match is None:
            raise ValueError(name)
        return float(match[1]) * UNITS[match[2]]
    except (yaml.YAMLError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        expected = (
            f"expected `version: 1` and `environments: {{{name}: {{downtime: 20m}}}}`,"
            f" with no other fields than {', '.join(sorted(FIELDS))}"
        )
        raise InvalidInput([Mistake(file, 1, 1, expected)]) from error
