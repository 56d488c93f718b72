"""Handle incidents: measure what failed, for how long, and for how many requests, and notify people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isnan, nan
from pathlib import Path
from typing import Any

from release.configuration import HERE, render
from release.environments import Environment, Running, State
from release.machine import current_user
from release.monitoring import alert, query, total
from release.problems import CannotGo, anyway

Say = Callable[[str], None]
EVERY = 5
"""Seconds between two measurements of the downtime."""
LOOK_BACK = 6 * 3600.0
"""How many seconds before a rollback to search for failures."""
LINES = 20
"""How many lines of the release's log the report shows."""


@dataclass(frozen=True, slots=True)
class Incident:
    """A release that got requests and was rolled back. Times are seconds since 1970; `downtime` is in seconds.

    `began` and `ended` are the times of the failures if any were measured, otherwise of the release. `budget_left` and
    `promised` are seconds, NaN if unknown. `measured` is False if only haproxy's counters are known.
    """

    environment: str
    revision: str
    subject: str
    author: str
    by: str
    back_to: str
    began: float
    ended: float
    requests: int
    failed: int
    downtime: float
    reason: str
    stopped_by: str
    budget_left: float = nan
    promised: float = nan
    measured: bool = True

    @property
    def seconds(self) -> float:
        """The duration."""
        return self.ended - self.began

    def file(self, environment: Environment, suffix: str) -> Path:
        """Return the path of a file about the incident."""
        folder = environment.folder / "incidents"
        folder.mkdir(exist_ok=True)
        began = datetime.fromtimestamp(self.began, UTC)
        return folder / f"{began:%Y%m%dT%H%M%SZ}-{self.revision[:9]}{suffix}"


def incident_of(
    environment: Environment, state: State, new: Running, old: Running, reason: str, stopped_by: str
) -> Incident:
    """Return the incident that ends with the rollback of `new`.

    For a candidate, haproxy has counted every request since its first. For a release that was live, Prometheus knows
    when the failures began; without Prometheus, haproxy's counters say how many requests failed.
    """
    now = time.time()
    # If the clock was set back, the release seems to have started in the future.
    since = min(now, max(state.since, now - LOOK_BACK))
    figures: dict[str, Any] = {"began": since, "ended": now, "requests": 0, "failed": 0, "measured": False}
    try:
        public = environment.balancer.counted()["public"]
        figures |= {"requests": public.requests - state.requests, "failed": public.failed - state.failed}
        # A restarted haproxy counts from zero.
        if figures["requests"] < 0 or figures["failed"] < 0:
            figures |= {"requests": public.requests, "failed": public.failed}
        if state.candidate:
            figures["measured"] = True
        else:
            figures |= _measured(environment, since, now)
    except (CannotGo, LookupError, ValueError) as error:
        reason = reason if figures["requests"] else f"{reason} ({error})"
    share = figures["failed"] / max(figures["requests"], 1)
    downtime = figures.setdefault("downtime", share * (figures["ended"] - figures["began"]))
    most, used, _ = budget_of(environment)
    # The measurements may not include this incident yet.
    left = most - max(used, downtime)
    return Incident(
        environment.name, new.revision, new.subject, new.author, current_user(), old.short,
        reason=reason, stopped_by=stopped_by, budget_left=left, promised=most, **figures,
    )  # fmt: skip


