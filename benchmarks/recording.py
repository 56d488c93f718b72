"""Measure what recording the inputs of tests costs, in processor time.

`python benchmarks/recording.py REPOSITORY... [--install REQUIREMENT] [--times N]`

The tests of each repository run in turns: in one process without the recorder and with it, and with each file in its
own process without and with it. gate's own plugin starts them in a scratch clone. Without the
recorder, each file's process is forked after pytest is imported, as gate does it. The cost of recording is relative to
the same run without the recorder, and the median of all turns counts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from affected import children, git, install, test_files

import gate

START = Path(gate.__file__).parent / "plugins" / "start_pytest.py"
FORKED = """
import os, sys, pytest
sys.dont_write_bytecode = True
sys.path[:] = [entry for entry in sys.path if entry]
for path in sys.argv[1:]:
    if os.fork() == 0:
        sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", path]))
    if os.wait()[1]:
        sys.exit(f"{path} fails alone")
"""
MODES = ("plain", "suite", "forked", "file")


def run(clone: Path, environment: Path, mode: str, files: list[str]) -> float:
    """Run the tests, and return their processor time."""
    with tempfile.TemporaryDirectory() as scratch:
        listed, temporary = Path(scratch) / "files", Path(scratch) / "t"
        listed.write_text(json.dumps(files), "utf-8")
        temporary.mkdir()
        env = {
            **os.environ,
            "TMPDIR": str(temporary),
            "GATE_PYTEST_REPORT": f"{scratch}/report",
            "GATE_PYTEST_ROOT": str(clone),
            "GATE_PYTEST_ROOTS": str(clone),
            "GATE_PYTEST_AWAY": "",
            "GATE_PYTEST_PREFIX": str(environment),
        }
        python = str(environment / "bin" / "python")
        argv = [python, str(START), str(clone), "", "", "--", f"--rootdir={clone}", "-q"]
        if mode == "forked":
            argv = [python, "-c", FORKED, *files]
        elif mode != "plain":
            env |= {"GATE_INPUTS": f"{scratch}/inputs", "GATE_INPUTS_TREE": str(clone)}
        if mode == "file":
            env |= {"GATE_FILES": str(listed), "GATE_EACH": "1"}
        used = children()
        done = subprocess.run(argv, env=env, cwd=clone, capture_output=True, text=True, check=False)
        seconds = children() - used
        records = len(list(Path(scratch).glob("inputs.*")))
        if done.returncode or records != {"suite": 1, "file": len(files)}.get(mode, 0):
            sys.exit(f"{mode}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return seconds


def measure(repository: str, requirements: list[str], times: int) -> None:
    """Measure one repository, and print a row of the table."""
    with tempfile.TemporaryDirectory() as scratch:
        clone = Path(scratch) / "clone"
        git(Path(scratch), "clone", "--quiet", repository, "clone")
        install(clone, requirements)
        # In the tree, the environment would count as part of it.
        (clone / ".venv").rename(environment := Path(scratch) / "environment")
        files = [path for path in test_files(clone) if path.endswith(".py")]
        seconds: dict[str, list[float]] = {mode: [] for mode in MODES}
        for turn in range(times + 1):
            for mode in MODES:
                used = run(clone, environment, mode, files)
                if turn:  # the first turn writes byte code
                    seconds[mode].append(used)
    suite = cost(seconds["suite"], seconds["plain"])
    isolation = cost(seconds["forked"], seconds["plain"])
    by_file = cost(seconds["file"], seconds["forked"])
    plain = statistics.median(seconds["plain"])
    name = repository.rstrip("/").removesuffix("/repo").rpartition("+")[2]
    print(
        f"| {name} | {len(files)} | {plain:.2f} s | {suite:+.0%} | {isolation:+.0%} | {by_file:+.0%} |",
        flush=True,
    )


def cost(seconds: list[float], without: list[float]) -> float:
    """Return how much more time the first runs took than those without, by the median of their pairs."""
    return statistics.median(own / other - 1 for own, other in zip(seconds, without, strict=True))


def main() -> None:
    """Parse the arguments, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repositories", nargs="+", metavar="REPOSITORY")
    parser.add_argument("--install", action="append", default=[], metavar="REQUIREMENT")
    parser.add_argument("--times", type=int, default=5)
    options = parser.parse_args()
    print("| | files | without recorder | recorded | each file in a process | recorded |")
    print("| --- | --- | --- | --- | --- | --- |")
    for repository in options.repositories:
        measure(repository, options.install, options.times)


if __name__ == "__main__":
    main()
