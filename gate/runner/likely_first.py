"""Put the test files that are likely to fail before others, so that a failure shows early.

The order is only a matter of time: each file runs in its own process, so no file can observe which ones ran before it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from gate.json_input import parse_json
from gate.result_cache import ResultCache, key_of

RECENT = 14 * 24 * 3600
"""For how many seconds a failure counts."""
MOST_FAILURES = 100


class RecentRuns:
    """How long the test files of a suite took in their last run, and which ones failed recently."""

    def __init__(self, results: ResultCache, key: str) -> None:
        """Open the store. `key` identifies the suite."""
        self._results = results
        self._seconds, self._failures = (key_of(name, key) for name in ("seconds of files", "failed files"))

    def finished(self, seconds: Mapping[str, float]) -> None:
        """Store how long files took."""
        if seconds:
            self._write(self._seconds, {**self._read(self._seconds), **seconds})

    def failed(self, paths: Iterable[str]) -> None:
        """Store that a test in these files has just failed."""
        now = int(time.time())
        failures = {**self._read(self._failures), **dict.fromkeys(paths, now)}
        newest = sorted(failures.items(), key=lambda item: item[1])[-MOST_FAILURES:]
        self._write(self._failures, dict(newest))

    def order(self, paths: Iterable[str], changed: Collection[str]) -> tuple[str, ...]:
        """Sort the files: changed ones, then those that failed recently, the last first, then the fastest."""
        seconds, failures = self._read(self._seconds), self._read(self._failures)
        since = time.time() - RECENT
        recent = {path: at for path, at in failures.items() if at >= since}

        def rank(path: str) -> tuple[bool, float, float, str]:
            return path not in changed, -recent.get(path, 0.0), seconds.get(path, 0.0), path

        return tuple(sorted(paths, key=rank))

    def _read(self, key: str) -> dict[str, float]:
        try:
            data: dict[str, Any] = parse_json(self._results.get(key) or b"{}")
            return {str(path): float(value) for path, value in data.items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    def _write(self, key: str, data: Mapping[str, float]) -> None:
        self._results.put(key, json.dumps(data).encode("ascii"), share=False)
