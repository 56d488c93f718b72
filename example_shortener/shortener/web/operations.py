"""What runs the service asks it: is it alive, is it ready, how is it doing."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from shortener.database import is_ready
from shortener.web.metrics import CONTENT_TYPE
from shortener.web.state import state

blueprint = Blueprint("operations", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """The process answers. It looks at nothing else: a restart would not mend a database."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Requests can be sent here: the database answers and has the tables that are needed."""
    if is_ready(state().settings.database):
        return jsonify(status="ready")
    return jsonify(status="not ready", reason="the database does not answer"), 503


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Prometheus' text format, over all workers; not for visitors, whom a proxy forwards."""
    if "X-Forwarded-For" in request.headers:
        abort(404)
    return state().metrics.text(), 200, {"Content-Type": CONTENT_TYPE}
