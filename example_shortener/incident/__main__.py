"""`make incident`: what a team sees, from the unreviewed push to the customer notice. Every step is real.

Two people with keys, a server, their clones, gate, haproxy, gunicorn, Prometheus; version 2 has the mistake that took
production down for 45 minutes. In the end everything is gone, unless --keep names a new folder for it.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from incident.stage import SETTINGS, build_repository, git
from incident.visitors import Load, Writer
from machine.environments import Environment
from machine.monitoring import budget
from machine.problems import CannotGo, Refused, WrongUsage
from machine.settings import load
from machine.system import free_port
from release import stack
from release.deploy import WentBack, deploy
from release.incidents import notice, notify

GATE = [sys.executable, "-P", "-m", "gate"]
QUESTION = ("check", "--head", "version-2")
FIX = ("check", "--head", "version-3")
PEOPLE = {"nehemiah": "Nehemiah", "new": "New Hire"}


class Webhook:
    """The seniors' chat, which receives Alertmanager's posts."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.received: SimpleQueue[dict[str, Any]] = SimpleQueue()
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                received.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/"

    def next(self, name: str) -> str:
        """Return the text of the next alert with this name."""
        while True:
            for alert in self.received.get(timeout=30)["alerts"]:
                if alert["labels"]["alertname"] == name:
                    return str(alert["annotations"]["report"]).strip()


class Company:
    """A server, a clone on the machine that runs the service, and one for each person, who signs with a key."""

    def __init__(self, folder: Path) -> None:
        """Create everything in `folder`."""
        self.folder = folder
        self.prometheus = free_port()
        self.host = folder / "host"
        self.hook = Webhook()
        self._pool = ThreadPoolExecutor()
        text = SETTINGS.replace('gate = ["true"]', f"gate = {json.dumps(GATE)}")
        text = text.replace("prometheus = 0", f"prometheus = {self.prometheus}")
        # Just long enough for the comparison with these visitors.
        text = text.replace("watch = 2", "watch = 1")
        text += f'[notices]\nwebhook = "{self.hook.url}"\n'
        for name in PEOPLE:
            words = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / f"{name}.key")]
            run(folder, "ssh-keygen", *words)
        build_repository(self.host, text, self._set_policy)
        git(self.host, "reset", "--quiet", "--hard", "version-1")
        git(folder, "init", "--quiet", "--bare", "--initial-branch", "main", "server.git")
        git(self.host, "remote", "add", "origin", str(folder / "server.git"))
        git(self.host, "push", "--quiet", "origin", "main", "version-1", "version-2", "version-3")
        git(self.host, "fetch", "--quiet", "origin")
        for name in PEOPLE:
            git(folder, "clone", "--quiet", str(folder / "server.git"), name)
        for name in (*PEOPLE, "host"):
            self._sign(name)

    def begin(self, who: str, *words: str) -> Future[tuple[int, str]]:
        """Run gate as this person in the background."""
        return self._pool.submit(run, self.folder / who, *GATE, *words)

    def gate(self, who: str, *words: str, ends: int = 0, begun: Future[tuple[int, str]] | None = None) -> str:
        """Run gate as this person, print its output, and require the exit code `ends`."""
        print(f"\n{who}$ gate {' '.join(words)}", flush=True)
        code, output = (begun or self.begin(who, *words)).result()
        print("\n".join(f"  {line}" for line in output.splitlines()[-14:]), flush=True)
        if code != ends:
            raise CannotGo(f"gate {' '.join(words)} ended with {code}, expected {ends}")
        return output

    def _set_policy(self, folder: Path) -> None:
        """Put people's keys and the Prometheus port into the policy, and shorten minutes to seconds."""
        path = folder / "gate.yaml"
        text = path.read_text("utf-8").replace("127.0.0.1:9091", f"127.0.0.1:{self.prometheus}")
        for name in PEOPLE:
            key = (self.folder / f"{name}.key.pub").read_text("utf-8").strip()
            text = text.replace(
                f"emails: [{name}@acme.example]", f'emails: [{name}@acme.example], keys: ["{key}"]'
            )
        path.write_text(
            text.replace("for: 10m", "for: 2s").replace("[10m]", "[5s]").replace("[5m]", "[10s]"), "utf-8"
        )

    def _sign(self, name: str) -> None:
        key = "nehemiah" if name == "host" else name
        for option, value in (
            ("user.name", PEOPLE[key]), ("user.email", f"{key}@acme.example"), ("gpg.format", "ssh"),
            ("user.signingkey", str(self.folder / f"{key}.key")),
        ):  # fmt: skip
            git(self.folder / name, "config", option, value)


def run(folder: Path, *argv: str) -> tuple[int, str]:
    """Run a program, and return its exit code and output."""
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603  fixed arguments
    return done.returncode, (done.stdout + done.stderr).strip()


class Clock:
    """The steps of the story, with the wall-clock time of each and the CPU time of gate and this program."""

    def __init__(self) -> None:
        """Start timing the first step."""
        self._steps: list[tuple[str, float, float]] = []

    def step(self, text: str) -> None:
        """Begin the next step, and print its title."""
        self._steps.append((text, *self._now()))
        print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)

    def show(self) -> None:
        """Print a line for each step, and a total; the CPU time is that of processes that have ended."""
        ends = [*self._steps[1:], ("", *self._now())]
        for (text, *began), (_, *ended) in zip(self._steps, ends, strict=True):
            self._line(began, ended, text)
        self._line(list(self._steps[0][1:]), list(ends[-1][1:]), "together")

    def _now(self) -> tuple[float, float]:
        used = os.times()
        return time.monotonic(), used.user + used.system + used.children_user + used.children_system

    def _line(self, began: list[float], ended: list[float], text: str) -> None:
        took, computed = (end - begin for begin, end in zip(began, ended, strict=True))
        print(f"  {took:5.1f} s, of the processor {computed:5.1f} s: {text}")


