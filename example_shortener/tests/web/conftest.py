from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shortener.links import Links
from shortener.settings import Settings
from shortener.web import create_app


@pytest.fixture
def app(database: Path, links: Links) -> Flask:
    return create_app(Settings(database, "https://sho.rt"), links)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
