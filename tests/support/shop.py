"""A shop for tests: the sample as a repository with three versions, started and released by its own commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from incident.stage import build_repository
from machine.client import ask
from machine.engines import Service
from support.company import Result, isolated

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
ENGINES = ("haproxy", "supervisord", "prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
FAST = """\
gate = [{gate}]
python = {python}
prometheus = 0
[environments.staging]
port = 0
shares = [100]
watch = 0.3
[environments.production]
port = 0
shares = [10, 100]
watch = 0.5
workers = 2
"""
# The machine may be slow at any moment: only where it is asked for is that a reason to go back.
PATIENT = "[limits]\nslack = 30.0\n"


def needs(*programs: str) -> None:
    """Skip the test if one of these programs isn't installed."""
    missing = [program for program in programs if shutil.which(program, path=PATH) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@dataclass(frozen=True)
class Shop:
    """The repository of a person who runs the shortener."""

    root: Path
    folder: Path | None = None

    @property
    def home(self) -> Path:
        return self.folder or self.root / ".release"

    def release(
        self, *arguments: str, module: str = "release", before: Sequence[str] = (), **variables: str
    ) -> Result:
        """Run `python -m release ARGUMENTS`."""
        process = self.start(*arguments, module=module, before=before, **variables)
        out, err = process.communicate(timeout=600)
        assert "Traceback" not in err, err
        return Result(process.returncode, out, err)

    def done(self, *arguments: str) -> str:
        """Run the command, which must succeed, and return its output."""
        result = self.release(*arguments)
        assert result.code == 0, result.text
        return result.out

    def start(
        self, *arguments: str, module: str = "release", before: Sequence[str] = (), **variables: str
    ) -> subprocess.Popen[str]:
        """Start `python -m release ARGUMENTS`, by the command `before` if there is one."""
        own = {"PATH": PATH, "HOME": str(self.root.parent), "LANG": "C.UTF-8", "USER": "tester"}
        return subprocess.Popen(
            [*before, sys.executable, "-m", module, *arguments],
            cwd=self.root,
            env=own | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def port(self, environment: str = "production") -> int:
        return self.ports()[environment]

    def ask(
        self, method: str, path: str, body: str = "", environment: str = "production"
    ) -> tuple[int, str, str]:
        return ask(self.port(environment), method, path, body, timeout=20)

    def live(self, environment: str = "production") -> str:
        """Return the first words of the live release's subject."""
        return str(self.state(environment)["live"]["subject"])[: len("Version 1")]

    def state(self, environment: str = "production") -> Any:
        return json.loads((self.home / environment / "state.json").read_text())

    def records(self, environment: str = "production") -> list[dict[str, Any]]:
        """Return the records, oldest first."""
        return records_in(self.home / environment)

    def ports(self) -> dict[str, int]:
        """Return the port of each engine."""
        return dict(json.loads((self.home / "ports.json").read_text()))

    def prometheus(self) -> int:
        return self.ports()["prometheus"]

    def pid(self, service: str) -> int:
        """Return the process id of a running service."""
        pid = Service(self.home, service).pid
        assert pid is not None
        return pid

    def commit(self, files: dict[str, str], subject: str) -> str:
        """Create a commit on top of version 1 without moving any branch. Return its id."""
        ada = {"NAME": "Ada", "EMAIL": "ada@acme.example"}
        env = isolated(self.root.parent) | {
            "GIT_INDEX_FILE": str(self.root.parent / "index"),
            **{f"GIT_{who}_{what}": ada[what] for who in ("AUTHOR", "COMMITTER") for what in ada},
        }

        def git(*arguments: str, text: str = "") -> str:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.root,
                env=env,
                input=text,
                text=True,
                check=True,
                capture_output=True,
            )
            return done.stdout.strip()

        git("read-tree", "version-1")
        for path, content in files.items():
            blob = git("hash-object", "-w", "--stdin", text=content)
            git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
        return git("commit-tree", git("write-tree"), "-p", "version-1", "-m", subject)

    def left(self) -> list[str]:
        """Return the command lines of the processes that are left."""
        return list(self.processes().values())

    def processes(self) -> dict[int, str]:
        """Return the command lines of the processes whose working folder is in this repository."""
        found = {}
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and str((entry / "cwd").readlink()).startswith(str(self.root)):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found


def records_in(folder: Path) -> list[dict[str, Any]]:
    """Return the records in an environment's folder, but for lines that a power failure cut off."""
    found = []
    path = folder / "records.jsonl"
    for line in path.read_text().splitlines() if path.exists() else ():
        with suppress(ValueError):
            found.append(json.loads(line))
    return found


def build_shop(
    folder: Path, gate: str = '"true"', more: str = "", prepare: Callable[[Path], None] = lambda _: None
) -> Shop:
    """Create a repository at `version-3` with nothing running. `prepare` may change files of the first version."""
    settings = FAST.format(gate=gate, python=json.dumps(sys.executable)) + more
    shop = Shop(build_repository(folder / "shop", settings + PATIENT, prepare))
    # There is time to end a deploy while it watches.
    (shop.root / "patient.toml").write_text(settings.replace("watch = 0.5", "watch = 600") + PATIENT)
    # There is time to notice what a release does wrong; one that does nothing wrong is soon live.
    (shop.root / "strict.toml").write_text(settings.replace("watch = 0.5", "watch = 20"))
    return shop
