"""The downtime of the last year: as Prometheus has measured it, or as the incident log tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from math import isnan
from typing import Any

from gate.errors import InvalidInput, Mistake
from gate.gather import Environment
from gate.git.objects import read_blob
from gate.git.repository import Repository
from gate.policy.types import BudgetRequired
from gate.requirements.facts import Reading

YEAR = 365 * 24 * 3600


def spent(
    repository: Repository,
    environment: Environment,
    budget: BudgetRequired,
    readings: Mapping[str, Reading],
    now: int,
) -> tuple[float | None, str]:
    """The downtime of the last 365 days in minutes, the larger of what is measured and what is recorded.

    None where it is not known, and why. Raises InvalidInput with the mistakes of the incident log.
    """
    found: list[float] = []
    if budget.downtime:
        reading = readings[budget.downtime]
        if reading.trouble:
            return None, reading.trouble
        if not reading.values:
            return None, f"Prometheus has no data for `{budget.downtime}`"
        found.append(sum(reading.values) / 60)
    if budget.incidents:
        data = read_blob(repository, environment.rules, budget.incidents)
        if data is None:
            return None, f"there is no {budget.incidents} on the default branch"
        found.append(
            sum(seconds for at, seconds in incidents(data, budget.incidents) if now - at < YEAR) / 60
        )
    if not found:
        return None, "the policy says neither `downtime` nor `incidents`"
    # What is no number is larger than nothing, and so it must not come out as less.
    return (None, f"`{budget.downtime}` is no number") if any(map(isnan, found)) else (max(found), "")


def incidents(data: bytes, file: str) -> list[tuple[float, float]]:
    """When each incident of the log was, in seconds since the epoch, and how many seconds it took.

    Raises InvalidInput with each line that is not understood.
    """
    mistakes = []
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(_incident(json.loads(line)))
        except (ValueError, TypeError, LookupError):
            said = 'expected a JSON object such as {"at": "2026-03-02T10:00:00Z", "downtime": 120}'
            mistakes.append(Mistake(file, number, 1, said))
    if mistakes:
        raise InvalidInput(mistakes)
    return found


def _incident(fields: dict[str, Any]) -> tuple[float, float]:
    at, downtime = fields["at"], fields["downtime"]
    if isinstance(downtime, bool) or not isinstance(downtime, int | float) or not downtime >= 0:
        raise ValueError(downtime)
    if isinstance(at, str):
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return moment.timestamp(), float(downtime)
    return float(at), float(downtime)
