"""Requests to a forge's API: pagination, and every failure as one sentence.

Each forge parses responses in its own module, which knows no client. Requests are never retried: a check that waits
looks like one that hangs, and CI can be rerun.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

from gate.errors import CannotDecide
from gate.forges.places import PullRequestRef
from gate.wording import number_in

PAGE = 100
MOST_PAGES = 100
PATIENCE = 20
"""Seconds without any data after which a forge counts as unreachable."""

Json = dict[str, Any]
Query = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: the body, and the headers by lowercase name."""

    body: object
    headers: Mapping[str, str]


class Wire(Protocol):
    """An authenticated client for one forge. Raises Refused, or CannotDecide if there is no response."""

    request_ref: PullRequestRef

    def get(self, path: str, query: Query) -> Answer:
        """Return the response to a GET request for `path`, relative to the API's address."""


class Writer(Wire, Protocol):
    """A client that can also write. Raises the same errors as `Wire`."""

    def send(self, method: str, path: str, body: Json) -> None:
        """Send `body` to `path` by POST, PUT, or PATCH."""


@dataclass(frozen=True, slots=True)
class OpenPullRequest:
    """An open pull request. `author` is a login; `opened` is in seconds since the epoch."""

    number: int
    head: str
    into: str
    author: str
    title: str
    opened: int
    draft: bool


class NoPullRequest(CannotDecide):
    """The commit doesn't belong to a pull request."""


class Refused(Exception):
    """The forge responded with an error status."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str]) -> None:
        """Create the error. `message` is the forge's own message, if any."""
        super().__init__(status)
        self.status = status
        self.said = message
        self.headers = headers


def one(wire: Wire, path: str) -> Json:
    """Return the JSON object at `path`. Raises CannotDecide."""
    body = ask(wire, path, {}).body
    if not isinstance(body, dict):
        raise unreadable(wire.request_ref, path)
    return body


def one_if_any(wire: Wire, path: str) -> Json | None:
    """Return the JSON object at `path`, or None if the forge has none. Raises CannotDecide for any other failure."""
    try:
        body = wire.get(path, {}).body
    except Refused as refused:
        if refused.status == 404:
            return None
        raise _refusal(wire.request_ref, path, refused) from refused
    if not isinstance(body, dict):
        raise unreadable(wire.request_ref, path)
    return body


def every(wire: Wire, path: str, query: Query = MappingProxyType({})) -> list[Json]:
    """Return all JSON objects of the list at `path`, over all pages. Raises CannotDecide if any page fails."""
    items: list[Json] = []
    size = "limit" if wire.request_ref.source == "gitea" else "per_page"
    for page in range(1, MOST_PAGES + 1):
        answer = ask(wire, path, {**query, "page": page, size: PAGE})
        if not isinstance(answer.body, list) or not all(isinstance(item, dict) for item in answer.body):
            raise unreadable(wire.request_ref, path)
        items += answer.body
        total = answer.headers.get("x-total-count") or answer.headers.get("x-total", "")
        more = bool(answer.headers.get("x-next-page")) or 'rel="next"' in answer.headers.get("link", "")
        if len(items) < (number_in(total) or 0):
            more = True
        if not more:
            return items
        if not answer.body:
            break
    raise CannotDecide(
        f"{wire.request_ref.source} did not list all of {path}: pages are missing or endless", "try again"
    )


def ask(wire: Wire, path: str, query: Query) -> Answer:
    """Return the response, or raise CannotDecide with the reason."""
    try:
        return wire.get(path, query)
    except Refused as refused:
        raise _refusal(wire.request_ref, path, refused) from refused


def quoted(name: str) -> str:
    """Quote a name for use as a single path segment."""
    return quote(name, safe="")


def project_path(source: PullRequestRef) -> str:
    """Return `OWNER/REPO` as used in API paths."""
    return quote(source.project, safe="/")


def text(item: Json, *names: str) -> str:
    """Return the string at a path of nested keys in a response, or "" if there is none."""
    value: object = item
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def moment(text: str) -> int:
    """Parse a forge's timestamp into seconds since the epoch. Raises ValueError for anything else."""
    return int(datetime.fromisoformat(text).timestamp())


def unreadable(source: PullRequestRef, path: str) -> CannotDecide:
    """Return the error for a response that can't be parsed."""
    return CannotDecide(
        f"{source.source} sent an unreadable response for {path}",
        f"check that {source.api} is the address of its API",
    )


def _refusal(source: PullRequestRef, path: str, refused: Refused) -> CannotDecide:
    forge, status = source.source, refused.status
    if status == 429 or (status == 403 and _limited(refused)):
        return CannotDecide(
            f"{forge}: rate limit of the token reached{_until(refused.headers)}", "try again later"
        )
    if status == 401:
        return CannotDecide(
            f"{forge} rejected the token in {source.variable}", "check whether it has expired"
        )
    if status == 403:
        return CannotDecide(
            f"{forge} does not allow the token in {source.variable} to read {path}",
            "see docs/forges.md for the permissions that it needs",
        )
    if status == 404:
        return CannotDecide(
            f"{forge} has no {path}, or hides it from the token in {source.variable}",
            "check the name of the pull request and the token's permissions",
        )
    if status >= 500:
        return CannotDecide(f"{forge} had a server error ({status}) for {path}", "try again")
    detail = f": {refused.said}" if refused.said else ""
    return CannotDecide(f"{forge} answered {status} to {path}{detail}")


def _limited(refused: Refused) -> bool:
    return refused.headers.get("x-ratelimit-remaining") == "0" or "rate limit" in refused.said.casefold()


def _until(headers: Mapping[str, str]) -> str:
    reset = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
    moment = number_in(reset)
    if moment is not None and len(reset) < 12:
        return f", until {time.strftime('%H:%M', time.gmtime(moment))} UTC"
    seconds = number_in(headers.get("retry-after", ""))
    return "" if seconds is None else f", for {seconds} s"
