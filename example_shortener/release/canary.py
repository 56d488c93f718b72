"""Decides whether the new release does worse than its baseline. Pure statistics: counts in, decision out.

The baseline is the live release, started anew, with the same share of the requests at the same time. Under the
hypothesis that both are alike, each failure is the new release's with the probability of its share of the requests.
The evidence against that is a likelihood ratio, averaged over everything that would be worse. It is a martingale: by
Ville's inequality it exceeds 1/a in a share of at most a of all harmless releases, *however often one looks* (Ville
1939; Waudby-Smith and Ramdas 2024). So the watch may look ten times a second, and does not flap.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log
from typing import Literal

from release.settings import Limits

Decision = Literal["pass", "fail", "inconclusive"]
GRID = 64
SUSPICIOUS = 10.0
"""With this much evidence against it, the comparison is inconclusive: more requests are needed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What the new release and its baseline did in the same period.

    Requests are as haproxy counts them, and the watch's own visits, which are as many to both. `slow` and `fast` are
    pairs of visits in which the new release was, or was not, slower than the limits allow.
    """

    requests: int = 0
    failed: int = 0
    base_requests: int = 0
    base_failed: int = 0
    slow: int = 0
    fast: int = 0


def evidence(hits: int, misses: int, chance: float) -> float:
    """How much more likely so many hits are if their chance is larger than `chance`, on average over how much."""
    if hits == 0 or not 0 < chance < 1:
        return 0.0 if hits == 0 else inf
    total = 0.0
    for step in range(GRID):
        p = chance + (1 - chance) * (step + 0.5) / GRID
        total += exp(min(700.0, hits * log(p / chance) + misses * log((1 - p) / (1 - chance))))
    return total / GRID


def decide(seen: Compared, limits: Limits) -> tuple[Decision, str]:
    """The decision so far, and a sentence with the reason."""
    both = seen.requests + seen.base_requests
    failing = evidence(seen.failed, seen.base_failed, seen.requests / both if both else 0.5)
    slowing = evidence(seen.slow, seen.fast, 0.5)
    # The two comparisons share the allowed rate of false alarms.
    enough = 2 / limits.false_alarms
    what = (
        f"{seen.failed} of {seen.requests} requests to the new release failed,"
        f" and {seen.base_failed} of {seen.base_requests} to its baseline"
    )
    if failing >= enough:
        return "fail", what
    slower = f"{seen.slow} of {seen.slow + seen.fast} visits were slower than {limits.slower:g} times the baseline's"
    if slowing >= enough:
        return "fail", slower
    if seen.requests < limits.least_visits or seen.base_requests < limits.least_visits:
        return "inconclusive", f"too few requests: {seen.requests}, and {seen.base_requests} to the baseline"
    if max(failing, slowing) >= SUSPICIOUS:
        return "inconclusive", what if failing >= SUSPICIOUS else slower
    return "pass", what
