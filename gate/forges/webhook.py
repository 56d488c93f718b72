"""Send the verdict to a webhook, in the message format of Slack."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from urllib.parse import urlsplit

PATIENCE = 10.0


def post(address: str, message: Mapping[str, object]) -> str:
    """Send `message` as JSON, and return why that failed, or "". The address is a secret and is never shown."""
    try:
        if urlsplit(address).scheme not in {"http", "https"}:
            return "its address must start with https:// or http://"
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            address, json.dumps(message).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with _OPENER.open(request, timeout=PATIENCE):
            return ""
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}"
    except (ValueError, http.client.InvalidURL):
        # The messages of these quote the address.
        return "its address is not valid"
    except http.client.HTTPException:
        return "its response is not HTTP"
    except OSError as error:
        return str(getattr(error, "reason", None) or error)


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """Refuse redirects, so that the message reaches no other server."""

    def redirect_request(self, *args: object) -> None:
        """Refuse the redirect."""


_OPENER = urllib.request.build_opener(_NoRedirection)
