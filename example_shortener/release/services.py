"""The programs that stay: supervisor or systemd starts them, restarts them and keeps their logs.

Each is a line of shell in `services/NAME`, which one unit or one section of supervisord.conf runs. To give a slot
another release is to write that line anew and to restart the service.
"""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from release.problems import CannotGo

PATIENCE = 60.0
"""Seconds for something to be ready, also on a machine that is busy with much else."""
FILTERS: dict[str, Callable[[Any], str]] = {
    "time": lambda at: f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S UTC}",
    "span": lambda seconds: f"{seconds:.1f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes",
    "cell": lambda text: text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " "),
}
"""For people, in templates: a time, a length of time, and the text of a cell of a table."""


def run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, seconds: float | None = None
) -> tuple[int, str]:
    """Run a program to its end, or for so many seconds at most; returns its exit code (124 then) and its output."""
    try:
        process = subprocess.Popen(  # noqa: S603  our own words, no shell
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError as error:
        missing = f"{argv[0]} is not installed or not on PATH" if cwd.is_dir() else f"{cwd} does not exist"
        raise CannotGo(missing) from error
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output.strip()
    except subprocess.TimeoutExpired:
        return 124, f"{' '.join(argv[:3])} … did not end in {seconds:g} s"
    finally:
        # With whatever it has started: it may be waiting for a server that is silent.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def find(program: str, package: str) -> str:
    """The path of a program, also where only root has it on PATH; raises CannotGo that names the package."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if path is None:
        raise CannotGo(f"{program} is not installed; as root: apt-get install {package}")
    return path


def connect(folder: Path, name: str, seconds: float = PATIENCE) -> socket.socket:
    """A connection to the socket of this name. Its path must be short; that of the folder need not be."""
    descriptor, connection = os.open(folder, os.O_RDONLY), socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(seconds)
        connection.connect(f"/proc/self/fd/{descriptor}/{name}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(descriptor)
    return connection


def render(template: Path, **values: object) -> str:
    """The text of a file, such as an engine's configuration, with these values in it."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True)  # noqa: S701  none is HTML
    environment.undefined = jinja2.StrictUndefined
    environment.filters |= FILTERS
    return environment.from_string(template.read_text("utf-8")).render(values)


def replace(path: Path, text: str) -> None:
    """Write a file so that whoever reads it reads all of it or what was there before.

    The space for the next version is kept ready beside it, so that a full disk does not prevent a rollback.
    """
    data = text.encode()
    beside = path.with_name(f".{path.name}.next")
    with beside.open("r+b" if beside.exists() else "w+b") as file:
        file.write(data)
        file.truncate()
        os.fsync(file.fileno())
    beside.replace(path)
    with suppress(OSError):
        beside.write_bytes(b" " * max(4096, 2 * len(data)))


def read_json(path: Path) -> Any:
    """What the tool has written there; raises CannotGo where something else has."""
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CannotGo(f"{path} is damaged: {error}") from error


@dataclass(frozen=True, slots=True)
class Service:
    """A program with a name, of everything that runs in the folder `home`."""

    home: Path
    name: str
    systemd: bool = False

    @property
    def log(self) -> Path:
        """What it printed (with systemd, see also `journalctl --user -u`)."""
        return self.home / "services" / f"{self.name}.log"

    def last_line(self) -> str:
        """What it printed last, and where the rest is; "" where it printed nothing."""
        text = self.log.read_text("utf-8", "replace").strip() if self.log.exists() else ""
        return f"{text.splitlines()[-1]} (see {self.log})" if text else ""

    @property
    def pid(self) -> int | None:
        """Its process id, which is also that of its process group; None unless it runs."""
        if self.systemd:
            _, text = self._unit("show", "-p", "MainPID", "--value")
            return int(text) if text.isdigit() and text != "0" else None
        try:
            return int(self._supervisor("getProcessInfo")["pid"]) or None
        except (OSError, xmlrpc.client.Error):
            return None

    def start(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """(Re)start it as this command, with no other variables than these, or PATH alone."""
        variables = {"PATH": os.environ.get("PATH", os.defpath)} if env is None else env
        words = [f"{key}={value}" for key, value in variables.items()]
        # Where supervisord is killed, what it has started ends as well, and answers nobody whom no one supervises.
        command = shlex.join(["setpriv", "--pdeathsig", "TERM", "env", "-i", *words, *argv])
        text = f"cd {shlex.quote(str(cwd))} && exec {command}\n"
        replace(self.home / "services" / self.name, text)
        self.log.unlink(missing_ok=True)
        self.stop()
        if self.systemd:
            code, text = self._unit("start")
            if code:
                raise CannotGo(f"{self.name} could not be started: {text}")
            return
        try:
            # Where its log is gone, supervisor has to begin another one.
            with suppress(xmlrpc.client.Error):
                self._supervisor("clearProcessLogs")
            self._supervisor("startProcess")
        except (OSError, xmlrpc.client.Error) as error:
            raise CannotGo(f"{self.name} could not be started: {error}") from error

    def stop(self, *, wait: bool = True) -> None:
        """End it and whatever it has started; without `wait`, it ends its answers while others go on."""
        if self.systemd:
            self._unit("stop", *([] if wait else ["--no-block"]))
            return
        # It may have ended already, and supervisor as well.
        with suppress(OSError, xmlrpc.client.Error):
            self._supervisor("stopProcess", wait)
        while wait and self.pid:
            # It was ending already; supervisor kills what takes longer than `stopwaitsecs`.
            time.sleep(0.02)

    def _unit(self, command: str, *options: str) -> tuple[int, str]:
        unit = f"shortener@{self.name}.service"
        return run(["systemctl", "--user", command, *options, unit], cwd=self.home)

    def _supervisor(self, method: str, *arguments: bool) -> Any:
        """Call supervisord (https://supervisord.org/api.html) itself: to start `supervisorctl` each time is slow."""
        transport = _Local(self.home / "services")
        with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
            return getattr(server.supervisor, method)(self.name, *arguments)


class _Local(xmlrpc.client.Transport):
    """XML-RPC over the socket in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Connect; `close` ends it."""
        connection = http.client.HTTPConnection(host)
        connection.sock = connect(self._folder, "supervisor.sock")
        self._connection = host, connection
        return connection


def supervise(home: Path, names: Sequence[str]) -> None:
    """Have supervisord run, with a section for each of these services; what runs already goes on."""
    folder = home / "services"
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "supervisord.conf", render(Path(__file__).with_name("supervisord.conf"), names=names))
    code, output = _control(home, "update")
    if code or "refused" in output or "no such file" in output:
        argv = [find("supervisord", "supervisor"), "-c", "supervisord.conf"]
        code, output = run(argv, cwd=folder, env={"PATH": os.environ.get("PATH", os.defpath)})
        if code:
            raise CannotGo(f"supervisord could not be started: {output}")


def end_supervision(home: Path) -> None:
    """End supervisord, and with it everything that it runs."""
    number = home / "services" / "supervisord.pid"
    if not number.exists():
        return
    pid, end = int(number.read_text("utf-8")), time.monotonic() + PATIENCE
    _control(home, "shutdown")
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.kill(pid, 0)
            time.sleep(0.05)


def _control(home: Path, command: str) -> tuple[int, str]:
    argv = [find("supervisorctl", "supervisor"), "-c", "supervisord.conf", command]
    return run(argv, cwd=home / "services")
