"""A webhook: the verdict as a message to Slack, or to anything that takes Slack's format."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

PATIENCE = 10.0


def post(address: str, message: Mapping[str, object]) -> str:
    """Send `message` as JSON; why it could not be sent, or nothing. The address, which is a secret, is never shown."""
    if urlsplit(address).scheme not in {"http", "https"}:
        return "its address must start with https:// or http://"
    request = urllib.request.Request(  # noqa: S310 - the scheme has been checked
        address, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    try:
        with _OPENER.open(request, timeout=PATIENCE):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}"
    except (OSError, ValueError) as error:
        return str(getattr(error, "reason", None) or error)


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """What was meant for one server is sent to no other."""

    def redirect_request(self, *args: object) -> None:
        """Never."""


_OPENER = urllib.request.build_opener(_NoRedirection)
