"""Simulate visitors who send requests while releases change."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.client import ask
from machine.problems import CannotGo

HERE = Path(__file__).parent
CONNECTIONS = 8
"""The default number of concurrent visitors."""


class Load:
    """wrk, which sends requests as fast as they are answered."""

    def __init__(self) -> None:
        """Start without any visitors."""
        self._wrk: subprocess.Popen[str] | None = None

    def start(self, port: int, connections: int = CONNECTIONS) -> None:
        """Start wrk in the background; it runs until `finish` or `stop`."""
        program = shutil.which("wrk")
        if program is None:
            raise CannotGo("wrk is not installed; as root: apt-get install wrk")
        argv = [program, "-t1", f"-c{connections}", "-d10m", "--timeout", "10s", "-s", str(HERE / "load.lua")]
        self._wrk = subprocess.Popen(  # noqa: S603  fixed arguments
            [*argv, f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def finish(self) -> tuple[int, int]:
        """End wrk, and return the number of answered requests, and how many of them failed or got lost."""
        if self._wrk is None:
            return 0, 0
        self._wrk.send_signal(signal.SIGINT)
        output, _ = self._wrk.communicate(timeout=60)
        total = re.search(r"(\d+) requests in ", output)
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
        lost = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
        failed = (int(refused[1]) if refused else 0) + (sum(map(int, lost.groups())) if lost else 0)
        return int(total[1]) if total else 0, failed

    def stop(self) -> None:
        """Kill wrk without waiting for its result."""
        if self._wrk is not None:
            self._wrk.kill()
            self._wrk.wait()


class Writer:
    """A client that keeps adding links, and remembers every acknowledged one."""

    def __init__(self, port: int) -> None:
        """Write through the public port."""
        self._port = port
        self._stop = threading.Event()
        self.added: list[str] = []
        self.failed = 0

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """Write while the block runs."""
        thread = threading.Thread(target=self._write)
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()

    def lost(self) -> list[str]:
        """Return the acknowledged links that no longer exist."""
        return [code for code in self.added if ask(self._port, "GET", f"/api/links/{code}")[0] != 200]

    def _write(self) -> None:
        while not self._stop.wait(0.02):
            status, _, text = ask(
                self._port, "POST", "/api/links", '{"url": "https://example.com/"}', timeout=20
            )
            if status == 201:
                self.added.append(json.loads(text)["code"])
            else:
                self.failed += 1
