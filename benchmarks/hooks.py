"""Compare how long the installed pre-commit hook takes if nothing has changed with other hook managers' no-op.

    python benchmarks/hooks.py [RUNS]

Every manager is installed in a copy of one small repository, with one check that has nothing to do, and gate with its
own checks after one pass. The hook files are run as git runs them, in turns; medians, the fastest run, and the ratio to
gate are printed. prek, pre-commit, and lefthook are measured if they are installed (`pip install prek pre-commit
lefthook`). `sh` is a hook that does nothing; `sh + git` one that asks git for the index's tree.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

BIN = Path(sys.executable).parent
IDLE = """\
repos:
  - repo: local
    hooks: [{id: idle, name: idle, language: system, entry: "true", files: ^$}]
"""
IDLE_LEFTHOOK = 'pre-commit: {commands: {idle: {run: "true {staged_files}", glob: "*.nothing"}}}\n'


def program(name: str) -> str | None:
    """Return the location of `name`, next to this interpreter or on PATH."""
    return shutil.which(name, path=f"{BIN}{os.pathsep}{os.environ['PATH']}")


def git(folder: Path, *args: str) -> None:
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)


def make(folder: Path) -> None:
    """Create a small project with a change in the index."""
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "app.py").write_text("x = 1\n")
    (folder / "gate.yaml").write_text("protect: {main: {require: {checks: [names, lint]}}}\n")
    (folder / ".pre-commit-config.yaml").write_text(IDLE)
    (folder / "lefthook.yml").write_text(IDLE_LEFTHOOK)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "First")
    git(folder, "checkout", "--quiet", "-b", "feature")
    (folder / "more.py").write_text("y = 1\n")
    git(folder, "add", "--all")


def with_manager(name: str) -> Callable[[Path], bool]:
    """Return a function that installs a manager's hook with the manager's own command."""

    def install(folder: Path) -> bool:
        found = program(name)
        if found is None:
            return False
        subprocess.run([found, "install"], cwd=folder, check=True, capture_output=True)
        return True

    return install


def with_script(body: str) -> Callable[[Path], bool]:
    """Return a function that installs a hook consisting only of `body`."""

    def install(folder: Path) -> bool:
        hook = folder / ".git" / "hooks" / "pre-commit"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{body}\n")
        hook.chmod(0o755)
        return True

    return install


KINDS: dict[str, Callable[[Path], bool]] = {
    "gate": with_manager("gate"),
    "prek": with_manager("prek"),
    "pre-commit": with_manager("pre-commit"),
    "lefthook": with_manager("lefthook"),
    "sh": with_script(":"),
    "sh + git": with_script("git write-tree --missing-ok >/dev/null"),
}


def timed(folder: Path) -> float:
    """Run the hook, and return the time it takes in milliseconds."""
    started = time.perf_counter()
    subprocess.run([".git/hooks/pre-commit"], cwd=folder, check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


def until_noted(folder: Path) -> None:
    """Run gate's hook until it leaves a note. It leaves none about files that have only just changed."""
    for _ in range(20):
        timed(folder)
        if (folder / ".git" / "gate" / "passed").exists():
            return
    sys.exit("gate's hook leaves no note here: is something of its environment changing all the time?")


def main() -> None:
    """Measure, and print a line for each hook."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as scratch:
        folders = {}
        for name, install in KINDS.items():
            folder = Path(scratch) / name.replace(" ", "")
            make(folder)
            if install(folder):
                folders[name] = folder
        until_noted(folders["gate"])
        taken: dict[str, list[float]] = {name: [] for name in folders}
        for _ in range(runs):
            for name, folder in folders.items():
                taken[name].append(timed(folder))
    ours = median(taken["gate"])
    for name, values in taken.items():
        middle = median(values)
        print(
            f"{name:<12} median {middle:7.2f} ms   fastest {min(values):7.2f} ms   gate takes {ours / middle:.2f} of it"
        )


if __name__ == "__main__":
    main()
