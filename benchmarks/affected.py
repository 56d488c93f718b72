"""Verify with the history of a real project that all test files that a change can affect are selected.

`python benchmarks/affected.py REPOSITORY --folder FOLDER [--install REQUIREMENT] [--select MODE] [--commits N]`

The last commits of REPOSITORY are put on a branch of a clone in FOLDER, each with a policy that says `select: MODE`.
gate checks one after the other, with everything it has recorded, and then pytest runs all tests. It is a difference if
gate reused something and the numbers of passed, skipped, and failed tests aren't the same, or if a test fails in a file
that gate didn't run. Both run in an environment in the clone, which has pytest, the project, and what `--install` adds.

Each commit adds a line to FOLDER/commits.jsonl, and a run that was stopped continues with the next commit.
`python benchmarks/affected.py --table FOLDER...` prints what all runs found. `affected_mutants.py` tests the selection
with mutants.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

POLICY = """\
version: 1
protect: {main: {require: {owners: false, checks: [tests]}}}
checks: {tests: {tool: pytest, select: MODE, retries: 0, timeout: 120}}
"""
GATE = (sys.executable, "-P", "-m", "gate")
FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\s:]+\.py)", re.MULTILINE)
RUN = re.compile(r"^  run    (\S+\.py): ", re.MULTILINE)
COUNT = re.compile(r"(\d+) (passed|failed|skipped|xfailed|xpassed)")
PASSED = re.compile(r"^(?:PASSED|FAILED|ERROR|XFAIL|XPASS) ([^\s:]+\.py)", re.MULTILINE)
ROWS = "commits.jsonl"
PATIENCE = 900
NEVER_ENDED = 124


def git(folder: Path, *args: str) -> str:
    """Run git and return its output."""
    done = subprocess.run(["git", *args], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_files(folder: Path) -> list[str]:
    """Return the files that are tests according to pytest's naming rules."""
    return git(folder, "ls-files", "*test_*.py", "*_test.py").splitlines()


def commit(folder: Path, message: str) -> str:
    """Commit everything in the working tree."""
    git(folder, "add", "--all", "--force", ":!.venv", ":!*.pyc")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def check(folder: Path, base: str) -> tuple[int, dict[str, object], set[str], float]:
    """Run gate. Return its exit code, its result for the tests, the files that had to run, and the processor time."""
    used = children()
    argv = [*GATE, "check", "--into", "main", "--base", base, "--only", "tests", "--format", "json"]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False)
    seconds = children() - used
    explained = subprocess.run(
        [*GATE, "explain", "--tests"], cwd=folder, capture_output=True, text=True, check=True
    )
    whole = "the whole suite: " in explained.stdout or done.returncode not in {0, 1}
    ran = {"*"} if whole else set(RUN.findall(explained.stdout))
    if done.returncode not in {0, 1}:
        sys.stderr.write(done.stdout[-1500:] + done.stderr[-1500:])
    (tests,) = json.loads(done.stdout)["checks"] if done.stdout.startswith("{") else ({},)
    return done.returncode, tests, ran, seconds


def full_run(folder: Path, limit: float = 120) -> tuple[set[str], float, int, str]:
    """Run pytest itself. Return the files in which a test fails, the processor time, the exit code, and the output."""
    used = children()
    python = str(folder / ".venv" / "bin" / "python")
    argv = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfEpxX", "--no-header"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PY_COLORS": "0"}
    try:
        done = subprocess.run(
            argv, cwd=folder, capture_output=True, text=True, env=env, check=False, timeout=limit
        )
    except subprocess.TimeoutExpired:
        # A mutant that never ends is noticed, but no file is to blame.
        return set(), children() - used, NEVER_ENDED, ""
    return set(FAILED.findall(done.stdout)), children() - used, done.returncode, done.stdout


def install(folder: Path, requirements: list[str]) -> None:
    """Create the environment in which the tests run."""
    subprocess.run(["uv", "venv", "--quiet", str(folder / ".venv")], check=True)
    command = ["uv", "pip", "install", "--quiet", "--python", str(folder / ".venv"), "pytest", *requirements]
    subprocess.run([*command, "--editable", str(folder)], check=True)


