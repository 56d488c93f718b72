"""The stage of the story: a repository with three versions, and visitors who keep coming."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from release.problems import CannotGo
from release.processes import Program, find, run
from release.servers import ask

SAMPLE = Path(__file__).parents[2]
HERE = Path(__file__).parent
VERSIONS = {
    "version-1": ("Version 1", "Nehemiah", "nehemiah"),
    "version-2": ("Version 2: the links of the first days lead somewhere again", "New Hire", "new"),
    "version-3": ("Version 3: the links of the first days are read as what they are", "New Hire", "new"),
}
NOT_COPIED = ("__pycache__", ".venv", "*.egg-info", ".*_cache", "*.db*", ".release", ".git")
SETTINGS = f"""\
# Free ports, little patience, and the Python that is there: this is a story. gate is not asked in it; see the README
# for how it is.
gate = ["true"]
python = {json.dumps(sys.executable)}
prometheus = 0
[environments.staging]
port = 0
[environments.production]
port = 0
watch = 2
[limits]
slack = 10                          # seconds: version 2 is not slow, and this machine may be
"""


def build_repository(folder: Path, settings: str = SETTINGS) -> Path:
    """A repository in `folder` with a tag for each version, and `release.toml` with these settings."""
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns(*NOT_COPIED), copy_function=shutil.copyfile)
    (folder / "release.toml").write_text(settings, "utf-8")
    _git(folder, "init", "--quiet", "--initial-branch", "main")
    for tag, (subject, name, mail) in VERSIONS.items():
        patch = HERE / f"{tag}.patch"
        if patch.exists():
            _git(folder, "apply", "--index", str(patch))
        _git(folder, "add", "--all")
        who = ("-c", f"user.name={name}", "-c", f"user.email={mail}@acme.example")
        _git(folder, *who, "commit", "--quiet", "--message", subject)
        _git(folder, "tag", tag)
    return folder


class Load:
    """wrk, which sends requests as fast as they are answered."""

    def __init__(self, folder: Path) -> None:
        """Its output is kept in `folder`."""
        self._program = Program(folder, "wrk")

    def start(self, port: int, connections: int = 8) -> None:
        """Begin, and come back at once; they come until `finish` or `stop`."""
        self._program.start(
            [
                *(find("wrk", "wrk"), "-t1", f"-c{connections}", "-d10m", "--timeout", "10s"),
                *("-s", str(HERE / "load.lua"), f"http://127.0.0.1:{port}/"),
            ],
            cwd=HERE,
            env={"PATH": os.defpath},
        )

    def finish(self) -> tuple[int, int]:
        """No more of them; returns how many requests were answered, and how many of them failed or got lost."""
        self._program.ask_to_end(signal.SIGINT)
        total = int(self._program.wait_for(r"(\d+) requests in "))
        self._program.wait_for(r"(Transfer/sec)")
        said = self._program.log.read_text("utf-8")
        refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
        lost = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
        failed = int(refused[1]) if refused else 0
        return total, failed + (sum(map(int, lost.groups())) if lost else 0)

    def stop(self) -> None:
        """Do not wait for its end."""
        self._program.stop()


class Writer:
    """Somebody who adds links all the time, and remembers each that was acknowledged."""

    def __init__(self, port: int) -> None:
        """It writes through the public's port."""
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
        """Acknowledged links that are not there any more."""
        return [code for code in self.added if ask(self._port, "GET", f"/api/links/{code}")[0] != 200]

    def _write(self) -> None:
        while not self._stop.wait(0.005):
            status, _, text = ask(
                self._port, "POST", "/api/links", '{"url": "https://example.com/"}', timeout=20
            )
            if status == 201:
                self.added.append(json.loads(text)["code"])
            else:
                self.failed += 1


def _git(folder: Path, *arguments: str) -> None:
    clean = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    code, said = run(["git", *arguments], cwd=folder, env=clean)
    if code:
        raise CannotGo(f"git {' '.join(arguments)}: {said}")
