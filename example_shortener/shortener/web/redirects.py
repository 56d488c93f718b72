"""The main purpose of the service: `GET /<code>`."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from shortener.problems import Problem
from shortener.web.errors import answer_problem
from shortener.web.state import state

blueprint = Blueprint("redirects", __name__)


@blueprint.get("/<code>")
def follow(code: str) -> ResponseReturnValue:
    """Lead to the target. Whoever only looks (HEAD) is not counted."""
    links = state().links
    target = links.target(code) if request.method == "HEAD" else links.follow(code)
    return _lead_to(target)


@blueprint.errorhandler(sqlite3.OperationalError)
def _uncounted(_: sqlite3.OperationalError) -> ResponseReturnValue:
    """Redirect even if a click can't be counted, because the disk is full or read-only."""
    code = (request.view_args or {})["code"]
    try:
        return _lead_to(state().links.target(code))
    except Problem as problem:
        return answer_problem(problem)


def _lead_to(target: str) -> Response:
    # A kept redirect would not be counted, and would outlive the link.
    return Response(status=302, headers={"Location": target, "Cache-Control": "no-store"})
