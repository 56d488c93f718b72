"""Is the new release doing worse than the old one? Pure: what was seen goes in, a reason to go back comes out."""

from __future__ import annotations

from dataclasses import dataclass

from release.balancer import Counted
from release.settings import Limits


@dataclass(frozen=True, slots=True)
class Seen:
    """What one release did while it was watched."""

    requests: int
    failed: int
    seconds: float
    ready: bool

    @classmethod
    def between(cls, before: Counted, after: Counted) -> Seen:
        """What was added from one look to the next."""
        return cls(after.requests - before.requests, after.failed - before.failed, after.seconds, after.ready)

    @property
    def failing(self) -> float:
        """The share of failed requests."""
        return self.failed / self.requests if self.requests else 0.0


def reason_to_go_back(new: Seen, old: Seen, limits: Limits) -> str:
    """One sentence, or nothing if there is no reason.

    Too few requests give no reason, and no clean bill either: that is what the probe is for, which visits the
    new release all the while it is watched.
    """
    if not new.ready:
        return "the new release is not ready any more"
    if new.failed >= limits.least_failures and new.failing > old.failing + limits.failures:
        return (
            f"{new.failed} of {new.requests} requests to the new release failed ({new.failing:.1%}),"
            f" and {old.failing:.1%} of those to the old one"
        )
    if (
        new.requests >= limits.least_requests
        and old.requests >= limits.least_requests
        and new.seconds > old.seconds * limits.slower + limits.slack
    ):
        return (
            f"the new release takes {new.seconds * 1000:.0f} ms, and the old one {old.seconds * 1000:.0f} ms"
        )
    return ""
