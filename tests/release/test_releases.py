"""Releases go out and come back, for real: haproxy, gunicorn, sqlite; in this order, in one shop."""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import re
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from itertools import count, islice, repeat
from pathlib import Path

import pytest
from incident.stage import SAMPLE
from incident.visitors import Load, Writer
from machine.engines import Service
from support.company import Result
from support.shop import PATH, Shop, needs
from support.waiting import alive, until

pytestmark = pytest.mark.slow
API = (SAMPLE / "shortener" / "web" / "api.py").read_text()
HTML = API.replace("return jsonify(_shown(state().links.find(code)))", "return '<html>'")


def columns(shop: Shop) -> list[str]:
    with closing(sqlite3.connect(shop.home / "production" / "links.db")) as connection:
        return [row[1] for row in connection.execute("PRAGMA table_info(links)")]


def wait_for(process: subprocess.Popen[str], words: str) -> None:
    """Read what the process prints until it prints these words."""
    assert process.stdout is not None
    assert any(words in line for line in process.stdout), process.communicate()[1]


def kill(process: int) -> None:
    """Kill a release with all its workers, and wait until they take no request any more."""
    os.killpg(process, signal.SIGKILL)
    until(lambda: not alive(process))


def events(shop: Shop, seen: int) -> list[str]:
    """What was recorded after the first so many records."""
    return [record["event"] for record in shop.records()[seen:]]


def services(shop: Shop) -> dict[str, str]:
    """What supervisord is to run, and the command line of each that runs."""
    names = re.findall(r"(?m)^\[program:(.+)\]$", (shop.home / "services" / "supervisord.conf").read_text())
    found = {}
    for name in names:
        pid = Service(shop.home, name).pid
        with suppress(OSError):
            found[name] = Path(f"/proc/{pid}/cmdline").read_text() if pid else ""
    return found


def stop(shop: Shop, service: str) -> None:
    """Stop it as an operator might, so that it is not started again by itself."""
    control = ["supervisorctl", "-c", "supervisord.conf", "stop", service]
    subprocess.run(control, cwd=shop.home / "services", check=True, capture_output=True)


def status_page(shop: Shop) -> str:
    address = f"http://127.0.0.1:{shop.prometheus()}/consoles/status.html"
    with urllib.request.urlopen(address, timeout=20) as answer:
        return str(answer.read().decode())


@pytest.fixture
def version_1(open_shop: Shop) -> Shop:
    """A shop in which version 1 is live, with the tables that it knows."""
    if open_shop.live() != "Version 1":
        open_shop.done("rollback", "--schema")
    assert open_shop.live() == "Version 1"
    return open_shop


def test_a_release_goes_out_and_comes_back_while_links_are_added(version_1: Shop) -> None:
    shop = version_1
    writer = Writer(shop.port())
    with writer.writing():
        result = shop.done("deploy", "version-3")
        assert "10 % of the requests" in result
        assert "100 % of the requests" in result
        assert (shop.live(), "last_click" in columns(shop)) == ("Version 3", True)
        # What only the newer release knows is in the copy that was made before the tables went back.
        shop.done("rollback", "--schema")
    assert (shop.live(), "last_click" in columns(shop)) == ("Version 1", False)
    assert writer.added
    assert (writer.failed, writer.lost()) == (0, [])


