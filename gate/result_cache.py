"""Cache the results of checks, under keys derived from everything that decides them.

Nothing is ever invalidated: different content, settings, tools, or environments have different keys.
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
    """Return the cache key for a result that depends on `parts`, in this order."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogateescape")
        digest.update(b"%d:" % len(data) + data)
    return digest.hexdigest()


class Shared(Protocol):
    """Results shared with other clones and machines."""

    def get(self, key: str) -> bytes | None:
        """Return the body stored under `key`, or None."""

    def put(self, key: str, body: bytes) -> None:
        """Store `body` under `key`, if possible."""

    def close(self) -> None:
        """Finish writing."""


class ResultCache:
    """A folder of cached results."""

    def __init__(self, folder: Path, most: int = MOST_RESULTS, shared: Shared | None = None) -> None:
        """Create a cache of about `most` results. The folder is created on the first write.

        Missing results are looked up in `shared` and then stored here. Results that may be shared are stored there too.
        """
        self._folder = folder
        self._most = most
        self._shared = shared

    def get(self, key: str) -> bytes | None:
        """Return the body stored under `key`, or None."""
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
        """Store `body` under `key` atomically. A full disk or a read-only folder isn't an error.

        Others get it only with `share`, because failures aren't shared. One in 256 keys also prunes the folder.
        """
        if self._shared and share:
            self._shared.put(key, body)
        if write_entry(self._path(key), key, body) and key.startswith("00"):
            self.prune()

    def close(self) -> None:
        """Finish writing to the shared results, if there are any. The cache can't be used any more."""
        if self._shared:
            self._shared.close()

    def prune(self) -> None:
        """Delete results that haven't been used for long, and the oldest if there are too many."""
        with contextlib.suppress(OSError):
            by_age = sorted((path.stat().st_mtime, path) for path in self._folder.glob("*/*"))
            for number, (used, path) in enumerate(by_age):
                if number < len(by_age) - self._most or time.time() - used > UNUSED_FOR:
                    path.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key[2:]
