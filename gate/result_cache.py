"""The cache of results: what a check reported, under a key made of everything that decides it.

Nothing ever has to be invalidated: another content, setting, tool or environment is another key.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

from gate.errors import UsageError
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


def shared_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that `GATE_CACHE` names, as a URL: results of all clones on a machine, or of CI jobs.

    Whoever can write there can make gate believe that a check has passed, as in `.git/gate` itself. Raises UsageError
    if it is anything else than `file:///ABSOLUTE/PATH`.
    """
    url = environ.get("GATE_CACHE", "")
    if not url:
        return None
    folder = url.removeprefix("file://")
    if folder == url or not folder.startswith("/"):
        raise UsageError(f"GATE_CACHE: expected file:///ABSOLUTE/PATH, got {url!r}")
    return Path(folder) / "results"


class ResultCache:
    """A folder of cached results."""

    def __init__(self, folder: Path, most: int = MOST_RESULTS, shared: Path | None = None) -> None:
        """The folder is made when something is first stored; it holds about `most` results.

        What is not there is looked for in `shared`, another such folder, where everything is stored as well.
        """
        self._folder = folder
        self._most = most
        self._shared = ResultCache(shared, SHARED_MOST) if shared else None

    def get(self, key: str) -> bytes | None:
        """The body stored under `key`, or None."""
        body = self._get(key)
        return self._shared.get(key) if body is None and self._shared else body

    def _get(self, key: str) -> bytes | None:
        path = self._path(key)
        body = read_entry(path, key)
        if body is not None:
            with contextlib.suppress(OSError):
                os.utime(path)
        return body

    def put(self, key: str, body: bytes) -> None:
        """Store `body` under `key`, whole or not at all. A full disk or a read-only folder is no failure.

        One in 256 keys has the folder tidied up as well.
        """
        if self._shared:
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
