"""What runs is found again, and what is recorded can be read again, whatever happens to the release tool."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from release.processes import Program
from release.records import Records
from release.story.stage import SAMPLE
from support.shop import Shop

KILLED = """
import os, signal, subprocess, sys
from pathlib import Path
from release.processes import Program

class Killed(subprocess.Popen):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        os.kill(os.getpid(), signal.SIGKILL)

subprocess.Popen = Killed
folder = Path(sys.argv[1])
Program(folder, "sleeper").start(["sleep", "600"], cwd=folder, env={"PATH": os.defpath})
"""
FULL = """
import resource, sys
from pathlib import Path
from release.records import Records

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
records = Records(Path(sys.argv[1]))
try:
    while True:
        records.add("tried", revision="0" * 40)
except OSError:
    print("full")
"""


def tool(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a script that imports the release tool, in a process of its own."""
    argv = [sys.executable, "-c", script, str(folder)]
    return subprocess.run(argv, cwd=SAMPLE, capture_output=True, text=True, check=False)


def test_killed_as_it_starts_a_program_that_one_is_found_and_ended(tmp_path: Path) -> None:
    assert tool(KILLED, tmp_path).returncode == -9
    end = time.monotonic() + 120
    while Program(tmp_path, "sleeper").pid is None:
        assert time.monotonic() < end
    Program(tmp_path, "sleeper").stop()
    assert Shop(tmp_path).left() == []


def test_a_full_disk_leaves_no_half_lines(tmp_path: Path) -> None:
    done = tool(FULL, tmp_path)
    assert (done.stdout, done.stderr) == ("full\n", "")
    records = Records(tmp_path)
    before = len(records.all())
    assert before > 1
    records.add("again")
    assert [record["event"] for record in records.all()] == ["tried"] * before + ["again"]
