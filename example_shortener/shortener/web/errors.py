"""Every error is an answer in JSON: `{"error": {"code": "…", "message": "…"}}`."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from shortener.problems import Problem


def handle(app: Flask) -> None:
    """Let `app` answer with JSON whatever goes wrong. What nobody expected is logged, and not told."""
    app.register_error_handler(Problem, answer_problem)
    app.register_error_handler(HTTPException, _http)


def answer_problem(problem: Problem) -> ResponseReturnValue:
    """The answer to a request that cannot be met."""
    return _answer(problem.status, problem.code, problem.message)


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if error.response is not None or status < 400:
        return error.get_response()
    answer = _answer(status, error.name.lower().replace(" ", "_"), error.description or error.name)
    # A 405 has to say which methods there are.
    answer.headers.extend((name, value) for name, value in error.get_headers() if name == "Allow")
    return answer


def _answer(status: int, code: str, message: str) -> Response:
    answer = jsonify(error={"code": code, "message": message})
    answer.status_code = status
    return answer
