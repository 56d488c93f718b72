"""The main purpose of the service: `GET /<code>`."""

from __future__ import annotations

import sqlite3

from flask import Blueprint, redirect, request
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
    answer = redirect(target, 302)
    # A kept redirect would not be counted, and would outlive the link.
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.errorhandler(sqlite3.OperationalError)
def _uncounted(_: sqlite3.OperationalError) -> ResponseReturnValue:
    """Redirect even if a click can't be counted, because the disk is full or read-only."""
    code = (request.view_args or {})["code"]
    try:
        answer = redirect(state().links.target(code), 302)
    except Problem as problem:
        return answer_problem(problem)
    answer.headers["Cache-Control"] = "no-store"
    return answer
