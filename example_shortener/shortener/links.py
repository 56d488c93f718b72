"""Add, look up, and count links, each in a single statement so that no click is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from shortener.codes import new_code
from shortener.database import shared, write
from shortener.problems import AliasTaken, Disabled, Expired, NoFreeCode, UnknownCode

TRIES = 10
LONGEST_LIFE = 10 * 366 * 24 * 3600
"""The maximum lifetime of a link, in seconds; for a longer one, omit it."""


@dataclass(frozen=True, slots=True)
class Link:
    """A short link. Times are whole seconds since 1970; without `expires_at` it never expires."""

    code: str
    target: str
    created_at: int
    expires_at: int | None
    clicks: int

    @property
    def disabled(self) -> bool:
        """Whether the operator has disabled it."""
        return self.expires_at == 0


class Links:
    """All links in a migrated database. Safe to share among threads and forked workers."""

    def __init__(
        self,
        database: Path,
        *,
        clock: Callable[[], float] = time.time,
        codes: Callable[[], str] = new_code,
    ) -> None:
        """`clock` returns the seconds since 1970, `codes` draws new codes."""
        self._database = database
        self._clock = clock
        self._codes = codes

    def add(self, target: str, *, alias: str | None = None, lifetime: int | None = None) -> Link:
        """Add a link to `target` that expires in `lifetime` seconds.

        The code is `alias`, or else a new one. Raises AliasTaken or NoFreeCode. A code is never reused, even after its
        link has expired: it may still be in an old email.
        """
        now = int(self._clock())
        expires_at = None if lifetime is None else now + lifetime
        # The insertion itself decides, so that only one of two at once succeeds.
        insert = (
            "INSERT INTO links (code, target, created_at, expires_at) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (code) DO NOTHING RETURNING code"
        )
        for code in self._candidates(alias):
            if write(self._database, insert, (code, target, now, expires_at)):
                return Link(code, target, now, expires_at, 0)
        if alias is not None:
            raise AliasTaken("this alias is taken")
        raise NoFreeCode("no free code was found; try again")

    def find(self, code: str) -> Link:
        """Return the link with this code, expired or not. Raises UnknownCode."""
        select = "SELECT code, target, created_at, expires_at, clicks FROM links WHERE code = ?"
        rows = shared(self._database).execute(select, (code,)).fetchall()
        if not rows:
            raise UnknownCode("there is no link with this code")
        return Link(*rows[0])

    def target(self, code: str) -> str:
        """Return the target of the link with this code, without counting a click. Raises UnknownCode or Expired."""
        link = self.find(code)
        if link.disabled:
            raise Disabled("this link was disabled")
        if link.expires_at is not None and link.expires_at <= self._clock():
            raise Expired("this link has expired")
        return link.target

    def follow(self, code: str) -> str:
        """Count a click, and return where the link leads; raises UnknownCode or Expired."""
        count = (
            "UPDATE links SET clicks = clicks + 1"
            " WHERE code = ? AND (expires_at IS NULL OR expires_at > ?) RETURNING target"
        )
        rows = write(self._database, count, (code, self._clock()))
        return str(rows[0][0]) if rows else self.target(code)

    def disable(self, code: str) -> None:
        """Disable the link; its code stays taken. Raises UnknownCode."""
        # Mark it as expired before it was created: every release understands that.
        if not write(
            self._database, "UPDATE links SET expires_at = 0 WHERE code = ? RETURNING code", (code,)
        ):
            raise UnknownCode("there is no link with this code")

    def _candidates(self, alias: str | None) -> Iterator[str]:
        if alias is not None:
            yield alias
            return
        for _ in range(TRIES):
            yield self._codes()
