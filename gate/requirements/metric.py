"""The requirement `metric`: Prometheus returns values within the policy's limits."""

from __future__ import annotations

from math import isnan

from gate.model import NOT_ASKED, Outcome
from gate.policy.types import Metric
from gate.requirements.facts import Facts, Reading

ID = "metric"


def evaluate(facts: Facts) -> Outcome:
    """Met if each query returns values and all are within the limits. Missing data is undecided."""
    metrics = facts.protection.require.metric
    if not metrics or facts.release is None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if facts.release.returning:
        return Outcome(ID, "met", f"it was in {facts.branch} before, and rolling back is always allowed")
    beyond, unknown = [], []
    for metric in metrics:
        reading = facts.release.readings.get(metric.query, Reading(trouble="not queried"))
        if reading.trouble:
            unknown.append(reading.trouble)
        elif not reading.values:
            unknown.append(f"Prometheus has no data for `{metric.query}`")
        elif any(map(isnan, reading.values)):
            unknown.append(f"`{metric.query}` is NaN")
        else:
            beyond += [_excess(metric, value) for value in reading.values if not _within(metric, value)][:1]
    if beyond:
        return Outcome(ID, "unmet", "; ".join(beyond), advice=("fix the cause before you release again",))
    if unknown:
        advice = (
            f"check that {facts.policy.prometheus or 'Prometheus'} is up and collects what the query reads",
        )
        return Outcome(ID, "undecided", "; ".join(dict.fromkeys(unknown)), advice=advice)
    return Outcome(ID, "met", f"{len(metrics)} within limits")


def _within(metric: Metric, value: float) -> bool:
    return (metric.below is None or value < metric.below) and (metric.above is None or value > metric.above)


def _excess(metric: Metric, value: float) -> str:
    limits = [f"below {metric.below:g}"] if metric.below is not None else []
    limits += [f"above {metric.above:g}"] if metric.above is not None else []
    return f"`{metric.query}` is {value:g}, expected {' and '.join(limits)}"
