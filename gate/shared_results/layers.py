"""Several places with shared results, used as one."""

from __future__ import annotations

from collections.abc import Sequence

from gate.result_cache import Shared


class InOrder:
    """Shared results in several places. The first one that has a result provides it; all of them are written to."""

    def __init__(self, stores: Sequence[Shared]) -> None:
        """Use these places, the fastest first."""
        self._stores = stores

    def get(self, key: str) -> bytes | None:
        """Return the body stored under `key` in the first place that has it, or None."""
        return next((body for store in self._stores if (body := store.get(key)) is not None), None)

    def put(self, key: str, body: bytes) -> None:
        """Store `body` in every place that can be written to."""
        for store in self._stores:
            store.put(key, body)

    def close(self) -> None:
        """Finish writing."""
        for store in self._stores:
            store.close()
