"""Metrics for Prometheus.

With several gunicorn workers, each answers `/metrics` for all of them: if `PROMETHEUS_MULTIPROC_DIR` names a folder
when the process starts, the workers store their metrics in files there (see `shortener.serving`).
"""

from __future__ import annotations

import os
import time

from flask import Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from shortener import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Metrics:
    """The metrics of one application.

    They are labeled by view and never by path: arbitrary paths from visitors must not create series.
    """

    def __init__(self) -> None:
        """Create the metrics, starting at zero."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "shortener_requests",
            "Requests answered, by view, method and status",
            ("view", "method", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "shortener_request_seconds",
            "Time taken to answer, by view",
            ("view",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        release = Gauge(
            "shortener_release",
            "1, with the release that is running",
            ("version",),
            registry=self._registry,
            multiprocess_mode="livemax",
        )
        release.labels(__version__).set(1)

    def observe(self, app: Flask) -> None:
        """Measure every request that `app` answers."""
        app.before_request(_start)
        app.after_request(self._end)

    def text(self) -> bytes:
        """Return all metrics, of all workers if there are several."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        text: bytes = generate_latest(registry)
        return text

    def _end(self, response: Response) -> Response:
        view = request.endpoint or "none"
        method = request.method if request.method in {"GET", "HEAD", "POST", "OPTIONS"} else "other"
        self._requests.labels(view, method, str(response.status_code)).inc()
        self._seconds.labels(view).observe(time.perf_counter() - g.started)
        return response


def _start() -> None:
    g.started = time.perf_counter()
