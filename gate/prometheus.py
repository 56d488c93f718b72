"""Query Prometheus over its HTTP API."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from gate.json_input import parse_json
from gate.requirements.facts import Reading

PATIENCE = 10.0
"""Seconds to wait for the server's answer."""
LARGEST = 4 * 1024 * 1024


def ask(server: str, queries: Iterable[str]) -> dict[str, Reading]:
    """Return the current response of the Prometheus server to each query.

    Never raises. A failure is described in the reading's `trouble`.
    """
    wanted = list(dict.fromkeys(queries))
    if not server:
        trouble = "gate.yaml does not say where Prometheus is (`prometheus: http://…`)"
        return {query: Reading(trouble=trouble) for query in wanted}
    with ThreadPoolExecutor(max(1, min(8, len(wanted)))) as pool:
        return dict(zip(wanted, pool.map(lambda query: _ask(server, query), wanted), strict=True))


def _ask(server: str, query: str) -> Reading:
    # The policy allows only http and https here.
    address = f"{server}/api/v1/query?{urllib.parse.urlencode({'query': query, 'timeout': '8s'})}"
    try:
        with _OPENER.open(address, timeout=PATIENCE) as answer:
            return _read(query, _all(answer))
    except urllib.error.HTTPError as error:
        with error:
            if 300 <= error.code < 400:
                where = error.headers.get("Location", "nowhere")
                return Reading(
                    trouble=f"{server} redirects to {where}: gate.yaml must name the server to query"
                )
            return Reading(trouble=f"Prometheus refuses `{query}`: {_reason(error.read(LARGEST)) or error}")
    except (OSError, http.client.HTTPException, ValueError) as error:
        why = getattr(error, "reason", None) or error
        return Reading(trouble=f"{server} does not answer: {why}")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuse redirects: only the server that the policy names counts, not a login page or another server."""

    def redirect_request(self, *_: object) -> None:
        """Refuse the redirect."""


_OPENER = urllib.request.build_opener(_NoRedirect)


def _all(answer: http.client.HTTPResponse) -> bytes:
    """Read the whole response. Raises OSError if that takes too long in total, even if data keeps arriving."""
    until = time.monotonic() + PATIENCE
    data = bytearray()
    while len(data) < LARGEST and (part := answer.read1(65536)):
        data += part
        if time.monotonic() > until:
            raise TimeoutError("timed out")
    return bytes(data)


def _read(query: str, data: bytes) -> Reading:
    try:
        answer = parse_json(data)
        if answer["status"] != "success":
            return Reading(trouble=f"Prometheus refuses `{query}`: {_reason(data) or answer['status']}")
        if answer.get("warnings"):
            return Reading(trouble=f"Prometheus warns about `{query}`: {answer['warnings'][0]}")
        body = answer["data"]
        if body["resultType"] == "scalar":
            return Reading((float(body["result"][1]),))
        if body["resultType"] == "vector":
            return Reading(tuple(float(series["value"][1]) for series in body["result"]))
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return Reading(trouble=f"the answer to `{query}` cannot be read")
    return Reading(trouble=f"`{query}` is not an instant query: it returns no single values")


def _reason(data: bytes) -> str:
    try:
        return str(parse_json(data)["error"])
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return ""
