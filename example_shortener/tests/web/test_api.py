from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from shortener.links import LONGEST_LIFE, Links
from shortener.settings import Settings
from shortener.web import create_app
from tests.conftest import Clock

TARGET = "https://example.com/a?b=c"


def test_a_link_is_created(client: FlaskClient) -> None:
    answer = client.post("/api/links", json={"url": TARGET})
    assert answer.status_code == 201
    link = answer.get_json()
    assert re.fullmatch(r"[0-9A-Za-z]{7}", link["code"])
    assert answer.headers["Location"] == f"/api/links/{link['code']}"
    assert link == {
        "code": link["code"],
        "url": TARGET,
        "short_url": f"https://sho.rt/{link['code']}",
        "clicks": 0,
        "created_at": "2023-11-14T22:13:20Z",
        "disabled": False,
        "expires_at": None,
    }
    assert client.get(answer.headers["Location"]).get_json() == link


def test_an_alias_and_an_end_can_be_asked_for(client: FlaskClient) -> None:
    wish = {"url": TARGET, "alias": "spring", "expires_in": 3600}
    link = client.post("/api/links", json=wish).get_json()
    assert (link["code"], link["expires_at"]) == ("spring", "2023-11-14T23:13:20Z")


def test_an_alias_that_is_taken_is_a_conflict(client: FlaskClient) -> None:
    client.post("/api/links", json={"url": TARGET, "alias": "spring"})
    answer = client.post("/api/links", json={"url": "https://example.com/other", "alias": "spring"})
    assert answer.status_code == 409
    assert answer.get_json()["error"]["code"] == "alias_taken"
    assert client.get("/spring").headers["Location"] == TARGET


def test_an_unknown_link_is_not_found(client: FlaskClient) -> None:
    answer = client.get("/api/links/nothing")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (404, "unknown_code")


def test_an_expired_link_can_still_be_looked_at(client: FlaskClient, clock: Clock) -> None:
    client.post("/api/links", json={"url": TARGET, "alias": "spring", "expires_in": 1})
    clock.advance(2)
    assert client.get("/api/links/spring").get_json()["expires_at"] == "2023-11-14T22:13:21Z"


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ([], "a JSON object"),
        ("text", "a JSON object"),
        ({}, "url"),
        ({"url": None}, "url"),
        ({"url": 7}, "url"),
        ({"url": "javascript:alert(1)"}, "url"),
        ({"url": "https://sho.rt/abc"}, "circles"),
        ({"url": TARGET, "alias": ""}, "alias"),
        ({"url": TARGET, "alias": "a/b"}, "alias"),
        ({"url": TARGET, "alias": "metrics"}, "reserved"),
        ({"url": TARGET, "alias": 7}, "alias"),
        ({"url": TARGET, "expires_in": 0}, "expires_in"),
        ({"url": TARGET, "expires_in": -1}, "expires_in"),
        ({"url": TARGET, "expires_in": LONGEST_LIFE + 1}, "expires_in"),
        ({"url": TARGET, "expires_in": 1.5}, "expires_in"),
        ({"url": TARGET, "expires_in": True}, "expires_in"),
        ({"url": TARGET, "expires_in": "60"}, "expires_in"),
        ({"url": TARGET, "expire_in": 60}, "no other fields"),
    ],
)
def test_a_wrong_wish_is_refused_with_what_was_expected(
    client: FlaskClient, wish: object, words: str
) -> None:
    answer = client.post("/api/links", json=wish)
    assert answer.status_code == 400
    error = answer.get_json()["error"]
    assert error["code"] == "invalid_request"
    assert words in error["message"]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"", "application/json"),
        (b'{"url": "https://e.x/"}', "text/plain"),
        (b"\xff", "application/json"),
        (b"[" * 16_000, "application/json"),
    ],
)
def test_a_body_that_is_no_json_is_refused(client: FlaskClient, body: bytes, kind: str) -> None:
    answer = client.post("/api/links", data=body, content_type=kind)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (400, "invalid_request")


def test_a_body_that_is_too_large_is_refused(client: FlaskClient) -> None:
    answer = client.post("/api/links", json={"url": "https://example.com/" + "a" * 20_000})
    assert answer.status_code in {400, 413}


def test_a_method_that_is_not_there_is_told_in_json(client: FlaskClient) -> None:
    answer = client.put("/api/links/spring")
    assert answer.status_code == 405
    assert answer.get_json()["error"]["code"] == "method_not_allowed"
    assert "GET" in answer.headers["Allow"]


def test_without_a_base_url_the_requests_host_is_shown(database: Path, links: Links) -> None:
    client = create_app(Settings(database), links).test_client()
    link = client.post("/api/links", json={"url": TARGET}, base_url="http://here.example").get_json()
    assert link["short_url"] == f"http://here.example/{link['code']}"


def test_when_no_code_is_free_the_caller_may_try_again(database: Path) -> None:
    links = Links(database, codes=lambda: "aaaaaaa")
    client = create_app(Settings(database), links).test_client()
    statuses = [client.post("/api/links", json={"url": TARGET}).status_code for _ in range(2)]
    assert statuses == [201, 503]


def test_with_keys_links_are_created_shown_and_disabled_with_one_of_them_alone(
    database: Path, links: Links
) -> None:
    settings = Settings(database, "https://sho.rt", frozenset({"first", "second"}))
    client = create_app(settings, links).test_client()
    key = {"Authorization": "Bearer second"}
    for sent in ("", "Bearer sec", "Bearer ", "second", "Basic second", "Bearer \u00e9"):
        headers = {"Authorization": sent} if sent else {}
        answer = client.post("/api/links", json={"url": TARGET}, headers=headers)
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (401, "unauthorized")
    assert client.post("/api/links", json={"url": TARGET, "alias": "spring"}, headers=key).status_code == 201
    lower = {"Authorization": "bearer first"}
    assert client.get("/api/links/spring", headers=lower).status_code == 200, "the scheme has no case"
    assert client.get("/spring").status_code == 302, "whoever follows a link needs no key"
    assert client.delete("/api/links/spring").status_code == 401
    assert client.delete("/api/links/spring", headers=key).status_code == 204
    answer = client.get("/spring")
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (410, "disabled")
    assert client.get("/api/links/spring", headers=key).get_json()["disabled"] is True
    assert client.post("/api/links", json={"url": TARGET, "alias": "spring"}, headers=key).status_code == 409


def test_without_keys_nobody_can_disable_a_link(client: FlaskClient) -> None:
    client.post("/api/links", json={"url": TARGET, "alias": "spring"})
    assert client.delete("/api/links/spring").status_code == 401
    assert client.get("/spring").status_code == 302
