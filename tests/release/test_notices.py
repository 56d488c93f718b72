"""Who hears of an incident, from a real Alertmanager over SMTP and HTTP on loopback, and what is said."""

from __future__ import annotations

import dataclasses
import email
import json
import math
import subprocess
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from pathlib import Path

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, Envelope, Session
from incident.stage import SAMPLE
from machine.configuration import alertmanager_config
from machine.environments import Environment
from machine.monitoring import reload
from machine.settings import Notices, Settings
from machine.system import free_port
from release.incidents import Incident, notice, notify, report
from support.shop import PATH, needs, records_in
from support.waiting import until
from support.webhooks import webhook

INCIDENT = Incident(
    environment="production",
    revision="0123456789abcdef0123456789abcdef01234567",
    subject="Version 2",
    author="New Hire <new@acme.example>",
    by="ada",
    back_to="fedcba987 (Version 1)",
    began=1_700_000_000.0,
    ended=1_700_000_020.0,
    requests=1000,
    failed=250,
    downtime=5.0,
    reason="250 of 500 requests to the new release failed",
    stopped_by="the watch",
    budget_left=1195.0,
    promised=1200.0,
)


class Mailbox(Sink):
    """A mail server's memory."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[tuple[list[str], Message]] = []

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  its name
        assert isinstance(envelope.content, bytes)
        self.mails.append((envelope.rcpt_tos, email.message_from_bytes(envelope.content)))
        return "250 taken"


class OnFreePort(Controller):
    """The library says hello to the port in its settings; here that is 0."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # the library has no types


@pytest.fixture
def mailbox() -> Iterator[tuple[str, Mailbox]]:
    """A real mail server on loopback: its address, and what it was given."""
    box = Mailbox()
    controller = OnFreePort(box, hostname="127.0.0.1", port=0)
    controller.start()
    try:
        yield f"127.0.0.1:{controller.port}", box
    finally:
        controller.stop()


def place(folder: Path, notices: Notices) -> Environment:
    """Production with the sample's people and no server that runs."""
    for name in ("gate.yaml", "slo.yaml", "monitoring/alertmanager.yml"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    environment = Environment(Settings(folder, notices=notices), "production")
    environment.folder.mkdir(parents=True)
    return environment


@contextmanager
def alertmanager(environment: Environment) -> Iterator[None]:
    """The Alertmanager of this environment, with nothing else up."""
    needs("prometheus-alertmanager")
    settings, port = environment.settings, free_port()
    (settings.folder / "ports.json").write_text(json.dumps({"alertmanager": port}))
    (settings.folder / "alertmanager.yml").write_text(alertmanager_config(settings))
    command = ["prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=alerts"]
    command += ["--cluster.listen-address=", f"--web.listen-address=127.0.0.1:{port}"]
    with subprocess.Popen(
        command, cwd=settings.folder, env={"PATH": PATH}, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as process:
        try:
            reload(settings, ["alertmanager"])
            yield
        finally:
            process.terminate()


def text(mail: Message) -> str:
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def test_engineers_and_customers_are_notified(tmp_path: Path, mailbox: tuple[str, Mailbox]) -> None:
    server, box = mailbox
    with webhook() as (url, received):
        environment = place(tmp_path, Notices(smtp=server, customers=("customer@example.com",), webhook=url))
        with alertmanager(environment):
            path = notify(environment, INCIDENT, lambda _: None)
            posted = received.get(timeout=60)
            until(lambda: len(box.mails) == 2)
    mails = {to[0]: mail for to, mail in box.mails}
    assert set(mails) == {"nehemiah@acme.example", "customer@example.com"}
    engineers, customer = text(mails["nehemiah@acme.example"]), text(mails["customer@example.com"])
    assert all(mail["Date"] and mail["Message-ID"] for mail in mails.values())
    assert mails["nehemiah@acme.example"]["Subject"] == "[production] Version 2 was rolled back"
    for words in (
        "0123456",
        "New Hire",
        "ada",
        "20.0 s",
        "250 of 1000",
        "5.0 s",
        "19.9 of 20 minutes",
    ):
        assert words in engineers
    assert "250 of 1000 requests" in customer
    assert not any(name in customer for name in ("New Hire", "ada", "0123456", "Version 2"))
    assert path.read_text().split() == engineers.split()
    (alert,) = posted["alerts"]
    assert (alert["labels"]["alertname"], alert["labels"]["revision"]) == ("RolledBack", INCIDENT.revision)
    assert alert["annotations"]["report"] == path.read_text()
    assert [record["event"] for record in records_in(environment.folder)] == ["notified"] * 2


def test_what_cannot_be_passed_on_is_reported_and_recorded(tmp_path: Path) -> None:
    environment = place(tmp_path, Notices())
    (environment.settings.folder / "ports.json").write_text(json.dumps({"alertmanager": free_port()}))
    texts: list[str] = []
    path = notify(environment, INCIDENT, texts.append)
    assert path.is_file()
    assert sum("nobody was notified: alertmanager does not answer" in line for line in texts) == 2
    assert [record["event"] for record in records_in(environment.folder)] == ["not notified"] * 2


def test_seniors_without_an_address_are_not_written_to(tmp_path: Path) -> None:
    environment = place(tmp_path, Notices(smtp="127.0.0.1:25"))
    (tmp_path / "gate.yaml").write_text('version: 1\npeople: {"@ada": {role: senior}}\n')
    receivers = yaml.safe_load(alertmanager_config(environment.settings))["receivers"]
    assert not any("email_configs" in receiver for receiver in receivers)


def test_nobody_failed_is_reported_as_it_is() -> None:
    calm = dataclasses.replace(INCIDENT, failed=0, downtime=0.0)
    assert "No request failed" in notice(calm)
    assert "0 of 1000 requests (0.0%)" in report(calm)


def test_the_end_of_the_log_is_in_the_report() -> None:
    log = "\n".join(f"line {number}" for number in range(100))
    text = report(INCIDENT, log)
    assert ("    line 99" in text, "    line 80" in text, "line 79" in text) == (True, True, False)
    assert "its log" not in report(INCIDENT).split("## To do")[0]


def test_a_budget_that_is_unknown_is_reported_as_unknown() -> None:
    blind = dataclasses.replace(INCIDENT, promised=math.nan, budget_left=math.nan)
    assert "| budget left | unknown: the monitoring did not answer |\n" in report(blind)
    assert "| budget left | 19.9 of 20 minutes |\n" in report(INCIDENT)
    assert "nan" not in report(blind) + notice(blind)
    assert notice(blind).endswith("nothing that you entered was lost.\n")
    assert notice(INCIDENT).endswith("minutes are left.\n")
