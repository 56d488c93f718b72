"""Compare the candidate with its baseline: probes of both, and haproxy's counters for both over the same time."""

from __future__ import annotations

import time

from release import servers
from release.canary import Compared
from release.environments import VISITED, Environment, Running
from release.problems import Refused

FAILURES = 3
"""After this many failed probes in a row, without failures of the baseline, the release is rolled back."""


class Comparison:
    """What the candidate and its baseline have done since this comparison was created."""

    def __init__(self, environment: Environment, new: Running, baseline: Running) -> None:
        """Start comparing the candidate `new` with `baseline`. Only `probe` sends requests."""
        self._balancer, self._limits = environment.balancer, environment.settings.limits
        self._new, self._baseline = new, baseline
        self._before = self._balancer.counted()
        self.probes = self._failed = self._base_failed = self._slow = self._in_a_row = 0

    def probe(self) -> None:
        """Send one request to each. Raises Refused if only the candidate failed several times in a row."""
        status, took = _probed(self._new)
        base_status, base_took = _probed(self._baseline)
        self.probes += 1
        self._failed += status != 302
        self._base_failed += base_status != 302
        self._slow += took > base_took * self._limits.slower + self._limits.slack
        self._in_a_row = self._in_a_row + 1 if status != 302 and base_status == 302 else 0
        if self._in_a_row == FAILURES:
            raise Refused(f"the last {FAILURES} visits to the new release failed ({status or 'no answer'})")

    def counts(self) -> Compared:
        """Return the counts of visitors' requests and of this tool's probes so far."""
        counted = self._balancer.counted()
        own, base = (
            [
                getattr(counted[role], name) - getattr(self._before[role], name)
                for name in ("requests", "failed")
            ]
            for role in ("candidate", "baseline")
        )
        # Compare visitors' requests only while the baseline gets some; always compare probes.
        if base[0] == 0:
            own = [0, 0]
        return Compared(
            own[0] + self.probes,
            own[1] + self._failed,
            base[0] + self.probes,
            base[1] + self._base_failed,
            self._slow,
            self.probes - self._slow,
        )


def _probed(release: Running) -> tuple[int, float]:
    """Return the status of the response, and its duration in seconds."""
    began = time.monotonic()
    status, _, _ = servers.ask(release.port, "HEAD", f"/{VISITED}", timeout=2)
    return status, time.monotonic() - began