def _measured(environment: Environment, since: float, now: float) -> dict[str, Any]:
    """Return when failures since `since` began and ended, and their number. Raises CannotGo if unknown."""
    settings, label = environment.settings, f'environment="{environment.name}"'
    span = f"{max(now - since, 2 * EVERY):.0f}s"
    series = query(settings, f"slo:bad:ratio{{{label}}}[{span}]")
    if not series:
        raise CannotGo("nothing was measured yet")
    bad = [(float(at), float(ratio)) for item in series for at, ratio in item["values"] if float(ratio) > 0]
    began, ended = (bad[0][0] - EVERY, bad[-1][0]) if bad else (now, now)
    figures: dict[str, Any] = {"began": max(began, since), "ended": ended, "measured": True}
    for name, code in (("requests", ""), ("failed", ', code="5xx"')):
        responses = f'haproxy_frontend_http_responses_total{{{label}, proxy="public"{code}}}'
        counted = f"sum(increase({responses}[{max(ended - began, EVERY):.0f}s] @ {ended:.0f}))"
        figures[name] = round(total(settings, counted))
    return figures | {"downtime": sum(ratio for _, ratio in bad) * EVERY}


def budget_of(environment: Environment) -> tuple[float, float, float]:
    """Return the budget in seconds, like `gate budget`: promised, used, and used without measurements.

    All are NaN if Prometheus doesn't answer, since nobody would sign an estimate.
    """
    label = f'{{environment="{environment.name}"}}'
    try:
        names = ("budget", "downtime", "gap")
        most, used, gaps = (total(environment.settings, f"slo:{name}:seconds{label}") for name in names)
    except CannotGo:
        return nan, nan, nan
    return most, used, gaps


def budget(environment: Environment) -> str:
    """Return the budget as text."""
    most, used, gaps = budget_of(environment)
    if isnan(most):
        return "unknown: Prometheus does not answer"
    text = f"{(most - used) / 60:.1f} of {most / 60:.0f} minutes left"
    return f"{text}, {gaps:.0f} s without measurements" if gaps else text


def report(incident: Incident, log: str = "") -> str:
    """Return the report for engineers, as Markdown, with the end of the release's `log`."""
    return render(HERE / "report.md", i=incident, log=log.splitlines()[-LINES:])


def notice(incident: Incident) -> str:
    """Return the notice for the customer: short, true, and without names."""
    return render(HERE / "notice.txt", i=incident)


def notify(environment: Environment, incident: Incident, say: Say) -> Path:
    """Write the report, and notify the seniors, as well as the customers if requests failed in production."""
    path, customer = incident.file(environment, ".md"), notice(incident)
    log = path.with_suffix(".log")
    text = report(incident, log.read_text("utf-8", "replace") if log.exists() else "")
    with anyway(environment.name, say):
        path.write_text(text, "utf-8")
        incident.file(environment, "-customer.md").write_text(customer, "utf-8")
    _alert(environment, "RolledBack", incident, f"{incident.subject} was rolled back", text, say)
    if incident.failed and environment.name == "production":
        _alert(environment, "CustomerNotice", incident, "A fault in our service", customer, say, "customers")
    say(f"{environment.name}: the report is in {path}")
    return path


def waiver_used(environment: Environment, release: Running, by: str, say: Say) -> None:
    """Notify the seniors of a waiver before the release gets its first request."""
    text = (
        f"{release.short} by {release.author} is released into {environment.name} although gate's requirements are"
        f" not met. They were waived by {by}. Released by {current_user()}.\n"
    )
    say(f"{environment.name}: WAIVED by {by}")
    environment.records.add("waived", revision=release.revision, subject=release.subject, reason=by)
    _alert(environment, "Waived", release, f"{release.subject} is released by a waiver", text, say)


def _alert(
    environment: Environment, name: str, about: Incident | Running, summary: str, text: str, say: Say,
    severity: str = "notice",
) -> None:  # fmt: skip
    """Send an alert to Alertmanager. If that fails, record it and go on."""
    labels = {"alertname": name, "environment": environment.name, "severity": severity}
    labels |= {"revision": about.revision, "at": f"{time.time():.3f}"}
    event, reason = "notified", ""
    try:
        alert(environment.settings, labels, {"summary": summary, "report": text})
    except CannotGo as error:
        event, reason = "not notified", str(error)
        say(f"{environment.name}: nobody was notified of that: {error}")
    with anyway(environment.name, say):
        environment.records.add(event, about=summary, reason=reason)
