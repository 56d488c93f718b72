from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient

from shortener.database import shared
from shortener.links import Links
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
    for path in ("/", "//evil.example", "/https://evil.example", "/%2f%2fevil.example", "/a/b"):
        answer = client.get(path)
        assert answer.status_code in {308, 404}, path
        assert not answer.headers.get("Location", "").startswith(("//", "https://evil")), path


def test_a_click_that_cannot_be_counted_still_leads_to_the_target(
    client: FlaskClient, links: Links, database: Path
) -> None:
    link = links.add("https://example.com/")
    shared(database).execute("PRAGMA query_only = 1")
    answer = client.get(f"/{link.code}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "https://example.com/")
    assert client.get("/unknown").status_code == 404
