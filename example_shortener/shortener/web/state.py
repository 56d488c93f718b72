"""What the views of one application share."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from shortener.links import Links
from shortener.settings import Settings
from shortener.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class State:
    """Held by the application, so that two of them in one process know nothing of each other."""

    settings: Settings
    links: Links
    metrics: Metrics

    def put(self, app: Flask) -> None:
        """Let the views of `app` find it, and let it measure every request."""
        app.extensions["shortener"] = self
        self.metrics.observe(app)


def state() -> State:
    """The state of the application that answers the current request."""
    found: State = current_app.extensions["shortener"]
    return found
