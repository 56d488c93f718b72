"""What went wrong, for whom and how long, by what was measured; and who is notified of it."""

from __future__ import annotations

import dataclasses
import http.client
import json
import smtplib
import time
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from math import nan
from pathlib import Path
from typing import Any

from release import monitoring
from release.environments import Environment, Running, current_user
from release.problems import CannotGo, WrongUsage
from release.services import render

Say = Callable[[str], None]
EVERY = 5
"""Seconds between two measurements of the downtime."""
LOOK_BACK = 6 * 3600.0
"""Seconds before a rollback in which the failures are looked for that led to it."""
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Incident:
    """A release that was out and was rolled back. Times are seconds since 1970; `downtime` is in seconds.

    `began` and `ended` are those of the failures, where any were measured, else of the release. `budget_left` and
    `promised` are seconds, NaN where they are not known. `measured` is False where haproxy's counters alone are known.
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

    @classmethod
    def of(cls, environment: Environment, new: Running, old: Running, **figures: Any) -> Incident:
        """The story of `new`; without a measured `downtime` it is the share of failed requests, over the time."""
        seconds, requests = figures["ended"] - figures["began"], max(figures["requests"], 1)
        downtime = figures.setdefault("downtime", seconds * max(figures["failed"], 0) / requests)
        promised, used, _, asked = budget_of(environment)
        # The measurements may not have it yet, the records never.
        left = promised - (max(used, downtime) if asked else used + downtime)
        return cls(
            environment.name, new.revision, new.subject, new.author, current_user(), old.short,
            budget_left=left, promised=promised, **figures,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """From start to end."""
        return self.ended - self.began

    def file(self, environment: Environment, suffix: str) -> Path:
        """Where something about it is kept."""
        folder = environment.folder / "incidents"
        folder.mkdir(exist_ok=True)
        began = datetime.fromtimestamp(self.began, UTC)
        return folder / f"{began:%Y%m%dT%H%M%SZ}-{self.revision[:9]}{suffix}"


def measured(environment: Environment, new: Running, old: Running, reason: str, stopped_by: str) -> Incident:
    """The incident that a rollback ends now: the failures since the release went out, as they were measured."""
    now = time.time()
    exposed = [record["at"] for record in environment.records.all() if record["event"] == "exposed"]
    # Where the clock was set back since, the release went out in the future.
    since = min(now, max([*exposed[-1:], now - LOOK_BACK]))
    label, span = f'environment="{environment.name}"', f"{max(now - since, 2 * EVERY):.0f}s"
    figures: dict[str, Any] = {"reason": reason, "stopped_by": stopped_by}
    try:
        series = monitoring.query(environment.settings, f"slo:bad:ratio{{{label}}}[{span}]")
        bad = [
            (float(at), float(ratio)) for item in series for at, ratio in item["values"] if float(ratio) > 0
        ]
        if not series:
            raise CannotGo("nothing was measured yet")
        began, ended = (bad[0][0] - EVERY, bad[-1][0]) if bad else (now, now)
        for name, code in (("requests", ""), ("failed", ', code="5xx"')):
            responses = f'haproxy_frontend_http_responses_total{{{label}, proxy="public"{code}}}'
            total = f"sum(increase({responses}[{max(ended - began, EVERY):.0f}s] @ {ended:.0f}))"
            figures[name] = round(monitoring.total(environment.settings, total))
        figures["downtime"] = sum(ratio for _, ratio in bad) * EVERY
        return Incident.of(environment, new, old, began=max(began, since), ended=ended, **figures)
    except (CannotGo, LookupError, ValueError):
        figures |= {"began": since, "ended": now, "requests": 0, "failed": 0, "measured": False}
        figures.pop("downtime", None)
        try:
            public = environment.balancer.counted()["public"]
            figures |= {"requests": public.requests, "failed": public.failed}
        except CannotGo as error:
            figures["reason"] = f"{reason} ({error})"
        return Incident.of(environment, new, old, **figures)


def budget_of(environment: Environment) -> tuple[float, float, float, bool]:
    """Seconds: promised at most, used, and of those without measurements; and whether Prometheus has answered.

    It is what `gate budget` reads as well. Without Prometheus, the recorded incidents are what was used.
    """
    label = f'{{environment="{environment.name}"}}'
    try:
        names = ("budget", "downtime", "gap")
        values = [monitoring.total(environment.settings, f"slo:{name}:seconds{label}") for name in names]
        return values[0], values[1], values[2], True
    except CannotGo:
        records = [item["downtime"] for item in environment.records.all() if item["event"] == "rolled back"]
        try:
            return monitoring.promised(environment), sum(records), 0.0, False
        except (CannotGo, WrongUsage):
            return nan, sum(records), 0.0, False


def budget(environment: Environment) -> str:
    """The budget as people read it."""
    promised, used, gaps, asked = budget_of(environment)
    text = f"{(promised - used) / 60:.1f} of {promised / 60:.0f} minutes left"
    text += f", {gaps:.0f} s without measurements" if gaps else ""
    return text if asked else f"{text}, by the incidents alone: Prometheus does not answer"


def report(incident: Incident, error: str = "") -> str:
    """The report for the engineers, as Markdown. `error` is the last one that the release did not catch."""
    return render(HERE / "report.md", i=incident, error=error)


def notice(incident: Incident) -> str:
    """The notice for the customer: short, true, and without names."""
    return render(HERE / "notice.txt", i=incident)


def notify(environment: Environment, incident: Incident, say: Say) -> Path:
    """Write the report and send it; returns where it is. What cannot be delivered is recorded, and fails nothing."""
    path, customer = incident.file(environment, ".md"), notice(incident)
    text = report(incident, last_error(path.with_suffix(".log")))
    try:
        path.write_text(text, "utf-8")
        incident.file(environment, "-customer.md").write_text(customer, "utf-8")
    except OSError as error:
        say(f"{environment.name}: the report could not be written: {error.strerror}")
    send(environment, f"{incident.subject} was rolled back", text, dataclasses.asdict(incident), say)
    customers = environment.settings.notices.customers
    if customers and incident.failed and environment.name == "production":
        send(environment, "A fault in our service", customer, None, say, to=customers)
    say(f"{environment.name}: the report is in {path}")
    return path


def waiver_used(environment: Environment, release: Running, by: str, say: Say) -> None:
    """Notify the seniors at once, before the release gets a request."""
    text = (
        f"{release.short} by {release.author} is released into {environment.name} although gate's requirements are"
        f" not met. They were waived by {by}. Released by {current_user()}.\n"
    )
    say(f"{environment.name}: WAIVED by {by}")
    fields = {"revision": release.revision, "subject": release.subject}
    environment.records.add("waived", **fields, reason=by)
    fields |= {"event": "waived", "environment": environment.name, "waived_by": by}
    send(environment, f"{release.subject} is released by a waiver", text, fields, say)


def send(
    environment: Environment, subject: str, text: str, fields: dict[str, Any] | None, say: Say,
    to: Sequence[str] = (),
) -> None:  # fmt: skip
    """By mail to the seniors (or `to`), and with `fields` to the webhook."""
    notices, people = environment.settings.notices, to
    try:
        people = people or monitoring.senior_addresses(environment.settings.root)
    except CannotGo as error:
        say(f"{environment.name}: {error}")
    ways: dict[str, Callable[[], None]] = {}
    if notices.smtp and people:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Date"] = notices.sender, ", ".join(people), formatdate()
        mail["Subject"] = f"[{environment.name}] {subject}"
        mail["Message-ID"] = make_msgid(domain=notices.sender.partition("@")[2] or None)
        mail.set_content(text)
        ways[f"mail to {mail['To']}"] = lambda: _deliver(notices.smtp, mail)
    if notices.webhook and fields is not None:
        ways[f"webhook {notices.webhook}"] = lambda: _post(notices.webhook, {**fields, "report": text})
    for way, deliver in ways.items():
        event, reason = "notified", ""
        try:
            deliver()
        except (OSError, ValueError, smtplib.SMTPException, http.client.HTTPException) as error:
            event, reason = "not notified", str(error)
            say(f"{environment.name}: {way} could not be delivered: {error}")
        try:
            environment.records.add(event, way=way, about=subject, reason=reason)
        except OSError as error:
            say(f"{environment.name}: could not be recorded: {error.strerror}")


def last_error(log: Path) -> str:
    """The last error that a release has not caught, by its log: the line after a traceback."""
    inside, last = False, ""
    for line in log.read_text("utf-8", "replace").splitlines() if log.exists() else ():
        if line.startswith("Traceback "):
            inside = True
        elif inside and line[:1] not in {" ", ""}:
            inside, last = False, line
    return last


def _deliver(server: str, mail: EmailMessage) -> None:
    host, _, port = server.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=10) as smtp:
        smtp.send_message(mail)


def _post(url: str, fields: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(fields).encode(), headers)  # noqa: S310  from release.toml
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  from release.toml
