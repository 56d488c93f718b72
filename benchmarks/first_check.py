"""Compare the first check of a project that nobody has set up with what its developers would wait for.

    python benchmarks/first_check.py REPOSITORY [--own COMMAND]...

Both sides start from a fresh clone, with uv's package cache as it is. One side is `uv sync` and the slowest of the
project's own commands (pytest, mypy, and ruff, unless `--own` names others), the other is `gate check` without
settings. The target is 1.1 times the own side plus one second. On a busy machine, compare processor time.
"""

from __future__ import annotations

import argparse
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BIN = Path(sys.executable).parent
OWN = ["pytest -q", "mypy", "ruff check"]
FACTOR, MORE = 1.1, 1.0


def measured(argv: list[str], cwd: Path, environ: dict[str, str]) -> tuple[float, float, int]:
    """Run a command, and return its wall time, processor time, and exit code."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    code = subprocess.run(argv, cwd=cwd, env=environ, capture_output=True, check=False).returncode
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - start, used, code


def clone(source: str, folder: Path, name: str) -> Path:
    """Create a fresh clone."""
    target = folder / name
    subprocess.run(["git", "clone", "-q", source, str(target)], check=True)
    return target


def main() -> int:
    """Measure both sides, and print the seconds and the ratios. Returns 1 if processor time misses the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository")
    parser.add_argument("--own", action="append")
    options = parser.parse_args()
    environ = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    with tempfile.TemporaryDirectory(prefix="gate-first-") as name:
        ours = clone(options.repository, Path(name), "own")
        sync = measured([str(BIN / "uv"), "sync", "-q"], ours, environ)
        active = environ | {
            "VIRTUAL_ENV": f"{ours}/.venv",
            "PATH": f"{ours}/.venv/bin:{BIN}:{environ['PATH']}",
        }
        print(f"uv sync: {sync[0]:.1f} s, processor {sync[1]:.1f} s, exit code {sync[2]}")
        runs = {}
        for command in options.own or OWN:
            runs[command] = measured(shlex.split(command), ours, active)
            wall, used, code = runs[command]
            print(f"{command}: {wall:.1f} s, processor {used:.1f} s, exit code {code}")
        theirs = clone(options.repository, Path(name), "gate")
        subprocess.run(["git", "branch", "-f", "first-base", "HEAD~1"], cwd=theirs, check=True)
        wall, used, code = measured([str(BIN / "gate"), "check", "--into", "first-base"], theirs, environ)
        print(f"gate check: {wall:.1f} s, processor {used:.1f} s, exit code {code}")
    slowest = max(runs.values())
    everything = sum(run[1] for run in runs.values())
    print(f"wall: {wall:.1f} s of at most {FACTOR * (sync[0] + slowest[0]) + MORE:.1f} s")
    # The checks run side by side, so their processor time adds up.
    most = FACTOR * (sync[1] + everything) + MORE
    print(f"processor: {used:.1f} s, where uv sync and all own commands take {sync[1] + everything:.1f} s")
    return 0 if used <= most else 1


if __name__ == "__main__":
    sys.exit(main())
