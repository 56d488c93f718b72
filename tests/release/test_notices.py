"""Who hears of an incident: over real SMTP and HTTP on loopback, and what is said."""

from __future__ import annotations

import dataclasses
import email
from asyncio import Server
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import SMTP, Envelope, Session
from release.environments import Environment
from release.monitoring import alertmanager_config
from release.report import Incident, last_error, notice, notify, report
from release.settings import Notices, Settings
from release.story.stage import SAMPLE
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
    for name in ("gate.yaml", "slo.yaml"):
        (folder / name).write_bytes((SAMPLE / name).read_bytes())
    environment = Environment(Settings(folder, notices=notices), "production")
    environment.folder.mkdir(parents=True)
    return environment


def text(mail: Message) -> str:
    content = mail.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def test_engineers_and_customers_are_notified(tmp_path: Path, mailbox: tuple[str, Mailbox]) -> None:
    server, box = mailbox
    with webhook() as (url, received):
        notices = Notices(smtp=server, customers=("customer@example.com",), webhook=url)
        environment = place(tmp_path, notices)
        path = notify(environment, INCIDENT, lambda _: None)
        posted = received.get(timeout=10)
    assert [to for to, _ in box.mails] == [["nehemiah@acme.example"], ["customer@example.com"]]
    engineers, customer = (text(mail) for _, mail in box.mails)
    assert all(mail["Date"] and mail["Message-ID"].endswith("@acme.example>") for _, mail in box.mails)
    assert box.mails[0][1]["Subject"] == "[production] Version 2 was rolled back"
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
    assert path.read_text().splitlines() == engineers.splitlines()
    assert posted["failed"] == 250
    assert posted["report"] == path.read_text()
    assert [record["event"] for record in environment.records.all()] == ["notified"] * 3


@pytest.mark.parametrize(
    ("smtp", "webhook"), [("127.0.0.1:1", "http://127.0.0.1:1/"), ("127.0.0.1:mail", "chat.example")]
)
def test_what_cannot_be_delivered_is_reported_and_recorded(tmp_path: Path, smtp: str, webhook: str) -> None:
    environment = place(tmp_path, Notices(smtp=smtp, webhook=webhook))
    texts: list[str] = []
    path = notify(environment, INCIDENT, texts.append)
    assert path.is_file()
    assert sum("could not be delivered" in line for line in texts) == 2
    assert [record["event"] for record in environment.records.all()] == ["not notified"] * 2


def test_seniors_without_an_address_are_not_written_to(tmp_path: Path, mailbox: tuple[str, Mailbox]) -> None:
    server, box = mailbox
    environment = place(tmp_path, Notices(smtp=server))
    (tmp_path / "gate.yaml").write_text('version: 1\npeople: {"@ada": {role: senior}}\n')
    notify(environment, INCIDENT, lambda _: None)
    assert (box.mails, environment.records.all()) == ([], [])
    config = SAMPLE / "monitoring" / "alertmanager.yml"
    (tmp_path / "monitoring").mkdir()
    (tmp_path / "monitoring" / "alertmanager.yml").write_bytes(config.read_bytes())
    receivers = yaml.safe_load(alertmanager_config(environment.settings))["receivers"]
    assert not any("email_configs" in receiver for receiver in receivers)


def test_nobody_failed_is_reported_as_it_is() -> None:
    calm = dataclasses.replace(INCIDENT, failed=0, downtime=0.0)
    assert "No request failed" in notice(calm)
    assert "0 of 1000 requests (0.0%)" in report(calm)


def test_the_last_error_of_a_log_is_found(tmp_path: Path) -> None:
    log = tmp_path / "blue.log"
    log.write_text(
        '[INFO] Booting\nTraceback (most recent call last):\n  File "a.py", line 1, in f\n    g()\n'
        'ValueError: first\n[INFO] on\nTraceback (most recent call last):\n  File "a.py"\n'
        "TypeError: second\n[INFO] end\n"
    )
    assert last_error(log) == "TypeError: second"
    assert last_error(tmp_path / "none.log") == ""
