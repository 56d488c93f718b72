"""Measure how many injected API misspellings the `names` check finds, how rarely it is wrong, and how fast it is.

    python benchmarks/typos.py BENCH STATE [SECOND_STATE] [--misses] [--alarms] [--projects A,B]
    python benchmarks/typos.py BENCH STATE --history MIRROR [--commits N]

BENCH is the folder of the mutation bench (its README says how STATE is made); SECOND_STATE holds the set with names
from other languages (`bench.py build SECOND_STATE --foreign`). The check runs as gate starts it: with the project's
environment, and (`-nodeps`) with an empty one.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Found = tuple[str, int, str, str]


@dataclass
class Measured:
    """The result of one set of mutants with one environment."""

    hit: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    named: int = 0
    spelt: int = 0
    alarms: int = 0
    lines: int = 0
    seconds: float = 0
    missed: list[str] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    alarm_lines: list[str] = field(default_factory=list)


def check(root: Path, python: Path, cache: Path) -> tuple[list[Found], float]:
    """Run the check once. Each finding's message includes its hint."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "gate.names", "--root", str(root), "--cache", str(cache), "--python", str(python)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    return [
        (item["path"], item["line"], item["rule"], f"{item['message']} {item.get('hint', '')}".strip())
        for item in json.loads(done.stdout)["findings"]
    ], seconds


def lines_below(root: Path) -> int:
    """Return the number of lines of Python."""
    return sum(path.read_bytes().count(b"\n") for path in root.rglob("*.py"))


def measure(state: Path, projects: list[str], *, packages: bool) -> Measured:
    """Measure every mutant of the projects, and the unchanged code."""
    result = Measured()
    for name in projects:
        mutants = state / "mutants" / f"{name}.json"
        if not mutants.exists():
            continue
        python = state / "venv" / (name if packages else "_empty") / "bin" / "python"
        cache = state / "gate-cache" / name
        shutil.rmtree(cache, ignore_errors=True)
        clean, seconds = check(state / "clean" / name, python, cache)
        mutated, _ = check(state / "mutated" / name, python, cache)
        result.seconds += seconds
        result.alarms += len(clean)
        result.alarm_lines += [f"{name}: {path}:{line}: {rule}: {text}" for path, line, rule, text in clean]
        result.lines += lines_below(state / "clean" / name)
        new = defaultdict(list)
        for found in (Counter(mutated) - Counter(clean)).elements():
            new[found[0]].append(found)
        for mutant in json.loads(mutants.read_text()):
            own = [one for one in new[mutant["file"]] if mutant["lo"] <= one[1] <= mutant["hi"]]
            judge(result, mutant, own, state / "mutated" / name)
    return result


def judge(result: Measured, mutant: dict[str, Any], own: list[Found], root: Path) -> None:
    """Count one mutant: whether it was found, and whether the message has the right word."""
    result.total[mutant["cls"]] += 1
    line = (root / mutant["file"]).read_text().split("\n")[mutant["line"] - 1].strip()
    reported = (
        f"{mutant['id']} {mutant['cls']} {mutant['note']} | {mutant['old']} -> {mutant['new']} | {line[:110]}"
    )
    if not own:
        result.missed.append(reported)
        return
    result.hit[mutant["cls"]] += 1
    if not re.match(r"9-|x-missing", mutant["cls"]):
        result.spelt += 1
        right = mutant["old"].strip(".([").rpartition(".")[2]
        if "->" in right or any(re.search(rf"\b{re.escape(right)}\b", one[3]) for one in own):
            result.named += 1
        else:
            result.unnamed.append(f"{reported}\n      {own[0][3]}")


def share(part: int, whole: int) -> str:
    """Return a percentage with one decimal."""
    return f"{100 * part / whole:.1f}" if whole else "-"


def table(title: str, result: Measured) -> str:
    """Return one row for the result, and one for each class."""
    core = [name for name in result.total if not name.startswith("x-")]
    classes = ", ".join(f"{c} {share(result.hit[c], n)} ({n})" for c, n in sorted(result.total.items()))
    return (
        f"| {title} | {share(sum(result.hit[c] for c in core), sum(result.total[c] for c in core))} "
        f"| {share(result.hit.total(), result.total.total())} | {1000 * result.alarms / max(result.lines, 1):.2f} "
        f"| {share(result.named, result.spelt)} | {result.seconds:.1f} |\n{classes}"
    )


