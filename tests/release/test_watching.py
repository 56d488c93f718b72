"""When a release that is watched is taken back, and when it is not."""

from __future__ import annotations

import pytest
from release.settings import Limits
from release.watch import Seen, reason_to_go_back

WELL = Seen(requests=1000, failed=0, seconds=0.010, ready=True)


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        pytest.param(WELL, WELL, "", id="both well"),
        pytest.param(Seen(0, 0, 0.0, True), WELL, "", id="no visitor yet"),
        pytest.param(Seen(40, 2, 0.01, True), WELL, "", id="too few failures say nothing"),
        pytest.param(Seen(40, 3, 0.01, True), WELL, "3 of 40 requests", id="failures"),
        pytest.param(Seen(3, 3, 0.01, True), WELL, "3 of 3 requests", id="nothing but failures"),
        pytest.param(
            Seen(100, 20, 0.01, True), Seen(1000, 200, 0.01, True), "", id="the old one fails as often"
        ),
        pytest.param(Seen(1000, 9, 0.01, True), WELL, "", id="within what is allowed"),
        pytest.param(Seen(100, 0, 0.071, True), WELL, "takes 71 ms", id="slow"),
        pytest.param(Seen(100, 0, 0.069, True), WELL, "", id="not much slower"),
        pytest.param(Seen(19, 0, 5.0, True), WELL, "", id="too few requests say nothing about speed"),
        pytest.param(Seen(100, 0, 5.0, True), Seen(0, 0, 0.0, True), "", id="nothing to compare with"),
        pytest.param(Seen(0, 0, 0.0, False), WELL, "not ready", id="not ready"),
    ],
)
def test_reason_to_go_back(new: Seen, old: Seen, reason: str) -> None:
    found = reason_to_go_back(new, old, Limits())
    assert reason in found
    assert bool(found) == bool(reason)
