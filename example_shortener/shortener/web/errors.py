"""Turn every error into a JSON response: `{"error": {"code": "…", "message": "…"}}`."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from shortener.problems import Problem


def handle(app: Flask) -> None:
    """Make `app` answer every error with JSON. Unexpected errors are logged, and their details are not shown."""
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, _http)


def answer_problem(problem: Problem) -> ResponseReturnValue:
    """Return the response to a request that can't be fulfilled."""
    return _answer(problem.status, problem.code, problem.message)


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    answer = _answer(status, error.name.lower().replace(" ", "_"), error.description or error.name)
    # A 405 response has to list the allowed methods.
    answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return answer


def _answer(status: int, code: str, message: str) -> Response:
    answer = jsonify(error={"code": code, "message": message})
    answer.status_code = status
    return answer