def children() -> float:
    """Return the processor time of the started programs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def history(folder: Path, commits: list[str], select: str, rows: list[dict[str, Any]]) -> None:
    """Check the commits that have no row yet, one after the other, and compare each with a full run."""
    clone = folder / "clone"
    base = rows[-1]["head"] if rows else on_branch(clone, commits[0], select, only_policy=True)
    if not rows:
        check(clone, base)
    for oid in commits[1 + len(rows) :]:
        head = on_branch(clone, oid, select, only_policy=True)
        row = {"commit": oid, "head": head, **compare(clone, base)}
        with (folder / ROWS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{oid[:10]} {row['share']:.0%} of the tests; {row['note']}; {row['difference']}", flush=True)
        base = head


def compare(clone: Path, base: str) -> dict[str, Any]:
    """Check a commit with gate, run all tests, and return what both found and took."""
    began = time.monotonic()
    code, tests, ran, seconds = check(clone, base)
    wall = time.monotonic() - began
    wrong, full, code_of_full, output = full_run(clone, PATIENCE)
    if code_of_full == NEVER_ENDED:
        sys.exit(f"the tests have not ended within {PATIENCE} s; the next run compares this commit again")
    every = PASSED.findall(output)
    share = 1.0 if "*" in ran else sum(path in ran for path in every) / max(len(every), 1)
    if tests.get("cached"):
        share = 0.0
    note = str(tests.get("note"))
    counts, full_counts = counted(note), counted(output.rstrip().rpartition("\n")[2])
    missed = sorted(wrong - ran) if "*" not in ran and code == 0 else []
    difference = f"missed {missed}" if missed else ""
    if share < 1 and code in {0, 1} and counts != full_counts:
        difference = difference or f"{counts} instead of {full_counts}"
    return {
        "exit": code,
        "share": share,
        "seconds": seconds,
        "wall": wall,
        "full": full,
        "note": note,
        "counts": counts,
        "full counts": full_counts,
        "difference": difference,
    }


def counted(text: str) -> dict[str, int]:
    """Return the numbers of tests by outcome in a summary."""
    return {name: int(number) for number, name in COUNT.findall(text)}


def on_branch(folder: Path, oid: str, select: str, *, only_policy: bool = False) -> str:
    """Commit the tree of `oid`, with the policy, on the branch. With `only_policy`, ignored files aren't added."""
    git(folder, "read-tree", "--reset", "-u", oid)
    (folder / "gate.yaml").write_text(POLICY.replace("MODE", select))
    if not only_policy:
        return commit(folder, f"tree of {oid}")
    git(folder, "add", "--force", "gate.yaml")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", f"tree of {oid}")
    return git(folder, "rev-parse", "HEAD")


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of the commits that were compared."""
    file = folder / ROWS
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


def table(folders: list[Path]) -> None:
    """Print what the runs in these folders found, as a table in Markdown."""
    print("| | commits | differences | commits that ran no test | share of tests that ran | processor time |")
    print("| --- | --- | --- | --- | --- | --- |")
    every: list[dict[str, Any]] = []
    for folder in folders:
        # Where pytest or gate had no result, for example since the environment lacks something, nothing is compared.
        rows = [row for row in read_rows(folder) if row["full counts"] and row["exit"] in {0, 1}]
        every += rows
        print_row(folder.name, rows)
    print_row("total", every)


def print_row(name: str, rows: list[dict[str, Any]]) -> None:
    """Print the sums of one project."""
    if not rows:
        return
    none = sum(row["share"] == 0 for row in rows) / len(rows)
    differences = sum(bool(row["difference"]) for row in rows)
    time_share = sum(row["seconds"] for row in rows) / sum(row["full"] for row in rows)
    print(
        f"| {name} | {len(rows)} | {differences} | {none:.0%} |"
        f" {statistics.fmean(row['share'] for row in rows):.0%} | {time_share:.0%} |"
    )


def prepare(folder: Path, repository: str, requirements: list[str]) -> Path:
    """Create the clone and its environment, unless an earlier run has. Return the clone."""
    clone = folder / "clone"
    if not (clone / ".venv" / "bin").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        git(folder, "clone", "--quiet", repository, "clone")
        for name, value in (("user.name", "Benchmark"), ("user.email", "benchmark@example.com")):
            git(clone, "config", name, value)
        git(clone, "checkout", "--quiet", "-B", "main")
        install(clone, requirements)
    return clone


def main() -> None:
    """Parse the arguments, and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", nargs="?")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--install", action="append", default=[], metavar="REQUIREMENT")
    parser.add_argument("--select", default="auto", choices=["auto", "suite", "file"])
    parser.add_argument("--commits", type=int, default=100)
    parser.add_argument(
        "--limit", type=int, default=1000, help="compare at most this many commits in this run"
    )
    parser.add_argument("--table", nargs="+", type=Path, metavar="FOLDER")
    options = parser.parse_args()
    if options.table:
        table(options.table)
        return
    if not options.repository or not options.folder:
        parser.error("a repository and --folder are required")
    folder = options.folder.resolve()
    clone = prepare(folder, options.repository, options.install)
    revisions = git(clone, "rev-list", "--first-parent", f"--max-count={options.commits + 1}", "origin/HEAD")
    oldest_first = revisions.splitlines()[::-1]
    rows = read_rows(folder)
    history(folder, oldest_first[: 1 + len(rows) + options.limit], options.select, rows)


if __name__ == "__main__":
    main()