def test_a_rollback_leaves_the_tables_by_default(version_1: Shop) -> None:
    version_1.done("deploy", "version-3")
    assert "is live already" in version_1.done("deploy", "version-3")
    version_1.done("rollback")
    assert (version_1.live(), "last_click" in columns(version_1)) == ("Version 1", True)
    assert version_1.ask("GET", "/readyz")[0] == 200
    assert version_1.release("rollback").code == 3


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"shortener/web/app.py": "raise RuntimeError('no')\n"}, "did not become ready"),
        ({"shortener/migrations/__main__.py": "print('done')\n"}, "the tables cannot be changed: done"),
        ({"shortener/web/api.py": HTML}, "verify: a click was not counted: <html>"),
    ],
    ids=["not ready", "other migrations", "other answers"],
)
def test_a_release_that_is_not_the_service_gets_no_request(
    version_1: Shop, files: dict[str, str], reason: str
) -> None:
    if "shortener/migrations/__main__.py" in files:
        # There has to be something to migrate, behind what other tests have migrated to.
        forward, back = "ALTER TABLE links ADD COLUMN last_click INTEGER\n", "SELECT 1"
        for step in ("0002-last-click", "0003-more"):
            files |= {
                f"shortener/migrations/{step}.{way}.sql": sql
                for way, sql in (("forward", forward), ("back", back))
            }
    seen = len(version_1.records())
    result = version_1.release("deploy", version_1.commit(files, "Broken"))
    assert (result.code, "refused" in result.err) == (1, True), result.text
    assert reason in result.err
    assert version_1.live() == "Version 1"
    assert "refused" in events(version_1, seen)
    assert version_1.ask("HEAD", "/probe")[0] == 302


def test_tables_that_cannot_be_changed_change_nothing(shop: Shop) -> None:
    shop.done("up", "version-1")
    files = {
        "shortener/migrations/0002-wrong.forward.sql": "ALTER TABLE nowhere ADD COLUMN x",
        "shortener/migrations/0002-wrong.back.sql": "SELECT 1",
    }
    result = shop.release("deploy", shop.commit(files, "Wrong tables"))
    assert (result.code, "no such table" in result.err) == (1, True)
    # A number that the tables have passed already says nothing about what they went through.
    shop.done("deploy", "version-3")
    shop.done("rollback")
    result = shop.release("deploy", shop.commit(files, "Wrong tables"))
    assert (result.code, "have taken 0002-last-click.forward.sql" in result.err) == (1, True)
    assert (shop.live(), shop.ask("HEAD", "/probe")[0]) == ("Version 1", 302)


def test_a_mistake_that_only_production_shows_is_taken_back(version_1: Shop) -> None:
    urls = version_1.home / "production" / "urls.json"
    urls.write_text("{}")
    try:
        version_1.done("deploy", "version-2", "--into", "staging")
        refused = version_1.release("deploy", "version-2")
        assert (refused.code, "verify: GET /CODE answered 500" in refused.err) == (1, True)
        urls.unlink()
        # Now it passes the smoke test, and the file comes while it is watched.
        process = version_1.start("--settings", "patient.toml", "deploy", "version-2")
        wait_for(process, "10 % of the requests")
        urls.write_text("{}")
        _, err = process.communicate(timeout=600)
    finally:
        urls.unlink(missing_ok=True)
    assert process.returncode == 1
    assert "was rolled back" in err
    assert version_1.live() == "Version 1"
    exposed, record = [one for one in version_1.records() if one["event"] in {"exposed", "rolled back"}][-2:]
    assert (exposed["event"], record["event"], record["stopped_by"]) == (
        "exposed",
        "rolled back",
        "the watch",
    )
    assert record["author"] == "New Hire <new@acme.example>"
    (report,) = (version_1.home / "production" / "incidents").glob("*Z-" + record["revision"][:9] + ".md")
    text = report.read_text()
    assert "TypeError: the JSON object must be str, bytes or bytearray, not TextIOWrapper" in text
    page = f"<td>live<td>{version_1.state()['live']['revision'][:9]}"
    until(lambda: page in status_page(version_1) and " left." in status_page(version_1))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_ended_while_it_watches_it_goes_back(version_1: Shop, number: signal.Signals) -> None:
    seen = len(version_1.records())
    process = version_1.start("--settings", "patient.toml", "deploy", "version-3")
    assert process.stdout is not None
    for line in process.stdout:
        if "10 % of the requests" in line:
            process.send_signal(number)
        if "gets all requests again" in line:
            # Who is in a hurry presses the keys twice.
            process.send_signal(number)
            break
    _, err = process.communicate(timeout=600)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert (version_1.live(), version_1.state()["candidate"]) == ("Version 1", None)
    assert "rolled back" in events(version_1, seen)


