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
from html import escape
from pathlib import Path
from typing import Any

from release import monitoring, slo
from release.environments import Environment, Running, current_user
from release.problems import CannotGo
from release.servers import Revision

Say = Callable[[str], None]
LOOK_BACK = 6 * 3600.0
"""Seconds before a rollback in which the failures are looked for that led to it."""
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
td,th{text-align:left;padding:.3rem .6rem .3rem 0;border-bottom:1px solid #dde3ea;vertical-align:top}
.bad{color:#a8201a;font-weight:600}meter{width:100%}"""
SHOWN = {"first": "first release", "deployed": "released", "refused": "refused", "waived": "released by a waiver",
         "rolled back": "incident: rolled back", "resumed": "watch resumed"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Incident:
    """A release that was out and was rolled back. Times are seconds since 1970; `downtime` is in seconds.

    `began` and `ended` are those of the failures, where any were measured, else of the release. `measured` is False
    where the monitoring did not answer, and haproxy's counters alone are known.
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
    budget_left: float
    measured: bool = True

    @classmethod
    def of(
        cls, environment: Environment, new: Running, old: Running, *, began: float, ended: float, requests: int,
        failed: int, reason: str, stopped_by: str, downtime: float | None = None, measured: bool = True,
    ) -> Incident:  # fmt: skip
        """The story of `new`; without a measured `downtime` it is the share of failed requests, over the time."""
        if downtime is None:
            downtime = (ended - began) * failed / requests if requests > 0 else 0.0
        left = budget_left(environment, downtime)
        return cls(
            environment.name, new.revision, new.subject, new.author, current_user(), old.short, began, ended,
            max(requests, 0), max(failed, 0), downtime, reason, stopped_by, left, measured,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        """From start to end."""
        return self.ended - self.began

    @property
    def name(self) -> str:
        """Fit for a file."""
        return f"{_time(self.began, '%Y%m%dT%H%M%SZ')}-{self.revision[:9]}"

    def file(self, environment: Environment, suffix: str) -> Path:
        """Where something about it is kept."""
        folder = environment.folder / "incidents"
        folder.mkdir(exist_ok=True)
        return folder / f"{self.name}{suffix}"

    def record(self) -> dict[str, object]:
        """As it is recorded."""
        return dataclasses.asdict(self)


def measured(environment: Environment, new: Running, old: Running, reason: str, stopped_by: str) -> Incident:
    """The incident that a rollback ends now: the failures since the release went out, as they were measured."""
    now = time.time()
    exposed = [one["at"] for one in environment.records.all() if one["event"] == "exposed"]
    since = max([*exposed[-1:], now - LOOK_BACK])
    label, span = f'environment="{environment.name}"', f"{max(now - since, 2 * slo.EVERY):.0f}s"
    responses = f'haproxy_frontend_http_responses_total{{{label}, proxy="public"'
    try:
        series = monitoring.query(environment.settings, f"slo:bad:ratio{{{label}}}[{span}]")
        bad = [(float(at), float(ratio)) for one in series for at, ratio in one["values"] if float(ratio) > 0]
        if not series:
            raise CannotGo("nothing was measured yet")
        began, ended = (bad[0][0] - slo.EVERY, bad[-1][0]) if bad else (now, now)
        span = f"{max(ended - began, slo.EVERY):.0f}s"
        total, failed = (
            round(sum(float(one["value"][1]) for one in monitoring.query(environment.settings, expression)))
            for expression in (
                f"sum(increase({responses}}}[{span}] @ {ended:.0f}))",
                f'sum(increase({responses}, code="5xx"}}[{span}] @ {ended:.0f}))',
            )
        )
        return Incident.of(
            environment, new, old, began=max(began, since), ended=ended, requests=total, failed=failed, reason=reason,
            stopped_by=stopped_by, downtime=sum(ratio for _, ratio in bad) * slo.EVERY,
        )  # fmt: skip
    except CannotGo:
        public = environment.balancer.counted()["public"]
        return Incident.of(
            environment, new, old, began=since, ended=now, requests=public.requests, failed=public.failed,
            reason=reason, stopped_by=stopped_by, measured=False,
        )  # fmt: skip


def promised(environment: Environment) -> slo.Promise:
    """The promise of this environment."""
    return slo.load(environment.settings.root / "slo.yaml")[environment.name]


def downtime(environment: Environment) -> tuple[float, float, bool]:
    """The seconds of downtime in the promise's window, those of them without measurements, and whether it was asked.

    By the measurements, the same as `gate budget` has; without them, by the records of the incidents.
    """
    label = f'{{environment="{environment.name}"}}'
    try:
        values = [
            sum(float(one["value"][1]) for one in monitoring.query(environment.settings, f"{name}{label}"))
            for name in ("slo:downtime:seconds", "slo:gap:seconds")
        ]
        return values[0], values[1], True
    except CannotGo:
        since = time.time() - promised(environment).window
        records = [
            one for one in environment.records.all() if one["event"] == "rolled back" and one["at"] > since
        ]
        return sum(one["downtime"] for one in records), 0.0, False


def budget_left(environment: Environment, extra: float = 0.0) -> float:
    """Seconds; below zero if the promise is broken. `extra` is what the measurements may not have yet."""
    used, _, asked = downtime(environment)
    return promised(environment).downtime - (max(used, extra) if asked else used + extra)


def budget(environment: Environment) -> str:
    """The budget as people read it."""
    used, gaps, asked = downtime(environment)
    promise = promised(environment).downtime
    text = f"{(promise - used) / 60:.1f} of {promise / 60:.0f} minutes left"
    text += f", {gaps:.0f} s without measurements" if gaps else ""
    return text if asked else f"{text}, by the incidents alone: Prometheus does not answer"


def report(incident: Incident, promise: slo.Promise, error: str = "") -> str:
    """The report for the engineers, as Markdown. `error` is the last one that the release did not catch."""
    last = f"\nThe last error in its log:\n\n    {error}\n" if error else ""
    source = "" if incident.measured else ", estimated by haproxy's counters: the monitoring did not answer"
    share = f" ({incident.failed / incident.requests:.1%})" if incident.requests else ""
    rows = {
        "release": f"{incident.revision[:9]}, {incident.subject}", "written by": incident.author,
        "released or rolled back by": incident.by, "start": _time(incident.began),
        "end": f"{_time(incident.ended)}: {incident.seconds:.1f} s",
        "failed": f"{incident.failed} of {incident.requests} requests{share}",
        "downtime": f"{incident.downtime:.1f} s{source}", "stopped by": incident.stopped_by,
        "answers now": incident.back_to,
        "budget left": f"{incident.budget_left / 60:.1f} of {promise.downtime / 60:.0f} minutes",
    }  # fmt: skip
    table = "".join(f"| {name} | {_cell(value)} |\n" for name, value in rows.items())
    return (
        f"# {incident.environment}: {incident.subject} was rolled back\n\n| | |\n| --- | --- |\n{table}\n## Why\n\n"
        f"{incident.reason}\n{last}\n## To do\n\n- [ ] What did the release do wrong? Its log is beside this report.\n"
        "- [ ] Why did no review, no check and no test catch it? Add the one that would have.\n"
    )


def notice(incident: Incident, minutes: float = 20.0) -> str:
    """The notice for the customer: short, true, and without names."""
    start = _time(incident.began)
    if not incident.failed and not incident.downtime:
        return f"On {start} we released a new version, and rolled it back. No request failed.\n"
    return (
        f"On {start}, for {_span(incident.seconds)}, {incident.failed} of {incident.requests} requests to our service"
        " failed: a new version had a mistake. The version before it answers again, and nothing that you entered was"
        f" lost. Of the {minutes:.0f} minutes a year that we promised at most, this took {_span(incident.downtime)};"
        f" {max(incident.budget_left, 0) / 60:.1f} minutes are left.\n"
    )


def notify(environment: Environment, incident: Incident, say: Say) -> Path:
    """Write the report and send it; returns where it is. What cannot be delivered is recorded, and fails nothing."""
    path, promise = incident.file(environment, ".md"), promised(environment)
    text = report(incident, promise, last_error(path.with_suffix(".log")))
    told = notice(incident, promise.downtime / 60)
    try:
        path.write_text(text, "utf-8")
        incident.file(environment, "-customer.md").write_text(told, "utf-8")
    except OSError as error:
        say(f"{environment.name}: the report could not be written: {error.strerror}")
    send(environment, f"{incident.subject} was rolled back", text, incident.record(), say)
    notices = environment.settings.notices
    if notices.customers and incident.failed and environment.name == "production":
        send(environment, "A fault in our service", told, None, say, to=notices.customers)
    say(f"{environment.name}: the report is in {path}")
    return path


def waiver_used(environment: Environment, revision: Revision, by: str, say: Say) -> None:
    """Notify the seniors at once, before the release gets a request."""
    text = (
        f"{revision.id[:9]} ({revision.subject}) by {revision.author} is released into {environment.name} although"
        f" gate's requirements are not met. They were waived by {by}. Released by {current_user()}.\n"
    )
    say(f"{environment.name}: WAIVED by {by}")
    environment.records.add("waived", revision=revision.id, subject=revision.subject, reason=by)
    fields = {"event": "waived", "environment": environment.name, "revision": revision.id, "waived_by": by}
    send(environment, f"{revision.subject} is released by a waiver", text, fields, say)


def send(
    environment: Environment,
    subject: str,
    text: str,
    fields: dict[str, Any] | None,
    say: Say,
    to: Sequence[str] = (),
) -> None:
    """By mail to the seniors (or `to`), and with `fields` to the webhook."""
    notices, people = (
        environment.settings.notices,
        to or monitoring.senior_addresses(environment.settings.root),
    )
    ways: list[tuple[str, Callable[[], None]]] = []
    if notices.smtp and people:
        mail = _mail(notices.sender, people, f"[{environment.name}] {subject}", text)
        ways.append((f"mail to {', '.join(people)}", lambda: _deliver(notices.smtp, mail)))
    if notices.webhook and fields is not None:
        ways.append(
            (f"webhook {notices.webhook}", lambda: _post(notices.webhook, {**fields, "report": text}))
        )
    for way, deliver in ways:
        try:
            deliver()
            event, reason = "notified", ""
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


def write_page(environments: Sequence[Environment]) -> Path:
    """Write `status.html`, one file that needs nothing else; returns where it is."""
    path = environments[0].settings.folder / "status.html"
    sections = "".join(_section(environment) for environment in environments)
    head = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Releases</title><style>{STYLE}</style>'
    )
    path.with_suffix(".new").write_text(
        f"{head}<h1>Releases</h1><p>{_time(time.time())}{sections}</html>\n", "utf-8"
    )
    path.with_suffix(".new").replace(path)
    return path


def _section(environment: Environment) -> str:
    live, promise = environment.records.state().live, promised(environment).downtime
    rows = "".join(
        f"<tr><td>{_time(one['at'])}<td{' class=bad' if one['event'] in {'rolled back', 'waived'} else ''}>"
        f"{SHOWN[one['event']]}<td>{escape(one['revision'][:9])} {escape(one.get('subject', ''))}"
        f"<td>{escape(one['by'])}<td>{escape(str(one.get('reason', '')))}</tr>"
        for one in environment.records.all()[:-51:-1]
        if one["event"] in SHOWN
    )
    return (
        f"<h2>{escape(environment.name)}</h2><p>Live: {escape(live.short if live else 'nothing')}"
        f"<p>Downtime budget: {escape(budget(environment))}<br><meter max={promise:.0f}"
        f" value={max(budget_left(environment), 0):.0f}></meter>"
        f"<table><tr><th>When<th>What<th>Release<th>By<th>Why</tr>{rows}</table>"
    )


def _mail(sender: str, to: Sequence[str], subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(to), subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.partition("@")[2] or None)
    mail.set_content(text)
    return mail


def _deliver(server: str, mail: EmailMessage) -> None:
    host, _, port = server.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=10) as smtp:
        smtp.send_message(mail)


def _post(url: str, fields: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(fields).encode(), headers)  # noqa: S310  from release.toml
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  as above


def _time(seconds: float, form: str = "%Y-%m-%d %H:%M:%S UTC") -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(form)


def _span(seconds: float) -> str:
    return f"{seconds:.1f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
