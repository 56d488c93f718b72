"""Look for missed tests with many mutants: a test that fails in a full run has to be in a file that gate selects.

`python benchmarks/affected_mutants.py REPOSITORY [--install REQUIREMENT] [--select MODE] [--seconds N] [--save FILE]`

gate checks a scratch clone once, and records what each test file uses. Then one place in one module is changed at a
time, chosen at random. gate's own comparison decides from the records which files it would run, and pytest runs the
others in one process, forked from one that has other packages in memory; for every Nth mutant, it runs all files. If a
file fails that wasn't selected, gate itself checks that mutant, and its answer counts.

With `--save`, each mutant leaves a line of JSON: its files in the order of the run, each with its duration and the time
to its first failure.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affected import check, commit, git, install, on_branch

from gate.git.objects import Entry, list_tree
from gate.git.repository import Repository
from gate.runner.by_file import FilePass, pass_from_data
from gate.runner.inputs import TreeState, difference

SWAPS = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "+", ast.Eq: "!=", ast.NotEq: "==", ast.Lt: ">=", ast.Gt: "<=",
    ast.LtE: ">", ast.GtE: "<", ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
SERVER = '''
import contextlib, gc, json, os, resource, signal, sys, time
import pytest

class Watcher:
    """Collects how long each file takes, and when a test of it fails first."""

    def __init__(self, target):
        self.target, self.files, self.current, self.at = target, {}, "", time.monotonic()

    def file(self, nodeid):
        now, path = time.monotonic(), nodeid.partition("::")[0]
        if self.current:
            self.files[self.current][0] += now - self.at
        self.files.setdefault(path, [0.0, None])
        self.current, self.at = path, now

    def save(self, ended):
        with open(self.target + ".new", "w") as out:
            json.dump({"files": self.files, "current": self.current, "ended": ended}, out)
        os.replace(self.target + ".new", self.target)

    def pytest_runtest_logstart(self, nodeid):
        path = nodeid.partition("::")[0]
        if path != self.current:
            self.file(nodeid)
            self.save(False)

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.failed(report.nodeid.partition("::")[0])

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed(report.nodeid.partition("::")[0])

    def failed(self, path):
        seconds = self.files.setdefault(path, [0.0, None])
        if seconds[1] is None:
            seconds[1] = seconds[0] + (time.monotonic() - self.at if path == self.current else 0.0)

def ready(modules):
    """Import what the suite needs of other packages, once for all runs."""
    for name in modules:
        with contextlib.suppress(BaseException):
            __import__(name)
    gc.freeze()

for count, line in enumerate(sys.stdin):
    target, limit, only = json.loads(line)
    # Only bytecode of the unchanged modules is kept.
    sys.dont_write_bytecode = count > 0
    child = os.fork()
    if child == 0:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 5))
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
        devnull = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(devnull, number)
        watcher = Watcher(target)
        code = 70
        with contextlib.suppress(BaseException):
            code = int(pytest.main(
                ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors", *only], plugins=[watcher]
            ))
        with contextlib.suppress(BaseException):
            watcher.file("")
            here, modules = os.getcwd() + os.sep, []
            for name, module in list(sys.modules.items()):
                file = str(getattr(module, "__file__", None) or here)
                if not file.startswith(here) or "site-packages" in file:
                    modules.append(name)
            watcher.files["modules"] = modules
            watcher.save(True)
        os._exit(code)
    # A busy machine is no failure: only processor time counts, except for a test that waits for ever.
    until = time.monotonic() + 300 + 100 * limit
    status = None
    while status is None and time.monotonic() < until:
        pid, waited = os.waitpid(child, os.WNOHANG)
        status = waited if pid else None
        time.sleep(0.01)
    with contextlib.suppress(OSError):
        os.killpg(child, signal.SIGKILL)
    if status is None:
        os.waitpid(child, 0)
        status = signal.SIGKILL
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    if count == 0:
        with open(target) as seen:
            ready(json.load(seen)["files"].get("modules", ()))
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps([code, usage.ru_utime + usage.ru_stime]), flush=True)
'''
"""Runs the tests again and again in new forks. It writes the files' durations and failures, and prints exit codes."""


