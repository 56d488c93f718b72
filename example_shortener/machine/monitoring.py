"""Ask Prometheus what was measured, send alerts to Alertmanager, and reload what both are configured to do."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Any
from urllib.parse import quote

from machine.client import ask
from machine.engines import MONITORS, Service, port_of
from machine.environments import Environment
from machine.problems import CannotGo
from machine.settings import Settings
from machine.system import PATIENCE

EVERY = 5
"""Seconds between two measurements of the downtime."""


@dataclass(frozen=True, slots=True)
class Failures:
    """When failures began and ended, how many of how many requests failed, and the downtime in seconds."""

    began: float
    ended: float
    requests: int = 0
    failed: int = 0
    downtime: float = 0.0


def prometheus_port(settings: Settings) -> int:
    """Return Prometheus's port. Raises CannotGo if nothing is up."""
    return port_of(settings, "prometheus")


def query(settings: Settings, expression: str) -> list[Any]:
    """Return the series from Prometheus. Raises CannotGo if it doesn't answer."""
    try:
        answer = _ask(settings, "prometheus", f"/api/v1/query?query={quote(expression)}")
        return list(json.loads(answer)["data"]["result"])
    except (ValueError, KeyError) as error:
        raise CannotGo(f"Prometheus does not answer: {error}") from error


def total(settings: Settings, expression: str) -> float:
    """Return the sum of all series. Raises CannotGo if there are none."""
    series = query(settings, expression)
    if not series:
        raise CannotGo(f"Prometheus has no data for {expression}")
    return sum(float(item["value"][1]) for item in series)


def alert(settings: Settings, labels: dict[str, str], annotations: dict[str, str]) -> None:
    """Send an alert to the receivers in `monitoring/alertmanager.yml`. Raises CannotGo if Alertmanager rejects it."""
    text = json.dumps([{"labels": labels, "annotations": annotations}])
    _ask(settings, "alertmanager", "/api/v2/alerts", text)


def failures(environment: Environment, since: float, now: float) -> Failures:
    """Return the failures since `since`. Raises CannotGo if Prometheus doesn't know them."""
    settings, label = environment.settings, f'environment="{environment.name}"'
    series = query(settings, f"slo:bad:ratio{{{label}}}[{max(now - since, 2 * EVERY):.0f}s]")
    if not series:
        raise CannotGo("nothing was measured yet")
    bad = [(float(at), float(ratio)) for item in series for at, ratio in item["values"] if float(ratio) > 0]
    began, ended = (bad[0][0] - EVERY, bad[-1][0]) if bad else (now, now)

    def counted(code: str) -> int:
        responses = f'haproxy_frontend_http_responses_total{{{label}, proxy="public"{code}}}'
        span = f"{max(ended - began, EVERY):.0f}s"
        return round(total(settings, f"sum(increase({responses}[{span}] @ {ended:.0f}))"))

    downtime = sum(ratio for _, ratio in bad) * EVERY
    return Failures(max(began, since), ended, counted(""), counted(', code="5xx"'), downtime)


def budget_of(environment: Environment) -> tuple[float, float, float]:
    """Return the budget in seconds, like `gate budget`: promised, used, and used without measurements.

    All are NaN if Prometheus doesn't answer, since nobody would sign an estimate.
    """
    label = f'{{environment="{environment.name}"}}'
    try:
        names = ("budget", "downtime", "gap")
        most, used, gaps = (total(environment.settings, f"slo:{name}:seconds{label}") for name in names)
    except CannotGo:
        return nan, nan, nan
    return most, used, gaps


def budget(environment: Environment) -> str:
    """Return the budget as text."""
    most, used, gaps = budget_of(environment)
    if isnan(most):
        return "unknown: Prometheus does not answer"
    text = f"{(most - used) / 60:.1f} of {most / 60:.0f} minutes left"
    return f"{text}, {gaps:.0f} s without measurements" if gaps else text


def reload(settings: Settings, names: Sequence[str] = MONITORS) -> None:
    """Wait until the monitoring answers, and reload its configuration. Raises CannotGo if that is invalid."""
    for name in names:
        service, end = Service(settings.folder, name), time.monotonic() + PATIENCE
        while True:
            try:
                _ask(settings, name, "/-/healthy")
                break
            except CannotGo as error:
                if time.monotonic() > end or "level=error" in service.last_line():
                    raise CannotGo(f"{name} did not start: {service.last_line() or error}") from error
            time.sleep(0.05)
        _ask(settings, name, "/-/reload", "")


def _ask(settings: Settings, name: str, path: str, body: str | None = None) -> str:
    status, _, text = ask(port_of(settings, name), "GET" if body is None else "POST", path, body or "")
    if status != 200:
        raise CannotGo(f"{name} {'rejects the request' if status else 'does not answer'}: {text[:500]}")
    return text
