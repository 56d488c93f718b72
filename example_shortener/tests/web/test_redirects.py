from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from flask.testing import FlaskClient

from shortener.database import MOMENT, connect, shared
from shortener.links import Links
from shortener.settings import Settings
from shortener.web import create_app
from tests.conftest import Clock

TARGET = "https://example.com/a?b=%20c&d=http://other.example/#top"


def test_a_code_leads_to_its_target(client: FlaskClient, links: Links) -> None:
    links.add(TARGET, alias="spring")
    answer = client.get("/spring")
    assert answer.status_code == 302
    assert answer.headers["Location"] == TARGET
    assert answer.headers["Cache-Control"] == "no-store"


def test_visits_are_counted_and_looks_are_not(client: FlaskClient, links: Links) -> None:
    links.add(TARGET, alias="spring")
    for _ in range(3):
        client.get("/spring")
    assert client.head("/spring").headers["Location"] == TARGET
    assert client.get("/api/links/spring").get_json()["clicks"] == 3


def test_an_unknown_code_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/nothing")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "unknown_code")


def test_an_expired_code_is_gone(client: FlaskClient, links: Links, clock: Clock) -> None:
    links.add(TARGET, alias="spring", lifetime=60)
    clock.advance(61)
    for answer in (client.get("/spring"), client.head("/spring")):
        assert answer.status_code == 410
    assert client.get("/spring").get_json()["error"]["code"] == "expired"


def test_no_path_leads_anywhere_else(client: FlaskClient) -> None:
    paths = ("/", "//evil.example", "/https://evil.example", "/%2f%2fevil.example", "/a/b", "/a/")
    for path in (*paths, "/api//links", "/api%2F/links/spring", "/api/links//spring", "//api/links/spring/"):
        for method in ("GET", "HEAD", "POST", "OPTIONS"):
            answer = client.open(path, method=method, base_url="http://evil.example")
            assert answer.status_code in {404, 405, 200 if method == "OPTIONS" else 404}, (method, path)
            assert "Location" not in answer.headers, (method, path)


def test_a_click_that_cannot_be_counted_still_leads_to_the_target(
    client: FlaskClient, links: Links, database: Path
) -> None:
    link = links.add("https://example.com/")
    shared(database).execute("PRAGMA query_only = 1")
    answer = client.get(f"/{link.code}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://example.com/")
    assert client.get("/unknown").status_code == 404


@contextmanager
def somebody_writing(database: Path) -> Iterator[None]:
    with closing(connect(database)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


def test_a_database_in_which_somebody_writes_delays_one_visitor_at_most(
    client: FlaskClient, links: Links, database: Path
) -> None:
    links.add(TARGET, alias="spring")
    began = time.monotonic()
    with somebody_writing(database):
        # A hundred visitors who each waited would take a hundred moments.
        answers = {client.get("/spring").headers.get("Location") for _ in range(100)}
        assert answers == {TARGET}
        answer = client.post("/api/links", json={"url": TARGET})
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "unavailable")
    assert time.monotonic() - began < 50 * MOMENT
    client.get("/spring")
    assert client.get("/api/links/spring").get_json()["clicks"] == 1


def test_a_worker_starts_while_somebody_writes(links: Links, database: Path) -> None:
    links.add(TARGET, alias="spring")
    with somebody_writing(database):
        assert create_app(Settings(database)).test_client().head("/spring").status_code == 302
