"""Verify with the history of a real project that all test files that a change can affect are selected.

`python benchmarks/affected.py REPOSITORY [--install REQUIREMENT] [--select MODE] [--commits N]`

The last commits of REPOSITORY are put on a new branch of a scratch clone, each with a policy that says `select: MODE`.
gate checks one after the other, with everything it has recorded, and a full run by pytest shows whether a test fails
that gate didn't run. Both run in an environment in the clone, which has pytest, the project, and what `--install` adds.
The suite has to pass in that environment first. `affected_mutants.py` does the same with mutants.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

POLICY = """\
version: 1
protect: {main: {require: {owners: false, checks: [tests]}}}
checks: {tests: {tool: pytest, select: MODE, retries: 0, timeout: 120}}
"""
GATE = (sys.executable, "-P", "-m", "gate")
FAILED = re.compile(r"^(?:FAILED|ERROR) ([^\s:]+\.py)", re.MULTILINE)
RUN = re.compile(r"^  run    (\S+\.py): ", re.MULTILINE)


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


def full_run(folder: Path) -> tuple[set[str], float, int]:
    """Run pytest itself. Return the files in which a test fails, the processor time, and the exit code."""
    used = children()
    python = str(folder / ".venv" / "bin" / "python")
    argv = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfE", "--no-header"]
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            argv, cwd=folder, capture_output=True, text=True, env=env, check=False, timeout=120
        )
    except subprocess.TimeoutExpired:
        # A mutant that never ends is noticed, but no file is to blame.
        return set(), children() - used, 124
    return set(FAILED.findall(done.stdout)), children() - used, done.returncode


def install(folder: Path, requirements: list[str]) -> None:
    """Create the environment in which the tests run."""
    subprocess.run(["uv", "venv", "--quiet", str(folder / ".venv")], check=True)
    command = ["uv", "pip", "install", "--quiet", "--python", str(folder / ".venv"), "pytest", *requirements]
    subprocess.run([*command, "--editable", str(folder)], check=True)


def children() -> float:
    """Return the processor time of the started programs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def history(folder: Path, commits: list[str], select: str) -> None:
    """Check one commit after the other, and compare each with a full run."""
    first, *rest = commits
    base = on_branch(folder, first, select)
    check(folder, base)
    rows = []
    for oid in rest:
        head = on_branch(folder, oid, select)
        code, tests, ran, seconds = check(folder, base)
        wrong, full, _ = full_run(folder)
        every = len(test_files(folder))
        share = 0.0 if tests.get("cached") else 1.0 if "*" in ran else len(ran) / max(every, 1)
        # Tests that fail outside of gate only, or in every tree, say nothing about what was selected.
        difference = bool(wrong - ran) and "*" not in ran and code == 0
        rows.append((share, seconds, full, difference))
        print(
            f"{oid[:10]} exit {code}, {share:.0%} of the files, {seconds:.1f} s; full {full:.1f} s", end="; "
        )
        print(tests.get("note"), end="")
        print(f", fails: {sorted(wrong)}" if wrong else "")
        base = head
    if rows:
        part, ours, theirs = (sum(row[n] for row in rows) for n in range(3))
        print(f"{len(rows)} commits, {sum(row[3] for row in rows)} differences", end="; ")
        print(
            f"{part / len(rows):.0%} of the files ran, {ours / theirs:.0%} of the processor time of full runs"
        )


def on_branch(folder: Path, oid: str, select: str) -> str:
    """Commit the tree of `oid`, with the policy, on the branch."""
    git(folder, "read-tree", "--reset", "-u", oid)
    (folder / "gate.yaml").write_text(POLICY.replace("MODE", select))
    return commit(folder, f"tree of {oid}")


def main() -> None:
    """Parse the arguments, and run in a scratch clone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository")
    parser.add_argument("--install", action="append", default=[], metavar="REQUIREMENT")
    parser.add_argument("--select", default="auto", choices=["auto", "suite", "file"])
    parser.add_argument("--commits", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clone"
        git(Path(scratch), "clone", "--quiet", options.repository, str(folder))
        for name, value in (("user.name", "Benchmark"), ("user.email", "benchmark@example.com")):
            git(folder, "config", name, value)
        revisions = git(folder, "rev-list", "--first-parent", f"--max-count={options.commits + 1}", "HEAD")
        newest_last = revisions.splitlines()[::-1]
        git(folder, "checkout", "--quiet", "-B", "main")
        install(folder, options.install)
        history(folder, newest_last, options.select)


if __name__ == "__main__":
    main()
