"""The JSON API: `POST /api/links`, `GET /api/links/<code>`."""

from __future__ import annotations

import hmac
import sqlite3
from datetime import UTC, datetime
from urllib.parse import urlsplit

from flask import Blueprint, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from shortener.codes import check_alias
from shortener.links import LONGEST_LIFE, Link
from shortener.problems import InvalidRequest, Unauthorized, Unavailable
from shortener.targets import check_target
from shortener.web.errors import answer_problem
from shortener.web.state import state

FIELDS = frozenset({"url", "alias", "expires_in"})

blueprint = Blueprint("api", __name__, url_prefix="/api")


@blueprint.post("/links")
def create() -> ResponseReturnValue:
    """Add a link: `{"url": "https://…", "alias": "…", "expires_in": SECONDS}`, all but `url` optional."""
    _authorize()
    fields = _fields()
    settings, own_host = state().settings, urlsplit(_base_url()).hostname or ""
    target = check_target(_text(fields, "url"), own_host=own_host, private=settings.private_targets)
    alias = check_alias(_text(fields, "alias")) if fields.get("alias") is not None else None
    link = state().links.add(target, alias=alias, lifetime=_lifetime(fields))
    answer = jsonify(_shown(link))
    return answer, 201, {"Location": url_for("api.show", code=link.code)}


@blueprint.get("/links/<code>")
def show(code: str) -> ResponseReturnValue:
    """Return a link and its clicks, even after it has expired."""
    _authorize()
    return jsonify(_shown(state().links.find(code)))


@blueprint.delete("/links/<code>")
def disable(code: str) -> ResponseReturnValue:
    """Disable a link that is abused. This always requires a key, even if none are set up."""
    if not state().settings.api_keys:
        raise Unauthorized("no key is set up that may disable links: SHORTENER_API_KEYS")
    _authorize()
    state().links.disable(code)
    return "", 204


@blueprint.errorhandler(sqlite3.OperationalError)
def _unavailable(error: sqlite3.OperationalError) -> ResponseReturnValue:
    """Report that another program writes, the disk is full, or the database is gone."""
    current_app.logger.error("the database: %s", error)
    return answer_problem(Unavailable("links can't be stored or shown now; try again later"))


def _authorize() -> None:
    """Raise Unauthorized if keys are required and no valid one was sent."""
    keys = state().settings.api_keys
    sent = request.authorization
    token = (sent.token or "").encode() if sent and sent.type == "bearer" else b""
    # Compare all keys, in constant time.
    if keys and not sum(hmac.compare_digest(key.encode(), token) for key in keys):
        raise Unauthorized("expected `Authorization: Bearer KEY`")


def _fields() -> dict[str, object]:
    """Return the request's JSON object. A misspelled field is an error, and not silently ignored."""
    try:
        fields = request.get_json(silent=True)
    except RecursionError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidRequest("expected a JSON object, sent as application/json")
    if not fields.keys() <= FIELDS:
        raise InvalidRequest(f"expected no other fields than {', '.join(sorted(FIELDS))}")
    return fields


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise InvalidRequest(f"{name}: expected a text")
    return value


def _lifetime(fields: dict[str, object]) -> int | None:
    value = fields.get("expires_in")
    if value is None:
        return None
    # In Python, True is an int.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LONGEST_LIFE:
        raise InvalidRequest(f"expires_in: expected a whole number of seconds from 1 to {LONGEST_LIFE}")
    return value


def _base_url() -> str:
    return state().settings.base_url or request.host_url.rstrip("/")


def _shown(link: Link) -> dict[str, object]:
    return {
        "code": link.code,
        "url": link.target,
        "short_url": f"{_base_url()}/{link.code}",
        "clicks": link.clicks,
        "created_at": _time(link.created_at),
        "disabled": link.disabled,
        "expires_at": None if link.expires_at is None else _time(link.expires_at),
    }


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
