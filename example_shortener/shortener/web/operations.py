"""Endpoints for operating the service: liveness, readiness, and metrics."""

from __future__ import annotations

from flask import Blueprint, abort, jsonify, request
from flask.typing import ResponseReturnValue

from shortener.database import is_ready
from shortener.web.metrics import CONTENT_TYPE
from shortener.web.state import state

blueprint = Blueprint("operations", __name__)


@blueprint.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Report that the process answers. Nothing else is checked: a restart would not fix a database."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
def readyz() -> ResponseReturnValue:
    """Report whether requests can be sent here: the database answers and has the required tables."""
    if is_ready(state().settings.database):
        return jsonify(status="ready")
    return jsonify(status="not ready", reason="the database does not answer"), 503


@blueprint.get("/metrics")
def metrics() -> ResponseReturnValue:
    """Return the metrics of all workers in Prometheus's text format; visitors, who come through a proxy, get a 404."""
    if "X-Forwarded-For" in request.headers:
        abort(404)
    return state().metrics.text(), 200, {"Content-Type": CONTENT_TYPE}