def test_killed_while_it_watches_the_watch_is_resumed(version_1: Shop) -> None:
    seen = len(version_1.records())
    process = version_1.start("deploy", "version-3")
    wait_for(process, "10 % of the requests")
    # Who watches over the watch may be gone as well: supervisor starts it again.
    os.kill(version_1.pid("guard"), signal.SIGKILL)
    process.kill()
    process.communicate(timeout=600)
    until(lambda: version_1.state()["candidate"] is None)
    until(lambda: "deployed" in events(version_1, seen))
    assert "resumed" in events(version_1, seen)
    assert version_1.live() == "Version 3"
    version_1.done("rollback", "--schema")
    data = json.loads(version_1.done("status", "--json"))
    assert [(r["role"], r["share"]) for r in data["production"]["releases"]] == [("live", 100)]


def test_the_release_before_answers_where_the_live_one_dies(version_1: Shop) -> None:
    version_1.done("deploy", "version-3")
    live = f"production-{version_1.state()['live']['slot']}"
    pid = version_1.pid(live)
    killed, answers = threading.Event(), list[int]()

    def visit() -> None:
        """Also those whose request it has taken already are answered."""
        for _ in range(10):
            answers.append(version_1.ask("HEAD", "/probe")[0])
        while not killed.is_set():
            answers.append(version_1.ask("HEAD", "/probe")[0])

    with ThreadPoolExecutor() as visitors:
        visits = [visitors.submit(visit) for _ in range(4)]
        until(lambda: len(answers) > 40)
        kill(pid)
        killed.set()
        for one in visits:
            one.result()
    answers += [version_1.ask("HEAD", "/probe")[0] for _ in range(20)]
    assert set(answers) == {302}
    until(
        lambda: (
            version_1.ask("GET", "/readyz")[0] == 200 and Service(version_1.home, live).pid not in {None, pid}
        )
    )
    version_1.done("rollback", "--schema")


def test_a_release_that_dies_while_it_is_watched_is_taken_back(version_1: Shop) -> None:
    process = version_1.start("--settings", "patient.toml", "deploy", "version-3")
    wait_for(process, "10 % of the requests")
    pid = version_1.pid(f"production-{version_1.state()['candidate']['slot']}")
    kill(pid)
    _, err = process.communicate(timeout=600)
    assert (process.returncode, "was rolled back" in err) == (1, True)
    assert (version_1.live(), version_1.ask("HEAD", "/probe")[0]) == ("Version 1", 302)


def deployed_under_load(shop: Shop, added: str, subject: str) -> Result:
    """Deploy a release whose redirects begin with these lines, while visitors come."""
    needs("wrk")
    path = "shortener/web/redirects.py"
    text = (shop.home / "releases" / shop.state()["live"]["revision"] / path).read_text()
    first = "    links = state().links\n"
    revision = shop.commit({path: text.replace(first, first + added)}, subject)
    load = Load()
    # Fewer visitors than threads that answer them, so that a visitor waits only for the release.
    load.start(shop.port(), connections=4)
    try:
        return shop.release("--settings", "strict.toml", "deploy", revision)
    finally:
        load.stop()


def test_a_release_that_is_slow_is_taken_back(version_1: Shop) -> None:
    result = deployed_under_load(version_1, "    __import__('time').sleep(0.8)\n", "Slow")
    assert (result.code, version_1.live()) == (1, "Version 1")
    assert re.search(r"visits were slower than 2 times the baseline's", result.err)


def test_a_release_that_drops_connections_is_taken_back(version_1: Shop) -> None:
    # Only those of visitors, who come through haproxy: it asks another release, and no visitor sees an error.
    drop = (
        "    if 'X-Forwarded-For' in request.headers:\n"
        "        request.environ['gunicorn.socket'].shutdown(2)\n"
    )
    result = deployed_under_load(version_1, drop, "Drops connections")
    assert (result.code, version_1.live()) == (1, "Version 1")
    assert re.search(r"[1-9]\d* of \d+ requests to the new release failed", result.err)


