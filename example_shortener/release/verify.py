"""The smoke test: what a visitor does, done through real HTTP before any visitor comes."""

from __future__ import annotations

import json
import secrets

from release.problems import Refused
from release.servers import ask


def verify(port: int, link: str) -> None:
    """Do with the release on `port` what its users do; raises Refused that says what went wrong.

    It leaves one link behind, which expires in a minute.
    """
    alias = f"verify-{secrets.token_hex(6)}"
    wish = json.dumps({"url": link, "alias": alias, "expires_in": 60})
    _expect("GET /readyz", ask(port, "GET", "/readyz"), 200)
    _expect("POST /api/links", ask(port, "POST", "/api/links", wish), 201)
    followed = ask(port, "GET", f"/{alias}")
    _expect("GET /CODE", followed, 302)
    if followed[1] != link:
        raise Refused(f"verify: GET /CODE leads to {followed[1]!r}, and {link!r} was expected")
    shown = ask(port, "GET", f"/api/links/{alias}")
    _expect("GET /api/links/CODE", shown, 200)
    if json.loads(shown[2]).get("clicks") != 1:
        raise Refused("verify: a click was not counted")
    _expect("GET /UNKNOWN", ask(port, "GET", f"/{alias}-no"), 404)
    _expect("GET /metrics", ask(port, "GET", "/metrics"), 200)


def _expect(what: str, answer: tuple[int, str, str], status: int) -> None:
    if answer[0] != status:
        told = answer[2].strip()[:200]
        raise Refused(f"verify: {what} answered {answer[0] or 'nothing'}, and {status} was expected: {told}")
