"""Ask what runs on this machine over HTTP."""

from __future__ import annotations

import http.client
import socket
import threading
from contextlib import suppress

LARGEST = 1024 * 1024
"""The maximum number of bytes to read from a response."""


def ask(
    port: int, method: str, path: str, body: str = "", timeout: float = 5.0, key: str = ""
) -> tuple[int, str, str]:
    """Return the status, Location, and text of the response from 127.0.0.1:port; status 0 means no response in time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    headers = {"Content-Type": "application/json"} if body else {}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    end = threading.Timer(timeout, lambda: None)
    try:
        connection.connect()
        # A socket's timeout restarts with each byte.
        end = threading.Timer(timeout, _hang_up, [connection.sock])
        end.start()
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        text = answer.read(LARGEST).decode("utf-8", "replace")
        return answer.status, answer.headers.get("Location", ""), text
    except (OSError, http.client.HTTPException) as error:
        return 0, "", str(error) or type(error).__name__
    finally:
        end.cancel()
        connection.close()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
