"""The service as a Flask application: `create_app()`."""

from shortener.web.app import create_app

__all__ = ["create_app"]