class FullRuns:
    """Runs the whole suite with pytest in a folder."""

    def __init__(self, folder: Path) -> None:
        """Start the process to fork from."""
        self.folder, self._target = folder, folder.with_name("full-run.json")
        self.limit, self.seconds = 120, 0.0
        self._server = subprocess.Popen(
            [str(folder / ".venv" / "bin" / "python"), "-c", SERVER],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *only: str) -> tuple[int, dict[str, list[float | None]], set[str]]:
        """Run the suite, or only some of its files.

        Return the exit code, each file's duration and time to its first failure, and the files that failed.
        """
        assert self._server.stdin
        assert self._server.stdout
        self._target.unlink(missing_ok=True)
        self._server.stdin.write(json.dumps([str(self._target), self.limit, only]) + "\n")
        self._server.stdin.flush()
        code, self.seconds = json.loads(self._server.stdout.readline())
        try:
            seen: dict[str, Any] = json.loads(self._target.read_text())
        except FileNotFoundError:
            return code, {}, set()
        files: dict[str, list[float | None]] = {
            path: row for path, row in seen["files"].items() if path not in {"", "modules"}
        }
        failed = {path for path, (_, first) in files.items() if first is not None}
        # A file that never ends, or ends the process, fails as well.
        hung = {seen["current"]} - {""} if not seen["ended"] else set()
        return code, files, failed | hung

    def end(self) -> None:
        """End the process."""
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()


def recorded(folder: Path) -> tuple[dict[str, list[FilePass]], list[dict[str, str]]]:
    """Return the recorded passes: of each test file, and the states of the suite's inputs."""
    files: dict[str, list[FilePass]] = {}
    suites = []
    for path in (folder / ".git" / "gate" / "results").rglob("*"):
        body = path.read_bytes().split(b"\n", 2)[-1] if path.is_file() else b""
        rows = json.loads(body) if body.startswith(b'[{"state"') else []
        passes = [pass_from_data(row) for row in rows if "tests_seconds" in row]
        suites += [row["state"] for row in rows if "uses" in row]
        if passes:
            files[next(iter(passes[0].report.tests)).partition("::")[0]] = passes
    return files, suites


def selected(files: dict[str, list[FilePass]], tree: TreeState) -> set[str]:
    """Return the recorded files that gate would run in `tree`."""
    return {path for path, passes in files.items() if all(difference(item.state, tree) for item in passes)}


def sources(folder: Path) -> list[str]:
    """Return the project's modules that aren't tests."""
    listed = git(folder, "ls-files", "*.py").splitlines()
    return [path for path in listed if "test" not in path and "doc" not in path and "setup.py" not in path]


def changed(entries: tuple[Entry, ...], path: str, content: bytes) -> tuple[Entry, ...]:
    """Return the entries with another content at `path`."""
    oid = subprocess.run(
        ["git", "hash-object", "--stdin"], input=content, capture_output=True, check=True
    ).stdout.decode()
    return tuple(Entry(item.path, item.mode, oid.strip()) if item.path == path else item for item in entries)


def mutations(source: str) -> Iterator[str]:
    """Yield the source with one operator, constant, or returned value changed, for every possible place."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        new = mutated(node)
        if new and isinstance(node, ast.expr | ast.stmt) and node.lineno == node.end_lineno:
            line = lines[node.lineno - 1].encode()
            changed = line[: node.col_offset] + new.encode() + line[node.end_col_offset :]
            yield "".join([*lines[: node.lineno - 1], changed.decode(), *lines[node.lineno :]])


def mutated(node: ast.AST) -> str:
    """Return the changed source of one place, or "" if it can't be changed."""
    match node:
        case ast.Constant(value=bool(value)):
            return repr(not value)
        case ast.Constant(value=int(number)):
            return repr(number + 1)
        case ast.Return(value=ast.expr()):
            return "return None"
        case ast.BinOp(left, operator, right) | ast.Compare(left, [operator], [right]) if (
            type(operator) in SWAPS
        ):
            return f"{ast.unparse(left)} {SWAPS[type(operator)]} {ast.unparse(right)}"
    return ""


@dataclass
class Tally:
    """What was counted so far. `full` are mutants with a full run, and `killed` those of them that made a test fail."""

    mutants: int = 0
    partial: int = 0
    full: int = 0
    killed: int = 0
    failing: int = 0
    missed: int = 0
    selected: int = 0
    files: int = 0

    def __str__(self) -> str:
        """Return everything in one line."""
        return (
            f"{self.mutants} mutants, {self.missed} missed; {self.partial} with files not selected; "
            f"{self.full} full runs, {self.killed} with failures in {self.failing} files; "
            f"{self.selected / max(self.files, 1):.0%} of the files selected"
        )


