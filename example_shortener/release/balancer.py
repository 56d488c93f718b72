"""haproxy, in front of both releases: which of them gets how much, and how each of them does."""

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
from release.processes import PATIENCE, TICK, Program, find

CONFIGURATION = Path(__file__).with_name("haproxy.cfg")


@dataclass(frozen=True, slots=True)
class Counted:
    """What haproxy has counted since it started. `seconds` is what an answer took lately, on average."""

    requests: int
    failed: int
    seconds: float
    ready: bool
    weight: int


class Balancer:
    """The haproxy of one environment, in its folder."""

    def __init__(self, folder: Path) -> None:
        """It need not run."""
        self._folder = folder
        self.program = Program(folder, "haproxy")

    def start(self, port: int) -> tuple[int, int]:
        """Start it with nothing behind it; returns the port for the public, and the one for its numbers."""
        path = find("haproxy", "haproxy")
        # Listening here and handing the sockets over: no moment in which somebody else could take the port.
        with _listen(port) as public, _listen(0) as numbers:
            text = CONFIGURATION.read_text("utf-8")
            for name, listening in (("public", public), ("numbers", numbers)):
                text = text.replace(f"fd@{{{name}}}", f"fd@{listening.fileno()}")
            (self._folder / "haproxy.cfg").write_text(text, "utf-8")
            (self._folder / "haproxy.sock").unlink(missing_ok=True)
            self.program.start(
                [path, "-db", "-f", "haproxy.cfg"],
                cwd=self._folder,
                env={"PATH": os.defpath},
                pass_fds=(public.fileno(), numbers.fileno()),
            )
            ports = public.getsockname()[1], numbers.getsockname()[1]
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(CannotGo):
                self._say("show info")
                return ports
            if self.program.pid is None or time.monotonic() > end:
                self.program.wait_for("(?!)")
            time.sleep(TICK)

    def place(self, slot: str, port: int) -> None:
        """Let a slot stand for what listens on `port`, with no requests for now."""
        server = f"releases/{slot}"
        self._say(
            f"set server {server} state maint",
            f"set server {server} addr 127.0.0.1 port {port}",
            f"set weight {server} 0",
            f"set server {server} state ready",
        )

    def share(self, shares: Mapping[str, int]) -> None:
        """Share the requests out among the slots, in percent, all at once. What is being answered is finished."""
        # First who gets more, so that at no moment nobody gets anything.
        rising = sorted(shares.items(), key=lambda item: -item[1])
        self._say(*(f"set weight releases/{slot} {share}" for slot, share in rising))

    def close(self, slot: str) -> None:
        """Nothing more goes to this slot, and it is no longer looked at."""
        self._say(f"set server releases/{slot} state maint")

    def counted(self) -> dict[str, Counted]:
        """What was counted for each slot, and for the `public`."""
        rows = csv.DictReader(self._say("show stat").removeprefix("# ").splitlines())
        found = {}
        for row in rows:
            name = "public" if row["pxname"] == "public" else row["svname"]
            if row["svname"] in {"blue", "green"} or (name == "public" and row["svname"] == "FRONTEND"):
                whole = {key: int(value) for key, value in row.items() if value and value.isdigit()}
                answers = sum(whole.get(f"hrsp_{kind}", 0) for kind in ("1xx", "2xx", "3xx", "4xx", "5xx"))
                found[name] = Counted(
                    requests=whole.get("req_tot", answers) if name == "public" else answers,
                    failed=whole.get("hrsp_5xx", 0),
                    seconds=whole.get("rtime", 0) / 1000,
                    ready=row["status"].startswith("UP") or name == "public",
                    weight=whole.get("weight", 0),
                )
        return found

    def drained(self, slot: str) -> bool:
        """Whether nothing is being answered by this slot any more."""
        rows = csv.DictReader(self._say("show stat").removeprefix("# ").splitlines())
        return all(row["scur"] == "0" for row in rows if row["svname"] == slot)

    def _say(self, *commands: str) -> str:
        """What haproxy answers; raises CannotGo if it does not, or does not understand."""
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(5)
                # The path of a socket must be short; that of the folder need not be.
                connection.connect(f"/proc/self/fd/{folder}/haproxy.sock")
                connection.sendall("; ".join(commands).encode() + b"\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        except OSError as error:
            raise CannotGo(f"{self._folder.name}: haproxy does not answer ({error}); is it up?") from error
        finally:
            os.close(folder)
        if commands[0].startswith("set ") and (said := _complaint(answer)):
            raise CannotGo(f"{self._folder.name}: haproxy says {said!r} to {'; '.join(commands)!r}")
        return answer


def _complaint(answer: str) -> str:
    """What haproxy has against it. It also tells of a changed address, and then says who changed it."""
    lines = [line for line in answer.splitlines() if line.strip()]
    return " ".join(line for line in lines if "changed from" not in line and "no need to change" not in line)


def _listen(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(("127.0.0.1", port))
    except OSError as error:
        listening.close()
        raise CannotGo(f"port {port} is taken: {error.strerror}; set another one in release.toml") from error
    listening.listen(1024)
    return listening
