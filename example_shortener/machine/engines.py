"""Control supervisord, which starts, restarts, and logs everything else; also choose the port of each engine.

supervisord runs exactly what its configuration names: to start, change, or end a program, rewrite the configuration
(see `configuration.py`) and have it reloaded.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from machine.problems import CannotGo
from machine.settings import Settings
from machine.system import PATIENCE, free_port, must_be_free, read_json, replace, run

PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
"""Some engines are installed in folders on root's PATH."""
MONITORS = ("prometheus", "alertmanager", "blackbox")
PROGRAMS = (
    "haproxy", "supervisord", "setpriv", "prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter",
)  # fmt: skip
PACKAGES = {"supervisord": "supervisor", "setpriv": "util-linux"}
"""The Debian packages of programs with another name."""


@dataclass(frozen=True, slots=True)
class Service:
    """A program that supervisord runs, in the folder `home`."""

    home: Path
    name: str

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.home / "services" / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The id of its process and process group; None if it isn't running."""
        with suppress(OSError, ValueError):
            pid = int(self.log.with_suffix(".pid").read_text("utf-8"))
            return pid if _is_running(pid, self.home) else None
        return None

    def last_line(self) -> str:
        """The last line of its output, and the file with the rest; "" without output."""
        text = self.log.read_text("utf-8", "replace").strip() if self.log.exists() else ""
        return f"{text.splitlines()[-1]} (see {self.log})" if text else ""


def need_packages() -> None:
    """Raise CannotGo with the missing packages, if any."""
    missing = [PACKAGES.get(name, name) for name in PROGRAMS if shutil.which(name, path=PATH) is None]
    if missing:
        raise CannotGo(f"these are not installed; as root: apt-get install {' '.join(missing)}")


def choose_ports(settings: Settings) -> None:
    """Choose the ports, once. Raises CannotGo if one of them is taken."""
    path = settings.folder / "ports.json"
    known = read_json(path) if path.exists() and Service(settings.folder, "supervisord").pid else {}
    wished = {name: target.port for name, target in settings.environments.items()}
    wished |= {f"{name}-numbers": 0 for name in wished} | dict.fromkeys(MONITORS, 0)
    wished["prometheus"] = settings.prometheus
    ports = {name: known.get(name) or must_be_free(port or free_port()) for name, port in wished.items()}
    replace(path, json.dumps(ports, indent=1))


def port_of(settings: Settings, name: str) -> int:
    """Return the port of an engine, or of an environment's haproxy. Raises CannotGo if nothing is up."""
    path = settings.folder / "ports.json"
    ports: dict[str, int] = read_json(path) if path.exists() else {}
    if name not in ports:
        raise CannotGo(f"{name} is not up; bring it up with: python -m release up")
    return ports[name]


def supervise(home: Path, *, again: bool = False) -> None:
    """Have supervisord run what its configuration names. With `again`, also start what somebody has stopped."""
    if Service(home, "supervisord").pid and _control(home, "update")[0] == 0:
        if again:
            _control(home, "start", "all")
        return
    code, output = run(["supervisord", "-c", "supervisord.conf"], cwd=home / "services", env={"PATH": PATH})
    if code:
        raise CannotGo(f"supervisord could not be started: {output}")


def shut_down(home: Path) -> None:
    """Stop supervisord and everything that it runs."""
    pid, end = Service(home, "supervisord").pid, time.monotonic() + PATIENCE
    if pid:
        _control(home, "shutdown")
    while pid and _is_running(pid, home):
        if time.monotonic() > end:
            raise CannotGo(f"supervisord does not end; see {home / 'services' / 'supervisord.log'}")
        time.sleep(0.05)


def _control(home: Path, *words: str) -> tuple[int, str]:
    return run(["supervisorctl", "-c", "supervisord.conf", *words], cwd=home / "services", env={"PATH": PATH})


def _is_running(pid: int, home: Path) -> bool:
    """Return whether this process leads its group, runs, and works in `home`: an id is used again after a reboot.

    If it isn't running, others in its group may still be.
    """
    process = Path("/proc", str(pid))
    with suppress(OSError):
        state, _, group = (process / "stat").read_text("utf-8").rpartition(")")[2].split()[:3]
        ours = (process / "cwd").readlink().is_relative_to(home.resolve())
        return ours and int(group) == pid and state not in {"Z", "X"}
    return False
