"""How much downtime there was: what incidents add up to, which promise it is compared with, and what measures it."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import permutations

import pytest

from gate.app.releases.downtime import incidents, union, within
from gate.errors import InvalidInput
from gate.policy.promise import read_promises

NOW = int(datetime.fromisoformat("2026-11-27T12:00:00+00:00").timestamp())
YEAR = 365 * 86400


def downtime(*lines: object, environment: str = "production") -> float:
    data = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    return union(
        NOW, YEAR, incidents(data.encode(), "log.jsonl", environment, NOW, ("staging", "production"))
    )


def at(ago: float, seconds: float, **more: str) -> dict[str, object]:
    return {"at": NOW - ago, "downtime": seconds, **more}


@pytest.mark.parametrize(
    ("ago", "counts"),
    [(-9000, 2700), (0, 2700), (YEAR - 100, 2700), (YEAR, 2700), (YEAR + 1200, 1500), (YEAR + 2700, 0)],
)
def test_what_reaches_into_the_window_counts_from_its_start(ago: int, counts: int) -> None:
    for now in ("2024-02-29T00:00:00+00:00", "2025-01-01T00:00:00+00:00", "2026-11-27T12:00:00+00:00"):
        seconds = int(datetime.fromisoformat(now).timestamp())
        assert within(seconds, YEAR, seconds - ago, 2700) == counts


@pytest.mark.parametrize(
    ("spans", "total"),
    [
        ([(1000, 100), (800, 100)], 200),
        ([(1000, 100), (950, 100)], 150),
        ([(1000, 300), (950, 100)], 300),
        ([(1000, 100), (1000, 300)], 300),
        ([(1000, 100), (900, 100)], 200),
        ([(YEAR + 50, 100), (YEAR + 20, 100)], 80),
        ([(2e9, 1.5e9), (100, 10)], 10),
    ],
)
def test_what_overlaps_counts_once_in_any_order(spans: list[tuple[float, float]], total: float) -> None:
    for order in permutations(at(*span) for span in spans):
        assert downtime(*order) == pytest.approx(total)


def test_an_incident_of_another_environment_is_not_counted() -> None:
    lines = (at(900, 60, environment="staging"), at(900, 60, environment="production"), at(500, 5))
    assert (downtime(*lines), downtime(*lines, environment="staging")) == (65, 65)


def test_the_same_moment_in_two_time_zones_is_the_same_moment() -> None:
    lines = [
        '{"at": "2026-03-02T10:00:00Z", "downtime": 60}',
        '{"at": "2026-03-02T11:00:30+01:00", "downtime": 60}',
    ]
    assert downtime(*lines) == 90
    with pytest.raises(InvalidInput, match="each incident once"):
        downtime(lines[0], lines[1].replace(":30+", ":00+"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (at(-60, 1), "in the future"),
        ('{"at": 1, "downtime": 9, "downtime": 0}', "duplicate field"),
        ({"at": 1, "downtime": 9, "downtme": 0}, "unknown field 'downtme'"),
        ('{"at": "2026-03-02T10:00:00", "downtime": 1}', "no time zone"),
        ({"at": 1, "downtime": -1}, "downtime is negative"),
        ({"at": 1, "downtime": 1, "environment": ["production"]}, "not a string"),
        (at(60, 1, environment="prodution"), "unknown environment 'prodution'; expected one of staging"),
    ],
)
def test_a_mistake_in_the_incident_log_is_explained(line: object, reason: str) -> None:
    with pytest.raises(InvalidInput, match=f"log.jsonl:2:1: .*{reason}"):
        downtime(at(10, 1), line)


def test_a_byte_order_mark_in_the_incident_log_is_ignored() -> None:
    assert downtime("\ufeff" + json.dumps(at(900, 60)), at(500, 5)) == 65


def slo(fields: str, head: str = "version: 1\n") -> bytes:
    return f"{head}environments:\n  production: {{{fields}}}\n".encode()


def test_the_promise_is_read_with_its_window_and_maintenance() -> None:
    window = "{from: 1970-01-01T01:00:10+01:00, to: 1970-01-01T00:00:20Z, reason: disk}"
    fields = f"downtime: 90s, window: 30d, gaps: up, maintenance: [{window}]"
    promise = read_promises(slo(fields), "slo.yaml")["production"]
    assert (promise.downtime, promise.window, promise.gaps) == (90, 30 * 86400, "up")
    assert promise.maintenance == ((10, 20),)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "got an empty file"),
        (b"[1, 2]\n", "slo.yaml:1:1: expected a mapping"),
        (slo("downtime: 20m", "version: 2\n"), "expected `version: 1`"),
        (slo("downtime: 20m", ""), "expected `version: 1`"),
        (slo("downtme: 20m"), "slo.yaml:3:16: environments.production.downtme: unknown key; did you mean `downtime`"),
        (slo("window: 365d"), "expected `downtime`"),
        (slo("downtime: 20 minutes"), "expected a time such as"),
        (slo("downtime: 20m, downtime: 600m"), "given twice"),
        (slo("downtime: 20m, window: banana"), "window: expected a time"),
        (slo("downtime: 2d, window: 1d"), "expected at most the window"),
        (slo("downtime: 20m, gaps: maybe"), "gaps: expected"),
        (slo("downtime: 20m, maintenance: [{from: 2026-01-01T00:00:00, to: 2026-01-02T00:00:00Z, reason: x}]"),
         "expected a time zone"),
        (slo("downtime: 20m, maintenance: [{from: 2026-01-02T00:00:00Z, to: 2026-01-01T00:00:00Z, reason: x}]"),
         "later than `from`"),
        (slo("downtime: 20m, maintenance: [{from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z}]"), "`reason`"),
        (slo("downtime: 20m, maintenance: [{from: 2026-01-01T00:00:00Z, to: 2026-01-02T00:00:00Z, reason: ''}]"),
         "`reason`"),
        (slo("downtime: 20m, maintenance: [{from: 2026-01-01T00:00:00Z, to: 2026-01-03T00:00:00Z, reason: x},"
             " {from: 2026-01-02T00:00:00Z, to: 2026-01-04T00:00:00Z, reason: y}]"), "do not overlap"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_promise_has_its_line(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read_promises(data, "slo.yaml")
    assert reason in str(error.value)