def history(state: Path, mirror: Path, scenario: Any, projects: list[str], commits: int) -> None:
    """Print what the check would have reported for real merged commits: new findings by (file, rule, message)."""
    skip = re.compile(
        r"(^|/)(tests?|testing|migrations|alembic|docs?|node_modules|samples|examples|vendor)/"
        r"|(^|/)(test_[^/]*|conftest)\.py$"
    )
    count = blocked = lines = 0
    for name in projects:
        source = scenario.PROJECTS[name][1]["source"].split(":")[1].replace("/", "+")
        git = ["git", "--git-dir", str(mirror / source / "repo")]
        log = (
            run([*git, "log", "--first-parent", "--format=%H", "-2000", "HEAD", "--", "*.py"])
            .decode()
            .split()
        )
        seen = 0
        for commit in log:
            if seen >= commits:
                break
            stat = run([*git, "diff", "--numstat", f"{commit}^", commit, "--", "*.py"]).decode().splitlines()
            touched = [line.split("\t") for line in stat if not skip.search(line.split("\t")[2])]
            added = sum(int(one[0]) for one in touched if one[0].isdigit())
            if added < 5:
                continue
            found = []
            for which in (f"{commit}^", commit):
                tree = state / "hist" / name
                unpack(git, which, tree, skip)
                python = state / "venv" / name / "bin" / "python"
                findings, _ = check(tree, python, state / "gate-cache" / f"hist-{name}")
                found.append(Counter((path, rule, text) for path, _, rule, text in findings))
            new = list((found[1] - found[0]).elements())
            seen, count, lines, blocked = seen + 1, count + 1, lines + added, blocked + bool(new)
            for one in new:
                print("  ", name, commit[:8], *one, flush=True)
        print(
            f"after {name}: {blocked} of {count} commits with something new, {lines} lines added", flush=True
        )


def unpack(git: list[str], commit: str, tree: Path, skip: re.Pattern[str]) -> None:
    """Unpack the Python files of a commit, without those that the bench skips."""
    shutil.rmtree(tree, ignore_errors=True)
    tree.mkdir(parents=True)
    names = run([*git, "ls-tree", "-r", "--name-only", "-z", commit]).decode().split("\0")
    cached = [name for name in names if name.endswith((".py", ".pyi")) and not skip.search(name)]
    if cached:
        data = run([*git, "archive", commit, "--", *cached])
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(tree, filter="data")


def run(command: list[str]) -> bytes:
    """Run a command and return its output."""
    return subprocess.run(command, capture_output=True, check=False).stdout


def main() -> None:
    """Measure what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", type=Path)
    parser.add_argument("state", type=Path)
    parser.add_argument("second", type=Path, nargs="?")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--alarms", action="store_true")
    parser.add_argument("--projects", default="")
    parser.add_argument("--history", type=Path)
    parser.add_argument("--commits", type=int, default=40)
    options = parser.parse_args()
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.path.insert(0, str(options.scenario))
    scenario: Any = __import__("bench")
    projects = options.projects.split(",") if options.projects else list(scenario.PROJECTS)
    if options.history:
        history(options.state.resolve(), options.history.resolve(), scenario, projects, options.commits)
        return
    print(
        "| set | core % | all % | alarms/kLOC | right word % | cold s |\n| --- | --- | --- | --- | --- | --- |"
    )
    for title, state in (("slips", options.state), ("other names", options.second)):
        for packages in (True, False) if state else ():
            result = measure(state.resolve(), projects, packages=packages)
            print(table(title if packages else f"{title}, no packages", result), flush=True)
            if options.misses:
                print(*("  missed " + one for one in result.missed), sep="\n")
                print(*("  wrong word " + one for one in result.unnamed), sep="\n")
            if options.alarms:
                print(*("  alarm " + one for one in result.alarm_lines), sep="\n")


if __name__ == "__main__":
    main()
