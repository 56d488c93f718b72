"""`python -m benchmark.canary [RELEASES]`: simulate releases, and count false alarms and missed faults.

Each release is watched for twenty seconds beside its baseline and checked ten times a second, as in `release.deploy`.
It is also evaluated like in Kayenta: a Mann-Whitney U test over the failure ratios of ten intervals, at 98 % confidence
with an effect size of 1, once at the end. A release that fails for both is as harmless as one that fails for none.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from math import erf, exp, sqrt

from machine.settings import Limits
from release.canary import Compared, decide

LOOKS, INTERVALS = 200, 10
TRAFFIC = (0, 2, 50)
"""Visitors' requests per second to the new release, in addition to the watch's ten visits."""
FAULTS = (0.0, 0.02, 0.1, 0.5, 1.0)
"""The additional share of requests that fail in the new release, beyond the `BASE` that fail in both."""
BASE = (0.0, 0.005, 0.05)


def poisson(chance: random.Random, mean: float) -> int:
    """Return a random number of events that occur `mean` times on average."""
    if mean > 30:
        return max(0, round(chance.gauss(mean, sqrt(mean))))
    limit, count, product = exp(-mean), 0, chance.random()
    while product > limit:
        count, product = count + 1, product * chance.random()
    return count


def simulate(chance: random.Random, rate: float, base: float, fault: float) -> tuple[str, str]:
    """Return the decisions of the watch and of Kayenta's test on one release."""
    counts, intervals, decision = [0, 0, 0, 0], [], "inconclusive"
    last = [0, 0, 0, 0]
    for look in range(1, LOOKS + 1):
        for side, failing in ((0, min(1.0, base + fault)), (2, base)):
            requests = 1 + poisson(chance, rate / 10)
            counts[side] += requests
            counts[side + 1] += sum(chance.random() < failing for _ in range(requests))
        if decision != "fail":
            decision = decide(Compared(*counts), Limits())[0]
        if look % (LOOKS // INTERVALS) == 0:
            delta = [now - before for now, before in zip(counts, last, strict=True)]
            intervals.append((delta[1] / delta[0], delta[3] / delta[2]))
            last = list(counts)
    return decision, "fail" if mann_whitney(intervals) else "pass"


def mann_whitney(pairs: list[tuple[float, float]]) -> bool:
    """Return whether the first of each pair is larger, by Kayenta's test (normal approximation, ties)."""
    new, base = [one for one, _ in pairs], [other for _, other in pairs]
    count, ties = len(new), Counter(new + base)
    u = sum((one > other) + 0.5 * (one == other) for one in new for other in base)
    total = 2 * count
    spread = count * count / 12 * (total + 1 - sum(n**3 - n for n in ties.values()) / (total * (total - 1)))
    if spread <= 0:
        return False
    p = 1 - erf((abs(u - count * count / 2) - 0.5) / sqrt(2 * spread))
    return u > count * count / 2 and p < 0.02


def main() -> None:
    """Print a table."""
    releases = int(sys.argv[1]) if len(sys.argv) > 1 else 10_800
    cells = [(rate, base, fault) for rate in TRAFFIC for base in BASE for fault in FAULTS]
    each, chance = max(1, releases // len(cells)), random.Random(20)  # noqa: S311  a simulation
    print(f"{each * len(cells)} releases, {each} of each kind")
    print("requests/s  fail anyway  fault   watch: rolled back  inconclusive   Mann-Whitney: rolled back")
    for rate, base, fault in cells:
        answers = [simulate(chance, rate, base, fault) for _ in range(each)]
        watch, other = (Counter(column) for column in zip(*answers, strict=True))
        shares = [count / each for count in (watch["fail"], watch["inconclusive"], other["fail"])]
        print(
            f"{rate + 10:>10}  {base:>11.1%}  {fault:>5.0%}   {shares[0]:>18.1%}"
            f"  {shares[1]:>12.1%}  {shares[2]:>26.1%}"
        )


if __name__ == "__main__":
    main()
