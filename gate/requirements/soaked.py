"""The requirement `soaked`: the release ran in another environment long enough, and was healthy there."""

from __future__ import annotations

from math import isnan

from gate.model import NOT_ASKED, Outcome
from gate.policy.types import SoakRequired
from gate.requirements.facts import Facts, Release

ID = "soaked"


def evaluate(facts: Facts) -> Outcome:
    """Met if it ran without interruption for the whole time, wasn't rolled back, and is healthy."""
    rule, release = facts.protection.require.soaked, facts.release
    if rule is None or release is None:
        return Outcome(ID, "not_applicable", NOT_ASKED)
    if release.returning:
        return Outcome(ID, "met", f"it was in {facts.branch} before")
    deployments = [deployment for deployment in release.deployments if deployment.commit == facts.change.head]
    if not deployments:
        commit = facts.change.head[:12]
        way = f"run `gate promote {commit} --into {rule.place}` and wait for {span(rule.seconds)}"
        return Outcome(ID, "unmet", f"it has never been in {rule.place}", advice=(way,))
    if deployments[-1].returned:
        way = f"find out what was wrong there; then it can go into {rule.place} again"
        return Outcome(ID, "unmet", f"it was rolled back in {rule.place}", advice=(way,))
    if deployments[-1].since > release.now:
        duration = f"it was released into {rule.place} in the future, by the clock of the person who signed the release"
        return Outcome(
            ID, "unmet", duration, advice=("correct the clocks; the soak time starts at that moment",)
        )
    longest = max(
        (deployment.until or release.now) - deployment.since
        for deployment in deployments
        if not deployment.returned
    )
    if longest < rule.seconds:
        duration = f"it has been in {rule.place} for {span(longest)} of {span(rule.seconds)}"
        way = f"try again in {span(rule.seconds - longest)}"
        if deployments[-1].until is not None:
            way = f"it is no longer there: promote it to {rule.place} again"
        return Outcome(ID, "unmet", duration, advice=(way,))
    return _health(rule, release, f"it was in {rule.place} for {span(longest)}")


def span(seconds: float) -> str:
    """Format a duration in one unit, rounded down: `90 s`, `12 min`, `5 h`, `3 d`."""
    for unit, length, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if seconds < length * most:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds // 86400:.0f} d"


def _health(rule: SoakRequired, release: Release, duration: str) -> Outcome:
    if not rule.healthy:
        return Outcome(ID, "met", duration)
    reading = release.readings.get(rule.healthy)
    if reading is None or reading.trouble or not reading.values:
        why = (
            reading.trouble if reading and reading.trouble else f"Prometheus has no data for `{rule.healthy}`"
        )
        return Outcome(ID, "undecided", f"its health there is unknown: {why}")
    if any(map(isnan, reading.values)):
        return Outcome(ID, "undecided", f"its health there is unknown: `{rule.healthy}` is NaN")
    if 0 in reading.values:
        return Outcome(ID, "unmet", f"it is not healthy there: `{rule.healthy}` is 0")
    return Outcome(ID, "met", f"{duration}, healthy")
