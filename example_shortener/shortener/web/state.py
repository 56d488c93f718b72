"""State shared by the views of one application."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from shortener.links import Links
from shortener.settings import Settings
from shortener.web.metrics import Metrics


@dataclass(frozen=True, slots=True)
class State:
    """Stored in the application, so that two applications in one process are independent."""

    settings: Settings
    links: Links
    metrics: Metrics

    def put(self, app: Flask) -> None:
        """Make this state available to the views of `app`, and measure its requests."""
        app.extensions["shortener"] = self
        self.metrics.observe(app)


def state() -> State:
    """Return the state of the application that answers the current request."""
    found: State = current_app.extensions["shortener"]
    return found
