"""`python -m release.prober SECONDS NAME=PORT …`: visit each environment all the time, and count how it went.

Prometheus looks every few seconds, and three seconds of downtime between two looks would be lost; of a budget of
20 minutes a year every second counts. So this visits more often, and counts the seconds.
"""

from __future__ import annotations

import signal
import sys
import threading
import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from release.environments import VISITED
from release.servers import ask

PATIENCE = 2.0
"""Seconds after which an answer is none."""


class Prober:
    """Visits the service as a visitor would, and asks whether it is ready."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Every number starts at nothing."""
        up, down = "Seconds in which it answered", "Seconds in which it did not"
        self._up = Counter("shortener_probe_up_seconds", up, ("environment",), registry=registry)
        self._down = Counter("shortener_probe_down_seconds", down, ("environment",), registry=registry)
        self._success = Gauge(
            "shortener_probe_success",
            "1 if the last visit went well",
            ("environment", "step"),
            registry=registry,
        )
        self._seconds = Histogram(
            "shortener_probe_seconds", "How long a visit took", ("environment",), registry=registry
        )

    def visit(self, environment: str, port: int, interval: float, stop: threading.Event) -> None:
        """Visit every `interval` seconds until `stop` is set. Each visit speaks for the time since the last one."""
        self._up.labels(environment)
        self._down.labels(environment)
        last = time.monotonic()
        while not stop.wait(interval):
            began = time.monotonic()
            ready = ask(port, "GET", "/readyz", timeout=PATIENCE)[0] == 200
            self._success.labels(environment, "ready").set(ready)
            led = ask(port, "HEAD", f"/{VISITED}", timeout=PATIENCE)[0] == 302
            self._success.labels(environment, "visit").set(led)
            now = time.monotonic()
            self._seconds.labels(environment).observe(now - began)
            (self._up if ready and led else self._down).labels(environment).inc(now - last)
            last = now


def main() -> None:
    """Visit until somebody ends it."""
    interval, *environments = sys.argv[1:]
    registry, stop = CollectorRegistry(), threading.Event()
    prober = Prober(registry)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    for wish in environments:
        name, _, port = wish.partition("=")
        threading.Thread(
            target=prober.visit, args=(name, int(port), float(interval), stop), daemon=True
        ).start()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print(f"listening on {server.server_port}", flush=True)
    stop.wait()


if __name__ == "__main__":
    main()
