"""The decision of the canary, over counts."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from machine.balancer import Counted
from machine.settings import Limits
from release.canary import Compared, decide, evidence

LIMITS = Limits()


@pytest.mark.parametrize(
    ("seen", "decision"),
    [
        (Compared(), "inconclusive"),
        (Compared(19, 0, 19, 0), "inconclusive"),
        (Compared(20, 0, 20, 0, 0, 20), "pass"),
        (Compared(10_000, 20, 10_000, 20, 10, 10), "pass"),
        (Compared(40, 20, 40, 0), "fail"),
        (Compared(40, 7, 40, 0), "inconclusive"),
        # As bad as the live release is not worse than it.
        (Compared(1000, 200, 1000, 200), "pass"),
        (Compared(20, 0, 20, 0, 20, 0), "fail"),
        # With a twentieth of the requests, a twentieth of the failures says nothing.
        (Compared(500, 10, 9500, 190), "pass"),
        (Compared(500, 60, 9500, 190), "fail"),
    ],
)
def test_what_is_decided(seen: Compared, decision: str) -> None:
    assert decide(seen, LIMITS)[0] == decision


def test_a_restarted_haproxy_counts_from_zero() -> None:
    assert Counted(120, 3).since(Counted(100, 2)) == (20, 1)
    assert Counted(20, 1).since(Counted(100, 2)) == (20, 1)
    assert Counted(20, 0).since(Counted(10, 2)) == (20, 0)
    assert Compared(1, 2, 3, 4, 5, 6) + Compared(1, 1, 1, 1, 1, 1) == Compared(2, 3, 4, 5, 6, 7)


def test_evidence_starts_at_nothing_and_grows_with_every_failure() -> None:
    values = [evidence(hits, 3, 0.5) for hits in range(30)]
    assert values[0] == 0
    assert all(one < other for one, other in pairwise(values))
    assert evidence(10**6, 0, 0.01) > 10**6, "and does not overflow"


def test_looking_all_the_time_does_not_raise_false_alarms() -> None:
    """Three hundred harmless releases, each looked at after every request: at most a few are rolled back."""
    chance = random.Random(7)  # noqa: S311  a simulation
    alarms = 0
    for _ in range(300):
        counts = [0, 0, 0, 0]
        for _ in range(60):
            for side in (0, 2):
                counts[side] += 10
                counts[side + 1] += sum(chance.random() < 0.02 for _ in range(10))
            if decide(Compared(*counts), LIMITS)[0] == "fail":
                alarms += 1
                break
    assert alarms <= 2
