"""The promise of `slo.yaml`, and what Prometheus makes of it: downtime, budget and alerts.

Downtime is integrated from what is measured each `EVERY` seconds: the larger of the share of failed requests, as
haproxy counts them, and the share of failed probes. Time without measurements counts as the policy says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from release.problems import WrongUsage

EVERY = 5
"""Seconds between two measurements; each stands for so long."""
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
# Window, short window, the share of the budget that is used up in the window, and whom that wakes.
ALERTS = (
    ("5m", "1m", 0.02, "page"),
    ("1h", "5m", 0.02, "page"),
    ("6h", "30m", 0.05, "ticket"),
    ("3d", "6h", 0.1, "ticket"),
)


@dataclass(frozen=True, slots=True)
class Promise:
    """At most so many seconds of `downtime` in any `window`. `maintenance` are windows of time, as seconds."""

    environment: str
    downtime: float
    window: float
    gaps: str
    maintenance: tuple[tuple[float, float], ...]


def load(path: Path) -> dict[str, Promise]:
    """The promises by environment; raises WrongUsage with what is wrong."""
    import yaml

    try:
        table = yaml.safe_load(path.read_text("utf-8"))
        if table.keys() != {"version", "environments"} or table["version"] != 1:
            raise ValueError("expected `version: 1` and `environments`")
        return {name: _promise(name, fields) for name, fields in table["environments"].items()}
    except (OSError, yaml.YAMLError, ValueError, AttributeError, KeyError, TypeError) as error:
        raise WrongUsage(f"{path}: {error}") from error


def _promise(name: str, fields: Mapping[str, Any]) -> Promise:
    keys = {"downtime", "window", "gaps", "maintenance"}
    if not fields.keys() <= keys:
        raise ValueError(
            f"{name}: unknown {', '.join(fields.keys() - keys)}; expected {', '.join(sorted(keys))}"
        )
    gaps, maintenance = fields.get("gaps", "down"), list[tuple[float, float]]()
    if gaps not in {"down", "up"}:
        raise ValueError(f"{name}.gaps: expected down or up, got {gaps!r}")
    for window in fields.get("maintenance", []):
        start, end = (_moment(f"{name}.maintenance", window[key]) for key in ("from", "to"))
        if window.keys() != {"from", "to", "reason"} or end <= start:
            raise ValueError(f"{name}.maintenance: expected from, a later to, and reason")
        if maintenance and start < maintenance[-1][1]:
            raise ValueError(f"{name}.maintenance: expected windows in order that do not overlap")
        maintenance.append((start, end))
    return Promise(
        name, seconds(fields["downtime"]), seconds(fields.get("window", "365d")), gaps, tuple(maintenance)
    )


def _moment(place: str, value: object) -> float:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{place}: {value} has no time zone")
    return moment.timestamp()


def seconds(text: object) -> float:
    """`20m`, `365d`, … in seconds; raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", str(text))
    if match is None:
        raise ValueError(f"expected a length of time such as 20m or 365d, got {text!r}")
    return float(match[1]) * UNITS[match[2]]


def rules(promises: Mapping[str, Promise], since: float) -> dict[str, Any]:
    """The rules for Prometheus; `since` is when the measuring began, in seconds since 1970."""
    return {
        "groups": [
            {"name": f"slo-{name}", "interval": f"{EVERY}s", "rules": _rules(promise, since)}
            for name, promise in promises.items()
        ]
    }


def _rules(promise: Promise, since: float) -> list[dict[str, Any]]:
    name, window = promise.environment, f"{promise.window:.0f}s"
    label, labels = f'environment="{name}"', {"environment": name}
    responses = f'haproxy_frontend_http_responses_total{{{label}, proxy="public"'
    requests = f'sum(rate({responses}, code="5xx"}}[10s])) / (sum(rate({responses}}}[10s])) > 0)'
    probes = f"1 - min(avg_over_time(probe_success{{{label}}}[{EVERY}s]))"
    sources = {"requests": requests, "probe": probes}
    labeled = [f'label_replace({expr}, "sli", "{sli}", "", "")' for sli, expr in sources.items()]
    bad = f"max({' or '.join(labeled)})"
    closed = " or ".join(f"(vector(time()) >= {a:.0f} < {b:.0f})" for a, b in promise.maintenance)
    elapsed = f"clamp_max(vector(time() - {since:.0f}), {promise.window:.0f})"
    for a, b in ((max(a, since), b) for a, b in promise.maintenance if b > since):
        elapsed += f" - clamp(vector(time() - {a:.0f}), 0, {b - a:.0f})"
    measured = f"(count_over_time(slo:bad:ratio{{{label}}}[{window}]) * {EVERY})"
    gap = f"clamp_min(max({elapsed}) - max({measured} or vector(0)), 0)"
    made: list[dict[str, Any]] = [
        {
            "record": "slo:bad:ratio",
            "labels": labels,
            "expr": bad + (f" unless on() ({closed})" if closed else ""),
        },
        {"record": "slo:gap:seconds", "labels": labels, "expr": gap},
    ]
    down = f"sum(sum_over_time(slo:bad:ratio{{{label}}}[{window}])) * {EVERY}"
    if promise.gaps == "down":
        # Less than two measurements is no gap: the rules themselves are not evaluated to the second.
        gaps = f"slo:gap:seconds{{{label}}}"
        down = f"({down} or vector(0)) + sum({gaps} > {2 * EVERY} or {gaps} * 0)"
    made += [
        {"record": "slo:downtime:seconds", "labels": labels, "expr": down},
        {"record": "slo:budget:seconds", "labels": labels, "expr": f"vector({promise.downtime:.0f})"},
    ]
    for length, short, share, severity in ALERTS:
        most = share * promise.downtime / seconds(length)
        ratios = [f"avg_over_time(slo:bad:ratio{{{label}}}[{span}])" for span in (length, short)]
        made.append(
            {
                "alert": f"BudgetBurns{length}",
                "expr": " and ".join(f"{ratio} > {most:.6g}" for ratio in ratios),
                "labels": {**labels, "severity": severity},
                "annotations": {
                    "summary": f"{name}: in {length}, {share:.0%} of the downtime budget was used up or more",
                    "todo": "If a release has just gone out, roll it back: python -m release rollback",
                },
            }
        )
    made.append(
        {
            "alert": "BudgetRunsLow",
            "expr": f"slo:downtime:seconds{{{label}}} > {0.75 * promise.downtime:.0f}",
            "labels": {**labels, "severity": "ticket"},
            "annotations": {
                "summary": f"{name}: {{{{ $value }}}} of {promise.downtime:.0f} s of downtime are used",
                "todo": "Release less, and smaller; see the reports of the incidents.",
            },
        }
    )
    return made
