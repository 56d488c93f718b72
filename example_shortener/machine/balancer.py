"""Control haproxy, in front of the releases: set each one's share of the requests, and read its counters."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from machine.engines import Service
from machine.problems import CannotGo
from machine.system import connect

ROLES = ("live", "baseline", "candidate", "spare")
CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx")


@dataclass(frozen=True, slots=True)
class Counted:
    """haproxy's counters for one server, since haproxy started."""

    requests: int
    failed: int
    ready: bool = True
    weight: int = 0

    def since(self, before: Counted) -> tuple[int, int]:
        """Return how many requests came since `before`, and how many of them failed."""
        requests, failed = self.requests - before.requests, self.failed - before.failed
        # A restarted haproxy counts from zero.
        return (self.requests, self.failed) if requests < 0 or failed < 0 else (requests, failed)


@dataclass(frozen=True, slots=True)
class Balancer:
    """The haproxy of one environment, which listens on a socket in its folder."""

    folder: Path
    program: Service

    def share(self, servers: Mapping[str, tuple[int, int]], patience: float = 0.0) -> None:
        """Set port and weight of each role, in one step. Other roles get no requests.

        Requests in progress are completed. Roles with more weight come first, so that some server is always available.
        With `patience`, wait up to this many seconds for a haproxy that was just started.
        """
        commands = []
        for role, (port, weight) in sorted(servers.items(), key=lambda item: -item[1][1]):
            server = f"releases/{role}"
            commands += [f"set server {server} addr 127.0.0.1 port {port}", f"set server {server} health up"]
            commands += [f"set server {server} state ready"]
            commands += [] if role == "spare" else [f"set weight {server} {weight}"]
        commands += [f"set server releases/{role} state maint" for role in ROLES if role not in servers]
        # haproxy also reports each changed address, and who changed it.
        harmless = ("changed from", "no need to change")
        lines = [line for line in self._ask(*commands, patience=patience).splitlines() if line.strip()]
        if errors := [line for line in lines if not any(words in line for words in harmless)]:
            raise CannotGo(f"{self.folder.name}: haproxy answers {' '.join(errors)!r}")

    def counted(self) -> dict[str, Counted]:
        """Return the counters of each role, and of the frontend `public`."""
        counts = {}
        for row in csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines()):
            public = (row["pxname"], row["svname"]) == ("public", "FRONTEND")
            if public or row["svname"] in ROLES:
                answers = {name: int(row[f"hrsp_{name}"] or 0) for name in CLASSES}
                # Requests that the server left without a response, whether haproxy sent them to another one or not.
                dropped = 0 if public else int(row["eresp"] or 0) + int(row["wretr"] or 0)
                counts["public" if public else row["svname"]] = Counted(
                    sum(answers.values()) + dropped, answers["5xx"] + dropped,
                    public or row["status"].startswith("UP"), int(row["weight"] or 0),
                )  # fmt: skip
        return counts

    def _ask(self, *commands: str, patience: float = 0.0) -> str:
        """Return haproxy's answer. Raises CannotGo if there is none."""
        end = time.monotonic() + patience
        while True:
            try:
                with connect(self.folder, "haproxy.sock", seconds=5) as connection:
                    connection.sendall("; ".join(commands).encode() + b"\n")
                    return b"".join(iter(lambda: connection.recv(65536), b"")).decode()
            except OSError as error:
                if time.monotonic() >= end:
                    message = f"{self.folder.name}: haproxy does not answer ({error}); is it up?"
                    raise CannotGo(f"{message} {self.program.last_line()}".rstrip()) from error
            time.sleep(0.05)
