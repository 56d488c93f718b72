"""Errors in requests, each with the HTTP status and the code that callers get."""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):  # noqa: N818  the name says what happened
    """A request that can't be fulfilled; `message` is one sentence for its sender."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid_request"

    def __init__(self, message: str) -> None:
        """`message` must not repeat the request's content: it is shown to others, and written to logs."""
        super().__init__(message)
        self.message = message


class InvalidRequest(Problem):
    """The request itself is invalid; sending it again won't help."""


class UnknownCode(Problem):
    """No link has ever had this code."""

    status = 404
    code = "unknown_code"


class AliasTaken(Problem):
    """Another link has this code, or had it until it expired."""

    status = 409
    code = "alias_taken"


class Disabled(Problem):
    """The link with this code was abused, so the operator disabled it."""

    status = 410
    code = "disabled"


class Unauthorized(Problem):
    """The request needs a key, and no valid one was sent."""

    status = 401
    code = "unauthorized"


class Expired(Problem):
    """The link with this code has expired."""

    status = 410
    code = "expired"


class NoFreeCode(Problem):
    """Every code that was tried is taken; another request may succeed."""

    status = 503
    code = "no_free_code"


class Unavailable(Problem):
    """The database can't be used now; another request may succeed."""

    status = 503
    code = "unavailable"
