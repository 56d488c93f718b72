"""Places where files are stored by name: a folder, and a server with HTTP."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol

from gate.store import write_atomically

SECONDS = 5.0
"""The maximum duration of a request, from its start to its last byte."""


class Store(Protocol):
    """Stores files by name. All methods raise OSError or ValueError on failure.

    If a store isn't `lasting`, what is used has to be written again from time to time.
    """

    @property
    def lasting(self) -> bool:
        """Whether files stay until somebody deletes them."""

    def read(self, name: str, most: int) -> bytes | None:
        """Return the file with this name, or None. Raises ValueError if it is larger than `most` bytes."""

    def write(self, name: str, content: bytes) -> None:
        """Create or replace the file with this name, at the latest when the store is closed."""

    def close(self) -> None:
        """Finish writing. The store can't be used any more."""


class Folder:
    """A store in a folder."""

    lasting = True

    def __init__(self, folder: Path) -> None:
        """Use this folder, which is created on the first write."""
        self._folder = folder

    def read(self, name: str, most: int) -> bytes | None:
        """See Store."""
        try:
            with (self._folder / name).open("rb") as file:
                return _limited(file.read(most + 1), most)
        except FileNotFoundError:
            return None

    def write(self, name: str, content: bytes) -> None:
        """See Store."""
        write_atomically(self._folder / name, content)

    def close(self) -> None:
        """See Store. There is nothing left to do."""


class Server:
    """A store on an HTTP server with GET and PUT, such as bazel-remote or WebDAV."""

    lasting = True

    def __init__(self, url: str, token: str = "") -> None:
        """Use this server. `token`, if any, is sent as a bearer token."""
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def read(self, name: str, most: int) -> bytes | None:
        """See Store."""
        try:
            with self._request("GET", name, None) as response:
                return _limited(response.read(most + 1), most)
        except urllib.error.HTTPError as error:
            if error.code in {404, 410}:
                return None
            raise

    def write(self, name: str, content: bytes) -> None:
        """See Store."""
        with self._request("PUT", name, content):
            pass

    def close(self) -> None:
        """See Store. There is nothing left to do."""

    def _request(self, method: str, name: str, content: bytes | None) -> http.client.HTTPResponse:
        request = urllib.request.Request(  # noqa: S310  `open_shared` rejects other schemes
            f"{self._url}/{name}", content, self._headers, method=method
        )
        response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=SECONDS)  # noqa: S310  `open_shared` rejects other schemes
        return response


def _limited(content: bytes, most: int) -> bytes:
    if len(content) > most:
        raise ValueError(f"larger than {most} bytes")
    return content
