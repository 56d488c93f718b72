from __future__ import annotations

import logging
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shortener.links import Links
from shortener.settings import Settings
from shortener.web import create_app


def value(text: str, series: str) -> float:
    """Return the value of one series in Prometheus's text format."""
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return float(lines.get(series, "0"))


def test_alive_is_not_ready(client: FlaskClient, database: Path) -> None:
    assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 200)
    database.unlink()
    assert client.get("/healthz").get_json() == {"status": "alive"}
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.get_json()["status"] == "not ready"


def test_requests_are_measured_by_view_and_not_by_path(client: FlaskClient, links: Links) -> None:
    links.add("https://example.com/", alias="spring")
    client.get("/spring")
    client.get("/spring")
    client.get("/made-up-by-a-visitor")
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    text = answer.get_data(as_text=True)
    series = 'shortener_requests_total{method="GET",status="%s",view="redirects.follow"}'
    assert (value(text, series % 302), value(text, series % 404)) == (2, 1)
    assert value(text, 'shortener_request_seconds_count{view="redirects.follow"}') == 3
    assert "made-up" not in text
    assert 'shortener_release{version="' in text


def test_two_applications_count_apart(client: FlaskClient, database: Path) -> None:
    client.get("/healthz")
    other = create_app(Settings(database)).test_client().get("/metrics").get_data(as_text=True)
    assert "operations.healthz" not in other


def test_what_nobody_expected_is_logged_and_not_told(
    client: FlaskClient, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    database.unlink()
    with caplog.at_level(logging.ERROR):
        answer = client.get("/spring")
    assert answer.status_code == 500
    assert answer.get_json()["error"]["code"] == "internal_server_error"
    assert str(database) not in answer.get_data(as_text=True)
    assert "sqlite3" in caplog.text
    text = client.get("/metrics").get_data(as_text=True)
    assert value(text, 'shortener_requests_total{method="GET",status="500",view="redirects.follow"}') == 1


def test_a_visitor_whom_a_proxy_forwards_gets_no_metrics(client: FlaskClient) -> None:
    for script in ("", "/elsewhere"):
        answer = client.get(
            "/metrics", headers={"X-Forwarded-For": "192.0.2.9"}, environ_overrides={"SCRIPT_NAME": script}
        )
        assert (answer.status_code, "shortener_requests" in answer.get_data(as_text=True)) == (404, False)
