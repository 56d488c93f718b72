"""Decide whether the new release does worse than its baseline. Pure statistics: counts in, decision out.

The baseline is the live release, restarted, with the same share of the requests at the same time. Under the null
hypothesis that both behave alike, a failure belongs to the new release with the probability of its share of requests.
The evidence against that is a likelihood ratio, averaged over everything that would be worse. It is a martingale: by
Ville's inequality it exceeds 1/a for at most a share of a of all harmless releases, *however often it is checked*
(Ville 1939; Waudby-Smith and Ramdas 2024). So the watch can check ten times a second without flapping.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import exp, inf, log
from operator import add
from typing import Literal

from machine.settings import Limits

Decision = Literal["pass", "fail", "inconclusive"]
GRID = 64
SUSPICIOUS = 10.0
"""With this much evidence against the release, the comparison is inconclusive: more requests are needed."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What the new release and its baseline did in the same period.

    Requests are those counted by haproxy, plus the watch's own visits, of which both get the same number. `slow` and
    `fast` count pairs of visits in which the new release was, or was not, slower than the limits allow.
    """

    requests: int = 0
    failed: int = 0
    base_requests: int = 0
    base_failed: int = 0
    slow: int = 0
    fast: int = 0

    def __add__(self, more: Compared) -> Compared:
        """Return the sum of each count."""
        return Compared(*map(add, astuple(self), astuple(more)))


def evidence(hits: int, misses: int, chance: float) -> float:
    """Return the likelihood ratio of this many hits for chances above `chance`, averaged, versus `chance` itself."""
    if hits == 0 or not 0 < chance < 1:
        return 0.0 if hits == 0 else inf
    total = 0.0
    for step in range(GRID):
        p = chance + (1 - chance) * (step + 0.5) / GRID
        total += exp(min(700.0, hits * log(p / chance) + misses * log((1 - p) / (1 - chance))))
    return total / GRID


def decide(seen: Compared, limits: Limits) -> tuple[Decision, str]:
    """Return the decision so far, and the reason as a sentence."""
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
