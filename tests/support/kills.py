"""Kill gate, and every git process that it started, at any of its file operations; see kill_at.c."""

from __future__ import annotations

import os
import platform
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.company import Clone, isolated
from support.waiting import alive, until

SOURCE = Path(__file__).with_name("kill_at.c")
# A run takes every fourth step, the same ones each time; `GATE_EVERY_STEP=1` takes all.
EVERY_STEP = bool(os.environ.get("GATE_EVERY_STEP"))
STRIDE = 1 if EVERY_STEP else 4


@dataclass(frozen=True)
class Killer:
    """The compiled kill_at.c, and a folder for its counters."""

    library: Path
    folder: Path

    def steps(self, clone: Clone, *args: str, below: Path) -> list[str]:
        """Return the path of each operation on files below `below` that `gate ARGS` makes, in order."""
        trace = self.folder / "trace"
        trace.unlink(missing_ok=True)
        code, result = self.run(clone, *args, below=below, at=0, more={"KILL_TRACE": str(trace)})
        assert code == 0, result
        return trace.read_text().splitlines()

    def run(
        self, clone: Clone, *args: str, below: Path, at: int, more: dict[str, str] | None = None
    ) -> tuple[int, str]:
        """Run `gate ARGS` up to operation number `at`. Return exit code and output once no process is left."""
        count = self.folder / f"count-{below.name}"
        count.unlink(missing_ok=True)
        env = {
            **isolated(clone.path.parent / "home"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LD_PRELOAD": str(self.library),
            "KILL_BELOW": f"{below}{os.sep}",
            "KILL_COUNT": str(count),
            "KILL_AT": str(at),
            **(more or {}),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "gate", *args],
            cwd=clone.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            result, _ = process.communicate()
        until(lambda: not alive(process.pid))
        return process.returncode, result


def make_killer(folder: Path) -> Killer:
    """Compile kill_at.c. Skips the test if that isn't possible."""
    compiler = shutil.which("cc")
    if platform.system() != "Linux" or compiler is None:
        pytest.skip("to end programs at a certain operation takes Linux and a C compiler")
    library = folder / "kill_at.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return Killer(library, folder)


KILLED = -signal.SIGKILL
