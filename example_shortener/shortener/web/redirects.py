"""What the service is for: `GET /<code>`."""

from __future__ import annotations

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

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
