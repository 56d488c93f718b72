"""The programs that stay: supervisor or systemd starts them, restarts them and keeps their logs.

Each is a line of shell in `services/NAME`, which one unit or one section of supervisord.conf runs. To give a slot
another release is to write that line anew and to restart the service.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.problems import CannotGo

PATIENCE = 60.0
"""Seconds for something to be ready, also on a machine that is busy with much else."""
CONFIGURATION = Path(__file__).with_name("supervisord.conf")


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
            return int(_ask(self.home, "getProcessInfo", self.name)["pid"]) or None
        except (OSError, xmlrpc.client.Error):
            return None

    def start(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> None:
        """(Re)start it as this command, with no other variables than these, or PATH alone."""
        variables = {"PATH": os.environ.get("PATH", os.defpath)} if env is None else env
        words = [f"{key}={value}" for key, value in variables.items()]
        text = f"cd {shlex.quote(str(cwd))} && exec env -i {shlex.join([*words, *argv])}\n"
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
                _ask(self.home, "clearProcessLogs", self.name)
            _ask(self.home, "startProcess", self.name)
        except (OSError, xmlrpc.client.Error) as error:
            raise CannotGo(f"{self.name} could not be started: {error}") from error

    def stop(self) -> None:
        """End it and whatever it has started."""
        if self.systemd:
            self._unit("stop")
            return
        # It may have ended already, and supervisor as well.
        with suppress(OSError, xmlrpc.client.Error):
            _ask(self.home, "stopProcess", self.name)

    def _unit(self, command: str, *options: str) -> tuple[int, str]:
        unit = f"shortener@{self.name}.service"
        return run(["systemctl", "--user", command, *options, unit], cwd=self.home)


class _Local(xmlrpc.client.Transport):
    """XML-RPC over a socket in the file system."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        """Connect; `close` ends it."""
        connection = http.client.HTTPConnection(host)
        self._connection = host, connection
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._path)
        return connection


def _ask(home: Path, method: str, name: str) -> Any:
    """Call supervisord (https://supervisord.org/api.html) itself: to start `supervisorctl` each time is slow."""
    transport = _Local((home / "services" / "socket").read_text("utf-8"))
    with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
        return getattr(server.supervisor, method)(name)


def supervise(home: Path, names: Sequence[str]) -> None:
    """Have supervisord run, with a section for each of these services; what runs already goes on."""
    folder, address = home / "services", _socket(home)
    folder.mkdir(parents=True, exist_ok=True)
    replace(folder / "socket", str(address))
    head, start, section = CONFIGURATION.read_text("utf-8").partition("[program:")
    text = head + "".join(f"{start}{section}".replace("{name}", name) for name in names)
    for word, path in (("{socket}", address), ("{folder}", folder)):
        text = text.replace(word, str(path).replace("%", "%%"))
    replace(folder / "supervisord.conf", text)
    code, output = _control(home, "update")
    if code or "refused" in output or "no such file" in output:
        code, output = run(
            [find("supervisord", "supervisor"), "-c", str(folder / "supervisord.conf")],
            cwd=home, env={"PATH": os.environ.get("PATH", os.defpath)},
        )  # fmt: skip
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


def _control(home: Path, command: str) -> tuple[int, str]:
    settings = str(home / "services" / "supervisord.conf")
    return run([find("supervisorctl", "supervisor"), "-c", settings, command], cwd=home)


def _socket(home: Path) -> Path:
    # The path of a socket must be short; that of the folder need not be.
    name = f"shortener-{os.getuid()}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / name
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise CannotGo(f"{folder} belongs to somebody else")
    return folder / "supervisor.sock"
