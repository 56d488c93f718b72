"""The application factory, the only place where all parts are put together."""

from __future__ import annotations

import os

from flask import Flask

from shortener.database import migrate
from shortener.links import Links
from shortener.settings import Settings
from shortener.web import api, errors, operations, redirects
from shortener.web.metrics import Metrics
from shortener.web.state import State

LARGEST_REQUEST = 16 * 1024


def create_app(settings: Settings | None = None, links: Links | None = None) -> Flask:
    """Create the application for `settings`, by default read from the environment.

    `links` replaces those in the settings' database, for tests.
    """
    settings = settings or Settings.from_environment(os.environ)
    migrate(settings.database)
    # No static files: `static` would be a path that the service doesn't own.
    app = Flask("shortener", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    # Otherwise, `/api//links` would redirect to the host that the visitor's request names.
    app.url_map.merge_slashes = False
    State(settings, links or Links(settings.database), Metrics()).put(app)
    app.register_blueprint(api.blueprint)
    app.register_blueprint(operations.blueprint)
    app.register_blueprint(redirects.blueprint)
    errors.handle(app)
    return app
