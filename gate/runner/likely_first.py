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
        """Sort the files: changed, failed recently (last first), named after a changed module, then the fastest.

        `changed` are all paths that the change adds or modifies.
        """
        seconds, failures = self._read(self._seconds), self._read(self._failures)
        since = time.time() - RECENT
        recent = {path: at for path, at in failures.items() if at >= since}

        modules = _module_names(changed)

        def rank(path: str) -> tuple[bool, float, bool, float, str]:
            own = any(name in path.rpartition("/")[2] for name in modules)
            return path not in changed, -recent.get(path, 0.0), not own, seconds.get(path, 0.0), path

        return tuple(sorted(paths, key=rank))

    def _read(self, key: str) -> dict[str, float]:
        try:
            data: dict[str, Any] = parse_json(self._results.get(key) or b"{}")
            return {str(path): float(value) for path, value in data.items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    def _write(self, key: str, data: Mapping[str, float]) -> None:
        self._results.put(key, json.dumps(data).encode("ascii"), share=False)


def _module_names(paths: Iterable[str]) -> frozenset[str]:
    """Return the names of modules as their tests have them: `shop/_orders.py` is tested by `test_orders.py`."""
    names = set()
    for path in paths:
        parts = path.removesuffix(".py").split("/")
        if path.endswith(".py"):
            name = parts[-2] if parts[-1] == "__init__" and parts[1:] else parts[-1]
            names.add(name.strip("_"))
    return frozenset(names - {""})
