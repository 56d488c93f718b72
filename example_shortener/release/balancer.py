"""haproxy, in front of the releases: which of them gets how much, and how each of them does."""

from __future__ import annotations

import csv
import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from release.problems import CannotGo
from release.services import PATIENCE, Service, find, replace

CONFIGURATION = Path(__file__).with_name("haproxy.cfg")
ROLES = ("live", "baseline", "candidate", "spare")


@dataclass(frozen=True, slots=True)
class Counted:
    """What haproxy has counted for a server since it started."""

    requests: int
    failed: int
    ready: bool
    weight: int


@dataclass(frozen=True, slots=True)
class Balancer:
    """The haproxy of one environment, in its folder. `ports` are that for visitors, and that for its numbers."""

    folder: Path
    program: Service
    ports: tuple[int, int]

    def configure(self, servers: Mapping[str, tuple[int, int]]) -> None:
        """Write what a (re)started haproxy reads: the port and the weight of each role."""
        lines = []
        for role in ROLES:
            port, weight = servers.get(role, (1, 0))
            options = "backup" if role == "spare" else f"weight {weight}"
            lines.append(
                f"    server {role} 127.0.0.1:{port} {options}{'' if role in servers else ' disabled'}"
            )
        text = CONFIGURATION.read_text("utf-8")
        values = (("public", self.ports[0]), ("numbers", self.ports[1]), ("servers", "\n".join(lines)))
        for name, value in values:
            text = text.replace(f"{{{name}}}", str(value))
        replace(self.folder / "haproxy.cfg", text)

    def start(self) -> None:
        """Start it, as it is configured."""
        (self.folder / "haproxy.sock").unlink(missing_ok=True)
        path = find("haproxy", "haproxy")
        self.program.start([path, "-db", "-f", "haproxy.cfg"], cwd=self.folder)
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(CannotGo):
                self._ask("show info")
                return
            if time.monotonic() > end or "ALERT" in self.program.last_line():
                raise CannotGo(f"haproxy did not start: {self.program.last_line() or 'it printed nothing'}")
            time.sleep(0.05)

    def share(self, servers: Mapping[str, tuple[int, int]]) -> None:
        """Send the requests there, all at once: the port and the weight of each role. Others get none.

        What is being answered is finished. Those that get more come first, so that at no moment nobody gets any.
        """
        commands = []
        for role, (port, weight) in sorted(servers.items(), key=lambda item: -item[1][1]):
            server = f"releases/{role}"
            commands += [f"set server {server} addr 127.0.0.1 port {port}", f"set server {server} health up"]
            commands += [f"set server {server} state ready"]
            commands += [] if role == "spare" else [f"set weight {server} {weight}"]
        commands += [f"set server releases/{role} state maint" for role in ROLES if role not in servers]
        self._ask(*commands)

    def counted(self) -> dict[str, Counted]:
        """What was counted for each role, and for the `public`."""
        counts = {}
        for row in csv.DictReader(self._ask("show stat").removeprefix("# ").splitlines()):
            name = "public" if row["pxname"] == "public" else row["svname"]
            if row["svname"] in ROLES or (name == "public" and row["svname"] == "FRONTEND"):
                whole = {key: int(value) for key, value in row.items() if value and value.isdigit()}
                answers = sum(whole.get(f"hrsp_{kind}", 0) for kind in ("1xx", "2xx", "3xx", "4xx", "5xx"))
                ready = row["status"].startswith("UP") or name == "public"
                counts[name] = Counted(answers, whole.get("hrsp_5xx", 0), ready, whole.get("weight", 0))
        return counts

    def _ask(self, *commands: str) -> str:
        """What haproxy answers; raises CannotGo if it does not, or does not understand."""
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                # The path of a socket must be short; that of the folder need not be.
                connection.connect(f"/proc/self/fd/{folder}/haproxy.sock")
                connection.sendall("; ".join(commands).encode() + b"\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError as error:
            raise CannotGo(f"{self.folder.name}: haproxy does not answer ({error}); is it up?") from error
        finally:
            os.close(folder)
        complaints = [line for line in answer.splitlines() if line.strip() and not _harmless(line)]
        if commands[0].startswith("set ") and complaints:
            raise CannotGo(f"{self.folder.name}: haproxy answers {' '.join(complaints)!r}")
        return answer


def _harmless(line: str) -> bool:
    """haproxy also reports a changed address, and who changed it."""
    return "changed from" in line or "no need to change" in line