class Comparison:
    """A recorded suite, and the full runs to compare with."""

    def __init__(self, folder: Path) -> None:
        """Let gate record the suite of the clone in `folder`, and run it once."""
        self.folder, self.base = folder, git(folder, "rev-parse", "HEAD")
        git(folder, "checkout", "--quiet", "-B", "feature")
        (folder / "gate-benchmark.txt").write_text("recorded\n")
        self.start = commit(folder, "recorded")
        code, tests, _, _ = check(folder, self.base)
        assert code == 0, f"the suite does not pass: {str(tests)[:2000]}"
        self.files, self.suites = recorded(folder)
        assert self.files, f"no file is recorded: {tests.get('note')}"
        self.entries = list_tree(Repository.find(folder), self.start)
        self.runs = FullRuns(folder)
        code, every, failed = self.runs.run()
        assert code == 0, f"the suite does not pass without a mutant: {code}, {sorted(failed)}"
        self.runs.limit = 2 + int(3 * self.runs.seconds)
        self.every = frozenset(every)
        self.tally = Tally()
        seconds = f"{self.runs.seconds:.1f} s of processor time"
        print(f"{tests.get('note')}; {len(every)} files, a full run takes {seconds}", flush=True)

    def try_mutant(self, path: str, text: str, *, full: bool) -> dict[str, Any]:
        """Put the changed text at `path`, and look for files that fail though gate doesn't select them."""
        file, tally = self.folder / path, self.tally
        original, modified = file.read_text(), file.stat().st_mtime
        file.write_text(text)
        tree = TreeState(
            changed(self.entries, path, text.encode()), lambda name: (self.folder / name).read_text()
        )
        ran = selected(self.files, tree) | (self.every - self.files.keys())
        others = sorted(self.every - ran)
        code, order, wrong = (
            self.runs.run() if full else self.runs.run(*others) if others else (0, {}, set[str]())
        )
        suite_runs = all(difference(state, tree) for state in self.suites)
        lost = wrong - ran
        doubtful = (lost or (code and not suite_runs)) and confirmed(self.folder, self.base, path, lost)
        if doubtful and self.runs.run(*sorted(lost))[0]:
            tally.missed += 1
            print(f"MISSED {path}: {sorted(lost)}\n{git(self.folder, 'diff', '-U0', self.start)}", flush=True)
        if lost:
            git(self.folder, "reset", "--quiet", "--hard", self.start)
        file.write_text(original)
        os.utime(file, (modified, modified))
        tally.mutants, tally.partial = tally.mutants + 1, tally.partial + bool(others)
        tally.files, tally.selected = tally.files + len(self.every), tally.selected + len(ran)
        if full:
            tally.full, tally.killed = tally.full + 1, tally.killed + (code != 0)
            tally.failing += len(wrong)
        return {"path": path, "full": full, "selected": sorted(ran), "files": order}


def mutants(folder: Path, options: argparse.Namespace) -> None:
    """Try random mutants until the time is over."""
    until = time.monotonic() + options.seconds
    compared = Comparison(folder)
    places = [(path, text) for path in sources(folder) for text in mutations((folder / path).read_text())]
    chosen = random.Random(options.seed).sample(places, min(options.mutants, len(places)))  # noqa: S311  a sample
    for count, (path, text) in enumerate(chosen):
        if time.monotonic() > until:
            break
        row = compared.try_mutant(path, text, full=count % options.full == 0)
        if options.save:
            with options.save.open("a") as out:
                out.write(json.dumps(row) + "\n")
        if count % 20 == 19:
            print(f"of {len(places)}: {compared.tally}", flush=True)
    print(compared.tally, flush=True)
    compared.runs.end()


def confirmed(folder: Path, base: str, path: str, lost: set[str]) -> bool:
    """Return whether gate itself lets the mutant pass."""
    commit(folder, f"mutant of {path}")
    code, tests, ran, _ = check(folder, base)
    print(f"apparent miss: {sorted(lost)}; gate ended with {code}, ran {sorted(ran)}: {tests.get('note')}")
    return code == 0


def main() -> None:
    """Parse the arguments, and run in a scratch clone."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository")
    parser.add_argument("--install", action="append", default=[], metavar="REQUIREMENT")
    parser.add_argument("--select", default="file", choices=["auto", "file"])
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--full", type=int, default=10, metavar="N", help="a full run for every Nth mutant")
    parser.add_argument("--remove", action="append", default=[], metavar="FILE", help="a slow test file")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--save", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "clone"
        git(Path(scratch), "clone", "--quiet", options.repository, str(folder))
        for name, value in (("user.name", "Benchmark"), ("user.email", "benchmark@example.com")):
            git(folder, "config", name, value)
        git(folder, "checkout", "--quiet", "-B", "main")
        install(folder, options.install)
        on_branch(folder, "HEAD", options.select)
        if options.remove:
            git(folder, "rm", "--quiet", *options.remove)
            commit(folder, "without slow tests")
        mutants(folder, options)


if __name__ == "__main__":
    main()