CLOCK = Clock()
tell = CLOCK.step


def say(text: str) -> None:
    """Print a message of the release tool."""
    print(f"  {text.splitlines()[0]}", flush=True)


def replay(folder: Path) -> int:
    """Replay the story, and return 0 if it went as expected."""
    company = Company(folder)
    settings = load(company.host / "release.toml")
    production, staging = (Environment.named(settings, name) for name in ("production", "staging"))
    load_ = Load()
    try:
        tell("Version 1 is in production.")
        # This takes gate a while, so start now; the output is shown when the story gets there.
        asked = company.begin("nehemiah", *QUESTION)
        stack.up(settings, "version-1", say)
        fixed = _push_past_the_gate(company, staging, asked)
        for environment in (staging, production):
            _until_recorded(environment)
        load_.start(production.port())
        writer = Writer(production.port())
        with writer.writing():
            incident = _incident(company, production)
            text = notify(production, incident, say).read_text("utf-8")
            customer = notice(incident)
            _mended(company, staging, production, fixed)
            answered, failed = load_.finish()
        lost = writer.lost()
        tell("The report for the engineers:")
        print(text)
        tell("The notice for the customers:")
        print(customer)
        print(f"visitors' requests that failed: {failed} of {answered}, and {writer.failed} of the writer's")
        print(f"links added meanwhile: {len(writer.added)}, of which {len(lost)} are lost")
        print(f"downtime budget: {budget(production)}")
        tell("Everything is taken down.")
        stack.down(settings, lambda _: None)
        print("\nHow long each step took:")
        CLOCK.show()
        good = not lost and incident.seconds < 10 and production.records.state().live
        return 0 if good and good.subject.startswith(("Version 3", "Merge")) else 1
    finally:
        load_.stop()
        stack.down(settings, lambda _: None)


def _until_recorded(environment: Environment) -> None:
    """Wait until the guard records the first release: gate lets it into production only after it soaked in staging."""
    end = time.monotonic() + 60
    while environment.records.state().owed and time.monotonic() < end:
        time.sleep(0.2)


def _push_past_the_gate(
    company: Company, staging: Environment, asked: Future[tuple[int, str]]
) -> Future[tuple[int, str]]:
    tell("The new hire pushes version 2 to main. Nobody has read it.")
    git(company.folder / "new", "push", "--quiet", "origin", "version-2:main")
    try:
        deploy(staging, git(company.folder / "server.git", "rev-parse", "main"), say)
        raise CannotGo("gate let an unreviewed commit in")
    except Refused as error:
        print("\n".join(f"  {line}" for line in str(error).splitlines()[:12]), flush=True)
    tell("Nehemiah takes main back. On a branch, gate says what is wrong with it:")
    git(company.folder / "nehemiah", "push", "--quiet", "--force", "origin", "version-1:main")
    company.gate("nehemiah", *QUESTION, ends=1, begun=asked)
    # Start checking the fix while version 2 is still being pushed for.
    return company.begin("nehemiah", *FIX)


def _incident(company: Company, production: Environment) -> Any:
    tell(
        "A customer presses. Nehemiah, a guardian, waives the gate for version 2; everybody senior is notified."
    )
    git(company.folder / "nehemiah", "fetch", "--quiet", "origin")
    words = (
        "approve",
        "version-2",
        "--into",
        "production",
        "--waive",
        "--reason",
        "a customer presses",
        "--yes",
    )
    company.gate("nehemiah", *words)

    def with_the_import(text: str) -> None:
        say(text)
        if "gets 5 %" in text:
            # The nightly import adds the links of the first days after the smoke test.
            (production.folder / "urls.json").write_text('{"first": "https://example.com/first"}', "utf-8")

    try:
        deploy(production, "version-2", with_the_import)
    except WentBack as error:
        print(f"  the seniors' chat: {company.hook.next('Waived')}", flush=True)
        return error.incident
    raise CannotGo("version 2 was not rolled back")


def _mended(
    company: Company, staging: Environment, production: Environment, fixed: Future[tuple[int, str]]
) -> None:
    tell("Version 2 does not go out again. Version 3 has the fix, and goes through the gate:")
    company.gate("nehemiah", "promote", "version-2", "--into", "production", "--dry-run", ends=1)
    company.gate("nehemiah", *FIX, ends=1, begun=fixed)
    company.gate("nehemiah", "approve", "version-3", "--yes")
    company.gate("nehemiah", "merge", "version-3", "--push")
    head = git(company.folder / "server.git", "rev-parse", "main")
    deploy(staging, head, say)
    deploy(production, head, say, patience=60)


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="incident-") as folder:
            yield Path(folder)
        return
    if keep.exists() and any(keep.iterdir()):
        raise WrongUsage(f"--keep {keep}: it is not empty; name a new folder")
    keep.mkdir(parents=True, exist_ok=True)
    yield keep.absolute()


def main() -> int:
    """Replay the incident, and return 0 if it went as expected."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    parser = argparse.ArgumentParser(prog="python -m incident", description=__doc__)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder in which everything stays")
    options = parser.parse_args()
    try:
        with _scratch(options.keep) as folder:
            return replay(folder)
    except (CannotGo, Refused, WrongUsage) as error:
        print(error, file=sys.stderr)
        return 3
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
