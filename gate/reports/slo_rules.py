"""Convert the promises of an SLO file to Prometheus rules: recording rules for the measured downtime, and alerts.

Downtime is integrated from measurements every `EVERY` seconds: the larger of the share of failed requests, as counted
by haproxy, and the share of failed probes. Time without measurements counts as the promise says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gate.policy.promise import Promise

EVERY = 5
"""Seconds between two measurements; each counts for this long."""
# Window, short window, share of the budget used up in the window, and severity.
ALERTS = (
    ("5m", "1m", 0.02, "page"),
    ("1h", "5m", 0.02, "page"),
    ("6h", "30m", 0.05, "ticket"),
    ("3d", "6h", 0.1, "ticket"),
)
SECONDS = {"5m": 300, "1h": 3600, "6h": 21600, "3d": 259200}


def slo_rules(promises: Mapping[str, Promise], since: float) -> dict[str, Any]:
    """Return the rules for Prometheus. `since` is when measuring began, in seconds since the epoch."""
    return {
        "groups": [
            {
                "name": f"slo-{name}",
                "interval": f"{EVERY}s",
                "rules": [*_records(name, promise, since), *_alerts(name, promise)],
            }
            for name, promise in promises.items()
        ]
    }


def _records(name: str, promise: Promise, since: float) -> list[dict[str, Any]]:
    window, label, labels = f"{promise.window:.0f}s", _label(name), {"environment": name}
    responses = f'haproxy_frontend_http_responses_total{{{label}, proxy="public"'
    requests = f'sum(rate({responses}, code="5xx"}}[10s])) / (sum(rate({responses}}}[10s])) > 0)'
    probes = f"1 - min(avg_over_time(probe_success{{{label}}}[{EVERY}s]))"
    sources = {"requests": requests, "probe": probes}
    labeled = [f'label_replace({expr}, "sli", "{sli}", "", "")' for sli, expr in sources.items()]
    bad = f"max({' or '.join(labeled)})"
    closed = " or ".join(f"(vector(time()) >= {a:.0f} < {b:.0f})" for a, b in promise.maintenance)
    elapsed = f"clamp_max(vector(time() - {since:.0f}), {promise.window:.0f})"
    for a, b in ((max(a, since), b) for a, b in promise.maintenance if b > since):
        # The part of it that has started and is still in the window.
        elapsed += f" - clamp(vector(time() - {a:.0f}), 0, {b - a:.0f})"
        elapsed += f" + clamp(vector(time() - {a + promise.window:.0f}), 0, {b - a:.0f})"
    measured = f"(count_over_time(slo:bad:ratio{{{label}}}[{window}]) * {EVERY})"
    down = f"sum(sum_over_time(slo:bad:ratio{{{label}}}[{window}])) * {EVERY}"
    if promise.gaps == "down":
        # Less than two measurements isn't a gap: the rules themselves aren't evaluated on the second.
        gaps = f"slo:gap:seconds{{{label}}}"
        down = f"({down} or vector(0)) + sum({gaps} > {2 * EVERY} or {gaps} * 0)"
    series = {
        "slo:bad:ratio": bad + (f" unless on() ({closed})" if closed else ""),
        "slo:gap:seconds": f"clamp_min(max({elapsed}) - max({measured} or vector(0)), 0)",
        "slo:downtime:seconds": down,
        "slo:budget:seconds": f"vector({promise.downtime:.0f})",
    }
    return [{"record": record, "labels": labels, "expr": expr} for record, expr in series.items()]


def _alerts(name: str, promise: Promise) -> list[dict[str, Any]]:
    label, alerts = _label(name), []
    for length, short, share, severity in ALERTS:
        most = share * promise.downtime / SECONDS[length]
        ratios = [f"avg_over_time(slo:bad:ratio{{{label}}}[{span}])" for span in (length, short)]
        summary = f"{name}: in {length}, {share:.0%} of the downtime budget was used up or more"
        todo = "If a release has just gone out, roll it back"
        burns = " and ".join(f"{ratio} > {most:.6g}" for ratio in ratios)
        alerts.append(_alert(f"BudgetBurns{length}", burns, name, severity, summary, todo))
    low = f"slo:downtime:seconds{{{label}}} > {0.75 * promise.downtime:.0f}"
    used = f"{name}: {{{{ $value }}}} of {promise.downtime:.0f} s of downtime are used"
    todo = "Release less, and smaller; see the reports of the incidents"
    return [*alerts, _alert("BudgetRunsLow", low, name, "ticket", used, todo)]


def _label(name: str) -> str:
    return f"environment={json.dumps(name, ensure_ascii=False)}"


def _alert(alert: str, expr: str, name: str, severity: str, summary: str, todo: str) -> dict[str, Any]:
    labels = {"environment": name, "severity": severity}
    return {"alert": alert, "expr": expr, "labels": labels, "annotations": {"summary": summary, "todo": todo}}
