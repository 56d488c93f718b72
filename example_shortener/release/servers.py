"""Verify a release: use it as its users do."""

from __future__ import annotations

import json
import re
import secrets

from machine.client import ask
from machine.problems import Refused
from machine.system import visible


def verify(port: int, key: str, link: str = "https://example.com/") -> None:
    """Run the smoke test: use the release as its users do. Raises Refused with what went wrong.

    It leaves one link behind, which expires in a minute.
    """
    alias = f"verify-{secrets.token_hex(6)}"
    wish = json.dumps({"url": link, "alias": alias, "expires_in": 60})

    def expect(status: int, method: str, path: str, body: str = "") -> tuple[int, str, str]:
        answer = ask(port, method, path, body, key=key)
        if answer[0] != status:
            got = f"{answer[0] or 'nothing'}, expected {status}: {visible(answer[2])[:200]}"
            raise Refused(f"verify: {method} {path.replace(alias, 'CODE')} answered {got}")
        return answer

    expect(200, "GET", "/readyz")
    expect(201, "POST", "/api/links", wish)
    if (location := expect(302, "GET", f"/{alias}")[1]) != link:
        raise Refused(f"verify: GET /CODE leads to {location!r}, expected {link!r}")
    shown = expect(200, "GET", f"/api/links/{alias}")[2]
    if not re.search(r'"clicks": *1\b', shown):
        raise Refused(f"verify: a click was not counted: {visible(shown)[:200]}")
    expect(404, "GET", f"/{alias}-no")
    expect(200, "GET", "/metrics")
