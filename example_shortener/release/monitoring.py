"""Query Prometheus, and send alerts to Alertmanager."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from release.engines import MONITORS, Service, port_of
from release.machine import PATIENCE
from release.problems import CannotGo
from release.servers import ask
from release.settings import Settings


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
    _ask(
        settings,
        "alertmanager",
        "/api/v2/alerts",
        json.dumps([{"labels": labels, "annotations": annotations}]),
    )


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
        raise CannotGo(f"{name} {'refuses that' if status else 'does not answer'}: {text[:500]}")
    return text
