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
import socket
import subprocess
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from release.problems import CannotGo

PATIENCE = 60.0
"""Seconds for something to be ready, also on a machine that is busy with much else."""
SECTION = """
[program:{name}]
command=/bin/sh {folder}/{name}
directory={home}
autostart=false
autorestart=true
startsecs=0
stopwaitsecs=20
stopasgroup=false
killasgroup=true
redirect_stderr=true
stdout_logfile={folder}/{name}.log
stdout_logfile_maxbytes=5MB
stdout_logfile_backups=3
"""


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program to its end; returns its exit code and its output."""
    try:
        done = subprocess.run(  # noqa: S603  our own words, no shell
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except FileNotFoundError as error:
        missing = f"{argv[0]} is not installed or not on PATH" if cwd.is_dir() else f"{cwd} does not exist"
        raise CannotGo(missing) from error
    return done.returncode, done.stdout.strip()


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

    def start(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """(Re)start it as this command, with no other variables than these."""
        words = [f"{key}={value}" for key, value in env.items()]
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
    settings = ConfigParser()
    settings.read_string(configuration(home).read_text("utf-8"))
    transport = _Local(settings["unix_http_server"]["file"])
    with xmlrpc.client.ServerProxy("http://localhost", transport=transport) as server:
        return getattr(server.supervisor, method)(name)


def configuration(home: Path) -> Path:
    """Where supervisord finds what it runs."""
    return home / "services" / "supervisord.conf"


def supervise(home: Path, names: Sequence[str]) -> None:
    """Have supervisord run, with a section for each of these services; what runs already goes on."""
    folder = home / "services"
    folder.mkdir(parents=True, exist_ok=True)
    address = _socket(home)
    text = (
        f"[unix_http_server]\nfile={address}\nchmod=0700\n"
        f"[supervisord]\nlogfile={folder}/supervisord.log\npidfile={folder}/supervisord.pid\ndirectory={home}\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
        f"[supervisorctl]\nserverurl=unix://{address}\n"
    ) + "".join(SECTION.format(name=name, folder=folder, home=home) for name in names)
    replace(configuration(home), text.replace("%", "%%"))
    control = [find("supervisorctl", "supervisor"), "-c", str(configuration(home))]
    code, output = run([*control, "update"], cwd=home)
    if code or "refused" in output or "no such file" in output:
        daemon = [find("supervisord", "supervisor"), "-c", str(configuration(home))]
        code, output = run(daemon, cwd=home, env={"PATH": os.environ.get("PATH", os.defpath)})
        if code:
            raise CannotGo(f"supervisord could not be started: {output}")


def end_supervision(home: Path) -> None:
    """End supervisord, and with it everything that it runs."""
    if configuration(home).exists():
        run([find("supervisorctl", "supervisor"), "-c", str(configuration(home)), "shutdown"], cwd=home)
        end = time.monotonic() + PATIENCE
        while (home / "services" / "supervisord.pid").exists() and time.monotonic() < end:
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


def _socket(home: Path) -> Path:
    # The path of a socket must be short; that of the folder need not be.
    name = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    folder = (
        Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()) / f"shortener-{os.getuid()}-{name}"
    )
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid() or folder.is_symlink():
        raise CannotGo(f"{folder} belongs to somebody else")
    return folder / "supervisor.sock"
