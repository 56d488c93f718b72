"""Tests with a real gunicorn on loopback, with two workers."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import shortener

pytestmark = pytest.mark.slow


@contextmanager
def serving(database: Path, scratch: Path) -> Iterator[int]:
    """Run gunicorn, and yield its port; end it cleanly afterwards."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PROMETHEUS_")}
    environ |= {
        "SHORTENER_DATABASE": str(database),
        "PYTHONPATH": str(Path(shortener.__file__).parents[1]),
        "TMPDIR": str(scratch),
    }
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "python:shortener.serving",
        "--bind",
        "127.0.0.1:0",
    ]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, env=environ, cwd=scratch, stderr=log)  # noqa: S603  fixed arguments
        try:
            yield port(process, log.fileno())
        finally:
            process.terminate()
            # A worker's output before it ended says more than a reset connection.
            assert process.wait(120) == 0, os.pread(log.fileno(), 65536, 0).decode()


def port(process: subprocess.Popen[bytes], log: int) -> int:
    """Return the port that gunicorn writes to its log."""
    while process.poll() is None:
        found = re.search(rb"Listening at: http://127\.0\.0\.1:(\d+)", os.pread(log, 65536, 0))
        if found:
            return int(found[1])
        time.sleep(0.01)
    raise AssertionError(os.pread(log, 65536, 0).decode())


def ask(
    port: int, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


def test_the_service_under_gunicorn(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with serving(tmp_path / "links.db", scratch) as port:
        assert ask(port, "GET", "/readyz")[0] == 200
        status, _, body = ask(port, "POST", "/api/links", {"url": "https://example.com/", "alias": "spring"})
        assert (status, json.loads(body)["short_url"]) == (201, f"http://127.0.0.1:{port}/spring")
        # No header may set the path of the service: that would be another way to write a path.
        assert ask(port, "GET", "/a/metrics", SCRIPT_NAME="/a")[0] == 404
        assert ask(port, "HEAD", "/spring", SCRIPT_NAME="/a")[0] == 302
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: ask(port, "GET", "/spring"), range(60)))
        assert {(status, headers["Location"]) for status, headers, _ in answers} == {
            (302, "https://example.com/")
        }
        assert json.loads(ask(port, "GET", "/api/links/spring")[2])["clicks"] == 60
        # Any worker answers for both.
        series = 'shortener_requests_total{method="GET",status="302",view="redirects.follow"} 60.0'
        for _ in range(6):
            assert series in ask(port, "GET", "/metrics")[2]
    assert list(scratch.iterdir()) == []
