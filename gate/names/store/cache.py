"""Cache the facts of each file, and its findings, between runs.

The facts depend only on the content of the file. The findings also depend on the interfaces of the project's modules
that the file can reach through imports, as far as it can see them (`module_interface.py`). Everything else in the cache
key is the same for all files: the environment, the version of the check, and a few facts about the whole project.
"""

from __future__ import annotations

import hashlib
import marshal
import sys
from functools import cache
from pathlib import Path
from typing import Any

from gate.store import read_entry, write_entry

FORMAT = "names 4"
MOST = 20_000
"""More answers than this stay in the cache only while there are at most a few times as many as the last run used."""


class Cache:
    """A file with values by cache key."""

    def __init__(self, path: Path | None, state: str = "") -> None:
        """Read the file if it exists and is intact. Without a path, nothing is cached.

        Values that more than two runs in a row haven't requested are dropped. With a `state`, all values stay as long
        as it is the same.
        """
        self._path = path
        self._state = state
        self._old: dict[str, tuple[int, bytes]] = {}
        self._new: dict[str, tuple[int, bytes]] = {}
        self._run = 0
        self._changed = False
        if self._path is not None:
            self._read(self._path)

    def _read(self, path: Path) -> None:
        try:
            body = read_entry(path, FORMAT)
            if body is not None:
                run, state, old = marshal.loads(body)  # noqa: S302  marshal creates only plain data
                if state == self._state:
                    self._run, self._old = run, old
        except (ValueError, EOFError, TypeError):
            self._old = {}

    def get(self, key: str) -> Any:
        """Return the value cached under `key`, or None."""
        entry = self._new.get(key) or self._old.get(key)
        if entry is None:
            return None
        self._new[key] = self._run + 1, entry[1]
        return marshal.loads(entry[1])  # noqa: S302  marshal creates only plain data

    def put(self, key: str, value: Any) -> None:
        """Cache plain data: strings, numbers, lists, tuples, dictionaries."""
        # Serialize each value separately, so that new ones can be written without decoding the rest.
        self._new[key] = self._run + 1, marshal.dumps(value)
        self._changed = True

    def write(self) -> None:
        """Write the file atomically, if there is anything new."""
        if self._path is None or not self._changed:
            return
        run = self._run + 1
        oldest = 0 if self._state else run - 2
        entries = {key: value for key, value in self._old.items() if value[0] >= oldest} | self._new
        if len(entries) > max(MOST, 4 * len(self._new)):
            entries = self._new
        write_entry(self._path, FORMAT, marshal.dumps((run, self._state, entries)))


def digest(*parts: str | bytes) -> str:
    """Return a hash of `parts`."""
    content: list[bytes] = []
    for part in parts:
        data = part.encode("utf-8", "surrogateescape") if isinstance(part, str) else part
        content += (b"%d:" % len(data), data)
    return hashlib.sha256(b"".join(content)).hexdigest()[:40]


@cache
def own_state() -> str:
    """Return a digest of the check's own files, and of the Python whose grammar and library it uses."""
    files = [(str(path), path.stat()) for path in sorted(Path(__file__).parents[1].rglob("*.py"))]
    return digest(sys.version, *(f"{name} {state.st_mtime_ns} {state.st_size}" for name, state in files))