def test_two_at_once_are_distinguished_and_a_rollback_ends_a_deploy(version_1: Shop) -> None:
    process = version_1.start("--settings", "patient.toml", "deploy", "version-3")
    wait_for(process, "10 % of the requests")
    second = version_1.release("deploy", "version-2")
    assert (second.code, f"process {process.pid} is at work here" in second.err) == (3, True)
    assert "gets all requests again" in version_1.done("rollback")
    # The report is written once, by who has rolled it back.
    err = process.communicate(timeout=600)[1]
    assert (process.returncode, "was rolled back by somebody else" in err) == (1, True)
    assert (version_1.live(), version_1.state()["candidate"]) == ("Version 1", None)


def test_up_again_changes_nothing_and_repairs_what_has_ended(version_1: Shop) -> None:
    port = version_1.port()
    version_1.done("up", "version-3")
    assert (version_1.port(), version_1.live()) == (port, "Version 1")
    state = version_1.state()["live"]
    pid = version_1.pid(f"production-{state['slot']}")
    kill(pid)
    version_1.done("up")
    assert version_1.ask("HEAD", "/probe")[0] == 302


def test_a_rollback_also_works_with_a_haproxy_that_was_started_since(version_1: Shop) -> None:
    version_1.done("deploy", "version-3")
    pid = version_1.pid("production-haproxy")
    os.kill(pid, signal.SIGKILL)
    version_1.done("up")
    assert version_1.ask("HEAD", "/probe")[0] == 302
    version_1.done("rollback", "--schema")
    assert (version_1.live(), version_1.ask("HEAD", "/probe")[0]) == ("Version 1", 302)


def test_what_was_reviewed_is_released_whatever_its_attributes_say(version_1: Shop) -> None:
    attributes = (
        "shortener/codes.py export-ignore\nshortener/web/*.py text eol=crlf\n*.py export-subst ident\n"
    )
    files = {".gitattributes": attributes, "shortener/reviewed.py": "# $Format:%H$ $Id$\n"}
    revision = version_1.commit(files, "Attributes")
    version_1.done("deploy", revision)
    released, replaced = version_1.home / "releases" / revision, version_1.home / "releases"
    for path in (*files, "shortener/codes.py", "shortener/web/app.py"):
        shown = subprocess.run(
            ["git", "cat-file", "blob", f"{revision}:{path}"],
            cwd=version_1.root, check=True, capture_output=True,
        )  # fmt: skip
        assert (released / path).read_bytes() == shown.stdout, path
    assert [path.name for path in replaced.iterdir() if len(path.name) != 40] == []
    version_1.done("rollback")
    assert version_1.live() == "Version 1"


def test_the_way_back_needs_neither_haproxy_nor_a_promise_nor_whole_records(version_1: Shop) -> None:
    version_1.done("deploy", "version-3")
    promise, records = version_1.root / "slo.yaml", version_1.home / "production" / "records.jsonl"
    text = promise.read_text()
    promise.write_text("version: 1\n")
    with records.open("a") as lines:
        lines.write('{"event": "expo\n')
    stop(version_1, "production-haproxy")
    try:
        assert version_1.release("status").code == 0
        version_1.done("rollback")
    finally:
        promise.write_text(text)
    assert version_1.live() == "Version 1"
    assert version_1.ask("GET", "/probe")[0] == 302


