"""Handle incidents: measure what failed, for how long, and for how many requests, and notify people."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from math import nan
from pathlib import Path

from machine.balancer import Counted
from machine.configuration import render
from machine.environments import Environment, Running, State
from machine.monitoring import Failures, alert, budget_of, failures
from machine.problems import CannotGo, Say, anyway
from machine.system import current_user

HERE = Path(__file__).parent
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
        with suppress(OSError):
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
    seen, measured = Failures(since, now), False
    try:
        public = environment.balancer.counted()["public"]
        requests, failed = public.since(Counted(state.requests, state.failed))
        seen = Failures(since, now, requests, failed, failed / max(requests, 1) * (now - since))
        if state.candidate is None:
            seen = failures(environment, since, now)
        measured = True
    except (CannotGo, LookupError, ValueError) as error:
        reason = reason if seen.requests else f"{reason} ({error})"
    promised, used, _ = budget_of(environment)
    return Incident(
        environment.name, new.revision, new.subject, new.author, current_user(), old.short,
        seen.began, seen.ended, seen.requests, seen.failed, seen.downtime, reason, stopped_by,
        # The measurements may not include this incident yet.
        promised=promised, measured=measured, budget_left=promised - max(used, seen.downtime),
    )  # fmt: skip


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
    environment.records.add("waived", release, reason=by)
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
        say(f"{environment.name}: nobody was notified: {error}")
    with anyway(environment.name, say):
        environment.records.add(event, of=summary, reason=reason)
