"""What can be wrong with a request, each with the HTTP status and the code that callers see."""

from __future__ import annotations

from typing import ClassVar


class Problem(Exception):  # noqa: N818  the name says what happened
    """A request that cannot be met; `message` is one sentence for whoever sent it."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "invalid_request"

    def __init__(self, message: str) -> None:
        """`message` must not repeat what was sent: it is shown to others, and written to logs."""
        super().__init__(message)
        self.message = message


class InvalidRequest(Problem):
    """The request itself is wrong; sending it again will not help."""


class UnknownCode(Problem):
    """There never was a link with this code."""

    status = 404
    code = "unknown_code"


class AliasTaken(Problem):
    """Somebody has this code already, or had it until it expired."""

    status = 409
    code = "alias_taken"


class Disabled(Problem):
    """There is a link with this code, and the operator has disabled it, since it was abused."""

    status = 410
    code = "disabled"


class Unauthorized(Problem):
    """A key is needed for this, and none of those that may was sent."""

    status = 401
    code = "unauthorized"


class Expired(Problem):
    """There was a link with this code, until its time was over."""

    status = 410
    code = "expired"


class NoFreeCode(Problem):
    """Every code that was tried is taken; another request may have more luck."""

    status = 503
    code = "no_free_code"