def test_the_proxy_limits_an_address_and_keeps_the_numbers_to_itself(version_1: Shop) -> None:
    def create(address: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", version_1.port(), timeout=20)
        headers = {"Content-Type": "application/json"} | ({"X-Forwarded-For": address} if address else {})
        connection.request("POST", "/api/links", '{"url": "https://example.com/", "expires_in": 1}', headers)
        answer = connection.getresponse()
        assert json.loads(answer.read()), "haproxy answers like the service"
        connection.close()
        return answer.status

    def limited(addresses: Iterator[str]) -> bool:
        """Whether this person may create 60 links, and is stopped some time after."""
        statuses = [create(address) for address in islice(addresses, 60)]
        return set(statuses) == {201} and 429 in (create(address) for address in islice(addresses, 1000))

    # As the proxy in front forwards them: the last address is the one that it has seen itself.
    assert limited(repeat("192.0.2.9, 198.51.100.7"))
    assert create("192.0.2.9") == create("198.51.100.7, 192.0.2.9") == create("") == 201
    # An address of IPv6 is one of many that the same person has.
    assert limited(f"2001:db8:0:1::{number:x}" for number in count())
    assert create("2001:db8:0:2::1") == 201
    for path in ("/metrics", "//metrics", "/metrics/", "/%6detrics", "/./metrics", "/a/../metrics", "/%2e/metrics",
                 "/metrics?x", "/metrics%2f", "/a/%2e%2e/metrics", "http://sho.rt/metrics"):  # fmt: skip
        status, _, text = version_1.ask("GET", path)
        assert (status in {400, 404}, json.loads(text).keys()) == (True, {"error"}), path
    for path, prefix in (("/a/metrics", "/a"), ("/probe", "/a")):
        connection = http.client.HTTPConnection("127.0.0.1", version_1.port(), timeout=20)
        connection.request("GET", path, headers={"SCRIPT_NAME": prefix, "PATH_INFO": "/metrics"})
        assert connection.getresponse().status == (404 if path == "/a/metrics" else 302)
        connection.close()


def test_whoever_sends_a_body_slowly_delays_nobody(version_1: Shop) -> None:
    def begin(stack: ExitStack, head: str) -> socket.socket:
        """Send a request whose body doesn't come."""
        connection = socket.create_connection(("127.0.0.1", version_1.port()), timeout=60)
        head = f"{head}\r\nHost: sho.rt\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        return stack.enter_context(connection)

    def answered_meanwhile() -> bool:
        with ExitStack() as stack:
            # More than the release has threads.
            slow = [
                begin(stack, f"{what} HTTP/1.1")
                for what in ("POST /api/links", "GET /probe")
                for _ in range(20)
            ]
            assert version_1.ask("GET", "/probe")[0] == 302
            return not select.select(slow, [], [], 0)[0]

    # haproxy waits ten seconds for the bodies; a busy machine may take longer to answer.
    assert any(answered_meanwhile() for _ in range(5))
    for header, body, status in (
        ("Transfer-Encoding: chunked", "0\r\n\r\n", b"411"),
        ("Content-Length: 16385", " " * 16385, b"413"),
    ):
        with socket.create_connection(("127.0.0.1", version_1.port()), timeout=60) as connection:
            connection.sendall(f"POST /api/links HTTP/1.1\r\nHost: sho.rt\r\n{header}\r\n\r\n{body}".encode())
            assert connection.recv(4096).split()[1] == status


def test_down_and_up_again_keeps_the_data(shop: Shop) -> None:
    shop.done("up", "version-1")
    assert shop.ask("POST", "/api/links", '{"url": "https://example.com/kept", "alias": "kept"}')[0] == 201
    shop.done("deploy", "version-3")
    shop.done("down")
    until(lambda: not shop.left())
    assert shop.release("deploy", "version-1").code == 3
    settings = shop.root / "release.toml"
    settings.write_text(settings.read_text().replace("workers = 2", "workers = 3"))
    shop.done("up")
    assert any("--workers 3" in line for line in shop.left()), "changed settings count from now on"
    assert shop.ask("GET", "/kept")[1] == "https://example.com/kept"
    assert shop.live() == "Version 3"


def test_systemd_may_start_the_supervisor(shop: Shop) -> None:
    """What `systemd/shortener.service` runs, in the order that it describes; there need not be a systemd."""
    shop.done("up", "version-1")
    port, services = shop.port(), shop.home / "services"
    unit = (SAMPLE / "systemd" / "shortener.service").read_text()
    (shutdown,) = re.findall(r"services && (supervisorctl .+)\) ", unit)
    (start,) = re.findall("(?m)^ExecStart=(.+)$", unit)
    subprocess.run(shutdown.split(), cwd=services, check=True, capture_output=True)
    until(lambda: Service(shop.home, "supervisord").pid is None)

    def started() -> subprocess.Popen[bytes]:
        """Like systemd, in a session of its own."""
        process = subprocess.Popen(
            start.split(), cwd=services, env={"PATH": PATH}, stdout=subprocess.DEVNULL, start_new_session=True
        )
        until(lambda: Service(shop.home, "supervisord").pid == process.pid)
        return process

    process = started()
    try:
        # From another folder than the one with the settings.
        done = subprocess.run(
            [sys.executable, "-P", "-m", "release", "--home", str(shop.home), "up"],
            cwd=shop.home, capture_output=True, text=True, check=False,
            env={"PATH": PATH, "HOME": str(shop.home), "PYTHONPATH": str(SAMPLE)},
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert (shop.port(), shop.ask("HEAD", "/probe")[0], shop.live()) == (port, 302, "Version 1")
        assert Service(shop.home, "supervisord").pid == process.pid
    finally:
        shop.done("down")
    # It ended by itself, so `Restart=on-failure` lets it rest.
    assert process.wait(60) == 0
    again = started()
    shop.done("down")
    assert again.wait(60) == 0


def test_a_killed_supervisord_is_started_again_with_all_that_it_ran(shop: Shop) -> None:
    shop.done("up", "version-1")
    shop.done("deploy", "version-3")
    before = services(shop)
    assert all(before.values())
    names = ("supervisord", "production-haproxy", "guard")
    killed = [shop.pid(name) for name in names]
    os.kill(killed[0], signal.SIGKILL)
    # Nothing answers any more that nobody supervises; and the guard has everything started again.
    until(lambda: not any(alive(pid) for pid in killed))
    until(lambda: shop.ask("HEAD", "/probe")[0] == 302)
    until(lambda: services(shop) == before)
    assert shop.live() == "Version 3"
    shop.done("rollback")
    assert (shop.live(), shop.ask("HEAD", "/probe")[0]) == ("Version 1", 302)


def cut_the_power(shop: Shop) -> None:
    """Kill everything that runs in the shop, at once: nothing can tidy up."""
    while pids := shop.processes():
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def test_after_a_power_failure_the_last_good_release_comes_back(shop: Shop) -> None:
    shop.done("up", "version-1")
    shop.done("deploy", "version-3")
    assert shop.ask("POST", "/api/links", '{"url": "https://example.com/kept", "alias": "kept"}')[0] == 201
    cut_the_power(shop)
    # What was being written: the next state, and a record.
    (shop.home / "production" / ".state.json.next").write_text('{"live": {"slot": "am')
    with (shop.home / "production" / "records.jsonl").open("a") as lines:
        lines.write('{"at": 1, "event": "expo')
    assert json.loads(shop.done("status", "--json"))["production"]["up"] is False
    shop.done("up", "version-1")
    assert (shop.live(), shop.ask("GET", "/kept")[1]) == ("Version 3", "https://example.com/kept")
    seen = len(shop.records())
    shop.done("rollback")
    assert (shop.live(), events(shop, seen)[0]) == ("Version 1", "rolled back"), (
        "the record is a line of its own"
    )

    # While a release is watched, the other one is the last that was found to be good.
    process = shop.start("--settings", "patient.toml", "deploy", "version-3")
    wait_for(process, "10 % of the requests")
    cut_the_power(shop)
    process.communicate(timeout=600)
    before = shop.state()
    assert (before["live"]["subject"], before["candidate"]["subject"][:9]) == ("Version 1", "Version 3")
    shop.done("up")
    assert shop.ask("HEAD", "/probe")[0] == 302
    # The guard goes on watching: the release is promoted or taken back, and does not stay half out.
    until(lambda: shop.state()["candidate"] is None)
    assert {"resumed"} <= {record["event"] for record in shop.records()}
    assert shop.ask("HEAD", "/probe")[0] == 302


def test_killed_while_it_prepares_nothing_is_left_of_it(version_1: Shop) -> None:
    before = services(version_1)
    # The smoke test waits for an answer that does not come.
    slow = API.replace("    return jsonify(", "    __import__('time').sleep(60)\n    return jsonify(")
    assert slow != API
    process = version_1.start("deploy", version_1.commit({"shortener/web/api.py": slow}, "Never ready"))
    wait_for(process, "runs beside the live release")
    candidate = version_1.state()["candidate"]
    assert candidate["subject"] == "Never ready"
    process.kill()
    process.communicate(timeout=600)
    until(lambda: version_1.state()["candidate"] is None and services(version_1) == before)
    until(lambda: not any(f":{candidate['port']} " in line for line in version_1.left()))
    assert (version_1.live(), version_1.ask("HEAD", "/probe")[0]) == ("Version 1", 302)


def test_a_rollback_waits_for_no_deploy_that_hangs(version_1: Shop) -> None:
    process = version_1.start("--settings", "patient.toml", "deploy", "version-3")
    wait_for(process, "10 % of the requests")
    process.send_signal(signal.SIGSTOP)
    try:
        version_1.done("rollback")
        assert (version_1.live(), version_1.state()["candidate"]) == ("Version 1", None)
    finally:
        process.send_signal(signal.SIGCONT)
    assert "was rolled back by somebody else" in process.communicate(timeout=600)[1]
    assert process.returncode == 1
    assert version_1.live() == "Version 1"


def test_a_closed_terminal_rolls_nothing_back(version_1: Shop) -> None:
    process = version_1.start("deploy", "version-3")
    wait_for(process, "asking gate")
    assert process.stdout is not None
    process.stdout.close()
    process.wait(timeout=600)
    assert version_1.live() == "Version 3"
    version_1.done("rollback", "--schema")


def test_the_way_back_does_not_need_the_monitoring(version_1: Shop) -> None:
    version_1.done("deploy", "version-3")
    # They take questions, and answer none.
    silent = [version_1.pid(name) for name in ("prometheus", "alertmanager")]
    for pid in silent:
        os.kill(pid, signal.SIGSTOP)
    try:
        out = version_1.done("rollback", "--schema")
    finally:
        for pid in silent:
            os.kill(pid, signal.SIGCONT)
    assert "nobody was notified: " in out
    assert version_1.live() == "Version 1"
    record = [record for record in version_1.records() if record["event"] == "rolled back"][-1]
    assert (record["measured"], record["failed"]) == (False, 0)


def test_a_disk_that_became_read_only_does_not_prevent_a_rollback(version_1: Shop) -> None:
    version_1.done("deploy", "version-3")
    # Only for this command: what runs has open files.
    script = 'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    read_only = ["unshare", "--mount", "sh", "-c", script, str(version_1.home)]
    if subprocess.run([*read_only, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    result = version_1.release("rollback", before=read_only)
    assert result.code == 0, result.text
    assert "Version 1) gets all requests again" in result.out
    assert "could not be written: Read-only file system" in result.out
    assert version_1.ask("HEAD", "/probe")[0] == 302
    # It could not be recorded, so it is repeated once that is possible.
    version_1.done("rollback")
    assert version_1.live() == "Version 1"


def test_a_hook_of_another_repository_may_deploy(version_1: Shop, tmp_path: Path) -> None:
    """git passes the repository to its hooks by environment variables."""
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path)], check=True)
    variables = {
        "GIT_DIR": str(tmp_path),
        "GIT_INDEX_FILE": "index",
        "GIT_OBJECT_DIRECTORY": str(tmp_path / "no"),
    }
    result = version_1.release("deploy", "version-3", **variables)
    assert (result.code, version_1.live()) == (0, "Version 3"), result.text


def test_a_full_disk_does_not_prevent_a_rollback(shop: Shop, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=120m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    at_home = ("--home", str(disk / "home"))
    small = dataclasses.replace(shop, folder=disk / "home")
    try:
        small.done(*at_home, "up", "version-1")
        small.done(*at_home, "deploy", "version-3")
        with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
            while True:
                ballast.write(b"0" * 512)
        # Also twice: the second one finds nothing to go back to, and says so.
        assert "gets all requests again" in small.done(*at_home, "rollback")
        assert small.release(*at_home, "rollback").code == 3
        assert (small.live(), small.ask("HEAD", "/probe")[0]) == ("Version 1", 302)
        refused = small.release(*at_home, "deploy", "version-3")
        assert (refused.code in {1, 3}, small.live()) == (True, "Version 1")
        (disk / "ballast").unlink()
        small.done(*at_home, "deploy", "version-3")
        assert small.live() == "Version 3"
    finally:
        small.done(*at_home, "down")
        # It is busy until the last of their processes has ended.
        until(lambda: subprocess.run(["umount", str(disk)], capture_output=True, check=False).returncode == 0)
