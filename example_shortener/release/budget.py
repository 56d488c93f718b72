"""The downtime budget: 20 minutes a year were promised; how much of it is left."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import quote

from release.environments import Environment
from release.problems import CannotGo

PROMISED = 20 * 60.0
YEAR = 365 * 86400.0
QUERY = 'sum(increase(shortener_probe_down_seconds_total{environment="%s"}[365d]))'


@dataclass(frozen=True, slots=True)
class Budget:
    """Seconds of downtime in the last 365 days: as the probe saw them, and as the incidents' records have them."""

    recorded: float
    probed: float | None
    """None if Prometheus did not answer, or has not looked for long enough."""

    @property
    def used(self) -> float:
        """The larger of both: a probe may miss what visitors saw, and a record what nobody wrote."""
        return max(self.recorded, self.probed or 0.0)

    @property
    def left(self) -> float:
        """Seconds; below zero if the promise is broken."""
        return PROMISED - self.used

    def __str__(self) -> str:
        """As people read it."""
        source = "" if self.probed is not None else ", by the records alone: Prometheus has no answer"
        return f"{self.left / 60:.1f} of {PROMISED / 60:.0f} minutes left this year{source}"


def budget(environment: Environment) -> Budget:
    """The budget of an environment, now."""
    since = time.time() - YEAR
    recorded = sum(
        record["downtime"]
        for record in environment.records.all()
        if record["event"] == "rolled back" and record["at"] >= since
    )
    return Budget(recorded, _probed(environment))


def _probed(environment: Environment) -> float | None:
    from release.monitoring import prometheus_port

    try:
        connection = http.client.HTTPConnection("127.0.0.1", prometheus_port(environment.settings), timeout=3)
        connection.request("GET", f"/api/v1/query?query={quote(QUERY % environment.name)}")
        result = json.load(connection.getresponse())["data"]["result"]
        return float(result[0]["value"][1]) if result else None
    except (CannotGo, OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return None
