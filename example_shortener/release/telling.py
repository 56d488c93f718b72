"""Who has to know, hears of it: a report in a file, by mail and to a webhook; a notice for the customer."""

from __future__ import annotations

import dataclasses
import http.client
import json
import smtplib
import urllib.request
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Any

from release.environments import Environment
from release.incidents import Incident, notice, report
from release.problems import CannotGo

PATIENCE = 10.0


def tell_everyone(environment: Environment, incident: Incident, tell: Callable[[str], None]) -> Path:
    """Write the report and send it; returns where it is.

    The service runs again by now. What cannot be delivered is told and recorded, and fails nothing.
    """
    folder = environment.folder / "incidents"
    folder.mkdir(exist_ok=True)
    path = folder / f"{incident.name}.md"
    text = report(incident, last_error(path.with_suffix(".log")))
    path.write_text(text, "utf-8")
    path.with_name(f"{incident.name}-customer.md").write_text(notice(incident), "utf-8")
    notices = environment.settings.notices
    seniors = senior_addresses(environment.settings.root)
    subject = f"[{incident.environment}] {incident.subject} was taken back"
    ways: list[tuple[str, Callable[[], None]]] = []
    if notices.smtp and seniors:
        mail = _mail(notices.sender, seniors, subject, text)
        ways.append((f"mail to {', '.join(seniors)}", lambda: _send(notices.smtp, mail)))
    if notices.smtp and notices.customers and incident.failed and environment.name == "production":
        word = _mail(notices.sender, notices.customers, "A fault in our service", notice(incident))
        ways.append((f"mail to {', '.join(notices.customers)}", lambda: _send(notices.smtp, word)))
    if notices.webhook:
        ways.append((f"webhook {notices.webhook}", lambda: _post(notices.webhook, incident, text)))
    for way, send in ways:
        try:
            send()
            environment.records.add("told", way=way, incident=incident.name)
        except (OSError, ValueError, smtplib.SMTPException, http.client.HTTPException) as error:
            tell(f"{environment.name}: {way} could not be delivered: {error}")
            environment.records.add("not told", way=way, incident=incident.name, reason=str(error))
    tell(f"{environment.name}: the report is in {path}")
    return path


def senior_addresses(root: Path) -> list[str]:
    """The mail addresses of the senior people in gate.yaml; raises CannotGo if they cannot be read."""
    import yaml

    try:
        people: dict[str, dict[str, Any]] = yaml.safe_load((root / "gate.yaml").read_text("utf-8"))["people"]
        return [
            mail
            for person in people.values()
            if person.get("role") == "senior"
            for mail in person.get("emails", [])[:1]
        ]
    except (OSError, yaml.YAMLError, KeyError, AttributeError, TypeError) as error:
        raise CannotGo(f"{root / 'gate.yaml'} does not say who the senior people are ({error!r})") from error


def last_error(log: Path) -> str:
    """The last thing that a release has not caught, as its log has it: the line after a traceback."""
    if not log.exists():
        return ""
    lines = log.read_text("utf-8", "replace").splitlines()
    inside, last = False, ""
    for line in lines:
        if line.startswith("Traceback "):
            inside = True
        elif inside and line[:1] not in {" ", ""}:
            inside, last = False, line
    return last


def _mail(sender: str, to: Sequence[str], subject: str, text: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, ", ".join(to), subject
    mail["Date"], mail["Message-ID"] = formatdate(), make_msgid(domain=sender.partition("@")[2] or None)
    mail.set_content(text)
    return mail


def _send(server: str, mail: EmailMessage) -> None:
    host, _, port = server.partition(":")
    with smtplib.SMTP(host, int(port or 25), timeout=PATIENCE) as smtp:
        smtp.send_message(mail)


def _post(url: str, incident: Incident, text: str) -> None:
    body = {**dataclasses.asdict(incident), "report": text}
    request = urllib.request.Request(  # noqa: S310  the address stands in release.toml
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=PATIENCE).close()  # noqa: S310  as above
