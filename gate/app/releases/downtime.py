"""Compute the downtime in a budget's window, as measured by Prometheus or recorded in the incident log."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from math import inf, isfinite
from typing import Any

from gate.errors import InvalidInput, Mistake
from gate.gather.environments import ProtectedEnvironment
from gate.git.objects import read_blob
from gate.git.repository import Repository
from gate.policy.files import POLICY_FILE
from gate.policy.types import BudgetRequired
from gate.requirements.facts import Reading

FIELDS = frozenset({"at", "downtime", "environment", "report", "what"})
"""Keys of an incident. The last two are for people. Without `environment`, it counts for every environment."""


def spent(
    repository: Repository,
    environment: ProtectedEnvironment,
    budget: BudgetRequired,
    readings: Mapping[str, Reading],
    now: int,
) -> tuple[float | None, str]:
    """Return the downtime in the budget's window, in minutes: the larger of the measured and the recorded one.

    If it is unknown, return None and why. Raises InvalidInput with the mistakes in the incident log.
    """
    outages: list[float] = []
    if budget.downtime:
        reading = readings[budget.downtime]
        if reading.trouble:
            return None, reading.trouble
        if not reading.values:
            return None, f"Prometheus has no data for `{budget.downtime}`"
        outages.append(sum(reading.values) / 60)
    if budget.incidents:
        for commit in environment.logs or (environment.rules,):
            data = read_blob(repository, commit, budget.incidents)
            if data is None:
                return None, f"there is no {budget.incidents} on the default branch"
            own = incidents(data, budget.incidents, environment.name, now, _names(environment))
            outages.append(union(now, budget.window, own) / 60)
    if not outages:
        return None, (
            "nothing measures it; set `downtime` (a Prometheus query), `incidents` (a file that lists them), or `slo` "
            f"under protect.{environment.name}.require.budget in {environment.policy.file or POLICY_FILE}"
        )
    # A value that isn't a duration (negative, infinite, or NaN) must not count as little downtime.
    if not all(0 <= minutes < inf for minutes in outages):
        return None, f"`{budget.downtime}` is not a number of seconds"
    return max(outages), ""


def within(now: float, window: float, at: float, seconds: float) -> float:
    """Return how many seconds of an incident that began at `at` are in the last `window` seconds."""
    return max(0.0, min(seconds, at + seconds - (now - window)))


def union(now: float, window: float, incidents: list[tuple[float, float]]) -> float:
    """Return the seconds of the window in which there was an incident. Overlaps count once."""
    total, end = 0.0, -inf
    for at, seconds in sorted(incidents):
        start = max(at, end)
        if at + seconds > start:
            total += within(now, window, start, at + seconds - start)
            end = at + seconds
    return total


def incidents(
    data: bytes, file: str, environment: str, now: float, environments: Collection[str]
) -> list[tuple[float, float]]:
    """Return when each incident of the environment began, in seconds since the epoch, and its duration in seconds.

    Raises InvalidInput with each line that is invalid, has a future time or an environment not in `environments`, or
    repeats another.
    """
    mistakes: list[Mistake] = []
    read: set[tuple[float, float, str]] = set()
    for number, line in enumerate(data.decode("utf-8-sig", "replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            at, seconds, where = _incident(json.loads(line, object_pairs_hook=_once))
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
            message = _reason(error)
        else:
            message = ""
            if at > now:
                message = "expected a time in the past, got one in the future"
            elif where and where not in environments:
                message = f"unknown environment {where!r}; expected one of {', '.join(environments)}"
            elif (at, seconds, where) in read:
                message = "expected each incident once, got the same one again"
            read.add((at, seconds, where))
        if message:
            mistakes.append(Mistake(file, number, 1, message))
    if mistakes:
        raise InvalidInput(mistakes)
    return [(at, seconds) for at, seconds, where in read if where in {"", environment}]


def _names(environment: ProtectedEnvironment) -> list[str]:
    """Return the policy's environments: an incident with a misspelled environment would not count for any."""
    policy = environment.policy
    return [name for name in policy.protect if policy.is_environment(name)]


class _Unknown(ValueError):
    """An error that an example of the expected format doesn't explain."""


def _reason(error: Exception) -> str:
    expected = 'expected a JSON object such as {"at": "2026-03-02T10:00:00Z", "downtime": 120}'
    return f"{expected}: {error}" if isinstance(error, _Unknown) else expected


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object. Rejects duplicate fields: a reader sees the first, but a program the last."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise _Unknown("duplicate field")
    return fields


def _incident(fields: object) -> tuple[float, float, str]:
    if not isinstance(fields, dict):
        raise TypeError(fields)
    if unknown := sorted(fields.keys() - FIELDS):
        raise _Unknown(f"unknown field {unknown[0]!r}; expected {', '.join(sorted(FIELDS))}")
    at, downtime, where = fields["at"], _number(fields["downtime"]), fields.get("environment", "")
    if downtime < 0:
        raise _Unknown("the downtime is negative")
    if not isinstance(where, str):
        raise _Unknown("the environment is not a string")
    if not isinstance(at, str):
        return _number(at), downtime, where
    moment = datetime.fromisoformat(at)
    if moment.tzinfo is None:
        raise _Unknown("the time has no time zone")
    return moment.timestamp(), downtime, where


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(value)
    return float(value)
