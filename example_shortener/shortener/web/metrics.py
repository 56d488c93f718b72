"""Metrics for Prometheus.

With several gunicorn workers, each answers `/metrics` for all of them: if `PROMETHEUS_MULTIPROC_DIR` names a folder
when the process starts, the workers store their metrics in files there (see `shortener.serving`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask
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

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS = frozenset({"GET", "HEAD", "POST", "DELETE", "OPTIONS"})
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
        self._series: dict[tuple[str, str, str], tuple[Counter, Histogram]] = {}
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
        app.wsgi_app = _Measured(app.wsgi_app, self)  # type: ignore[method-assign]  # as documented

    def count(self, view: str, method: str, status: str, seconds: float) -> None:
        """Count an answered request."""
        method = method if method in METHODS else "other"
        series = self._series.get((view, method, status))
        if series is None:
            series = self._requests.labels(view, method, status), self._seconds.labels(view)
            self._series[view, method, status] = series
        series[0].inc()
        series[1].observe(seconds)

    def text(self) -> bytes:
        """Return all metrics, of all workers if there are several."""
        registry = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        text: bytes = generate_latest(registry)
        return text


class _Measured:
    """Measures the requests of an application. Here, this takes less time than in Flask's hooks."""

    def __init__(self, application: WSGIApplication, metrics: Metrics) -> None:
        self._application = application
        self._metrics = metrics

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()

        def start(status: str, *more: Any) -> Callable[[bytes], object]:
            # Flask removes the request from `environ` when it ends.
            request = environ.get("werkzeug.request")
            view = request.endpoint if request else None
            seconds = time.perf_counter() - began
            self._metrics.count(view or "none", environ["REQUEST_METHOD"], status[:3], seconds)
            return start_response(status, *more)

        return self._application(environ, start)
