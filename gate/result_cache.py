"""The cache of results: what a check reported, under a key made of everything that decides it.

Nothing ever has to be invalidated: another content, setting, tool or environment is another key.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import Protocol

from gate.store import read_entry, write_entry

MOST_RESULTS = 4000
SHARED_MOST = 40_000
UNUSED_FOR = 30 * 24 * 3600


def key_of(*parts: str) -> str:
    """The name for a result that depends on `parts`, in this order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


class Shared(Protocol):
    """Results of other clones and machines."""

    def get(self, key: str) -> bytes | None:
        """The body stored under `key`, or None."""

    def put(self, key: str, body: bytes) -> None:
        """Store `body` under `key`, or do nothing where that is not possible."""


class ResultCache:
    """A folder of cached results."""

    def __init__(self, folder: Path, most: int = MOST_RESULTS, shared: Shared | None = None) -> None:
        """The folder is made when something is first stored; it holds about `most` results.

        What is not there is looked for in `shared`, and stored here then; what may be shared is stored there as well.
        """
        self._folder = folder
        self._most = most
        self._shared = shared

    def get(self, key: str) -> bytes | None:
        """The body stored under `key`, or None."""
        body = self._get(key)
        if body is None and self._shared:
            body = self._shared.get(key)
            if body is not None:
                self.put(key, body, share=False)
        return body

    def _get(self, key: str) -> bytes | None:
        path = self._path(key)
        body = read_entry(path, key)
        if body is not None:
            with contextlib.suppress(OSError):
                os.utime(path)
        return body

    def put(self, key: str, body: bytes, *, share: bool = True) -> None:
        """Store `body` under `key`, whole or not at all. A full disk or a read-only folder is no failure.

        Failures are not for others: only with `share` others get it. One in 256 keys has the folder tidied up as well.
        """
        if self._shared and share:
            self._shared.put(key, body)
        if write_entry(self._path(key), key, body) and key.startswith("00"):
            self.prune()

    def prune(self) -> None:
        """Forget what has not been used for long, and the oldest of too many."""
        with contextlib.suppress(OSError):
            by_age = sorted((path.stat().st_mtime, path) for path in self._folder.glob("*/*"))
            for number, (used, path) in enumerate(by_age):
                if number < len(by_age) - self._most or time.time() - used > UNUSED_FOR:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key[2:]
