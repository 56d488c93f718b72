"""Cache the results of checks, under keys derived from everything that decides them.

Nothing is ever invalidated: different content, settings, tools, or environments have different keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from gate.store import read_entry, write_entry

MOST_RESULTS = 4000
SHARED_MOST = 40_000
UNUSED_FOR = 30 * 24 * 3600


class Key(str):
    """The key of a result on this machine, with a second one that is the same on every machine.

    The second one is made of the content of what decides the result, where the first one is made of paths and times. It
    takes longer to compute, so that is only done to share a result.
    """

    _portable: Callable[[ResultCache], str]

    @classmethod
    def of(cls, local: str, portable: Callable[[ResultCache], str]) -> Key:
        """Return the key `local`. `portable` computes the other one, and may store intermediate results in a cache."""
        key = cls(local)
        key._portable = portable
        return key

    def portable(self, cache: ResultCache) -> str:
        """Return the key that is the same on every machine. Raises OSError."""
        return self._portable(cache)


def key_of(*parts: str) -> str:
    """Return the cache key for a result that depends on `parts`, in this order.

    If some of them are keys with a second, portable one, so is the result.
    """
    local = _digest(parts)
    if not any(isinstance(part, Key) for part in parts):
        return local
    return Key.of(local, lambda cache: _digest([portable_key(part, cache) for part in parts]))


def portable_key(key: str, cache: ResultCache) -> str:
    """Return the portable form of a key, or the key itself if it has none. Raises OSError."""
    return key.portable(cache) if isinstance(key, Key) else key


def _digest(parts: Iterable[str]) -> str:
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
        There, their keys are the portable ones.
        """
        self._folder = folder
        self._most = most
        self._shared = shared

    def get(self, key: str) -> bytes | None:
        """Return the body stored under `key`, or None."""
        body = self.get_local(key)
        if body is None and self._shared:
            with contextlib.suppress(OSError):
                body = self._shared.get(portable_key(key, self))
            if body is not None:
                self.put(key, body, share=False)
        return body

    def get_local(self, key: str) -> bytes | None:
        """Return the body stored under `key` here, or None."""
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
            with contextlib.suppress(OSError):
                self._shared.put(portable_key(key, self), body)
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
