"""The downtime of the last year: as Prometheus has measured it, or as the incident log tells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from math import inf, isfinite
from typing import Any

from gate.errors import InvalidInput, Mistake
from gate.gather import Environment
from gate.git.objects import read_blob
from gate.git.repository import Repository
from gate.policy.types import BudgetRequired
from gate.requirements.facts import Reading

YEAR = 365 * 24 * 3600
FIELDS = frozenset({"at", "downtime", "environment", "report", "what"})
"""Of an incident. The last three are for people."""


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
        found.append(_union(now, incidents(data, budget.incidents, now)) / 60)
    if not found:
        return None, "the policy says neither `downtime` nor `incidents`"
    # What is no time that passed must not come out as little.
    if not all(0 <= minutes < inf for minutes in found):
        return None, f"`{budget.downtime}` is not a number of seconds"
    return max(found), ""


def within(now: int, at: float, seconds: float) -> float:
    """How much of what began at `at` and took so many seconds is in the last 365 days."""
    return max(0.0, min(seconds, at + seconds - (now - YEAR)))


def _union(now: int, incidents: list[tuple[float, float]]) -> float:
    """The seconds of the last 365 days in which there was an incident: what overlaps counts once."""
    total, end = 0.0, 0.0
    for at, seconds in sorted(incidents):
        start = max(at, end)
        if at + seconds > start:
            total += within(now, start, at + seconds - start)
            end = at + seconds
    return total


def incidents(data: bytes, file: str, now: float) -> list[tuple[float, float]]:
    """When each incident of the log began, in seconds since the epoch, and how many seconds it took.

    Raises InvalidInput with each line that is not understood, is about the future, or repeats another.
    """
    mistakes = []
    found = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            incident = _incident(json.loads(line))
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            said = 'expected a JSON object such as {"at": "2026-03-02T10:00:00Z", "downtime": 120}'
            mistakes.append(Mistake(file, number, 1, said))
            continue
        if incident[0] > now:
            mistakes.append(
                Mistake(file, number, 1, "expected a time that has passed, got one in the future")
            )
        elif incident in found:
            mistakes.append(Mistake(file, number, 1, "expected each incident once, got the same one again"))
        found.append(incident)
    if mistakes:
        raise InvalidInput(mistakes)
    return found


def _incident(fields: dict[str, Any]) -> tuple[float, float]:
    at, downtime = fields["at"], _number(fields["downtime"])
    if downtime < 0 or not fields.keys() <= FIELDS:
        raise ValueError(downtime)
    if isinstance(at, str):
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError(at)
        return moment.timestamp(), downtime
    return _number(at), downtime


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(value)
    return float(value)
