"""Compare the candidate with its baseline: probes of both, and haproxy's counters for both over the same time."""

from __future__ import annotations

import time

from machine.client import ask
from machine.environments import VISITED, Environment, Running, State
from machine.problems import Overtaken, Refused
from release.canary import Compared, decide

LOOK = 0.1
"""Seconds between two probes of a release that is being watched."""
LONGER = 3
"""How many times the planned period an inconclusive comparison may take."""
FAILURES = 3
"""After this many failed probes in a row, without failures of the baseline, the release is rolled back."""


def compare(environment: Environment, state: State, process: int | None) -> None:
    """Compare the candidate with its baseline for a while. Raises Refused with the reason to roll back.

    `process` is the candidate's process: it may crash and be restarted so quickly that hardly any request fails.
    """
    new, baseline, seconds = state.candidate, state.baseline, environment.target.watch
    if new is None or baseline is None:
        return
    limits, server = environment.settings.limits, environment.server(new.slot)
    # Visitors' requests can be compared only where the baseline gets as many.
    visited = environment.servers(state)["baseline"][1] > 0
    before, began, seen, in_a_row = environment.balancer.counted(), time.monotonic(), Compared(), 0
    while True:
        time.sleep(LOOK)
        if environment.records.state() != state:
            raise Overtaken(f"{new.short} was rolled back by somebody else meanwhile")
        (status, took), (base_status, base_took) = _probed(new), _probed(baseline)
        failed, base_failed = status != 302, base_status != 302
        slow = took > base_took * limits.slower + limits.slack
        in_a_row = in_a_row + 1 if failed and not base_failed else 0
        if in_a_row == FAILURES:
            raise Refused(f"the last {FAILURES} visits to the new release failed ({status or 'no answer'})")
        if server.pid != process:
            raise Refused(f"the new release ended, and was started again (see {server.log})")
        seen += Compared(1, failed, 1, base_failed, slow, not slow)
        now = environment.balancer.counted()
        if visited:
            visits = [now[role].since(before[role]) for role in ("candidate", "baseline")]
            seen += Compared(*visits[0], *visits[1])
        before = now
        decision, answer = decide(seen, limits)
        over = time.monotonic() - began
        if decision == "fail":
            raise Refused(answer)
        if decision == "pass" and over >= seconds:
            return
        if over >= max(seconds, limits.least_visits * LOOK * 2) * LONGER:
            raise Refused(f"still inconclusive after {over:.0f} s: {answer}")


def _probed(release: Running) -> tuple[int, float]:
    """Return the status of the response, and its duration in seconds."""
    began = time.monotonic()
    status, _, _ = ask(release.port, "HEAD", f"/{VISITED}", timeout=2)
    return status, time.monotonic() - began
