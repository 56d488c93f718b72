"""Compare how long the `names` check takes on a real project with mypy and ty.

    python benchmarks/names.py PROJECT [RUNS]

PROJECT is a git repository with an environment in `.venv` that has what the project needs, mypy, and ty if that should
be measured as well. Committed files are copied to a scratch folder. Each pair runs in turns; medians and ratios are
printed. *Cold* is without a cache; *one file changed* adds a function to another file each time.
"""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from turns import compare, compile_everything


class Scenario:
    """A copy of the project's files, and the programs that check it."""

    def __init__(self, project: Path, scratch: Path) -> None:
        self.root = scratch / "tree"
        self.root.mkdir()
        self.bin = project / ".venv" / "bin"
        archive = subprocess.run(
            ["git", "archive", "--format=tar", "HEAD"], cwd=project, check=True, capture_output=True
        ).stdout
        subprocess.run(["tar", "-x", "-C", str(self.root)], input=archive, check=True)
        self.cache = scratch / "kept"
        self.names = [
            sys.executable, "-P", "-m", "gate.names", "--root", str(self.root),
            "--cache", str(self.cache), "--python", str(self.bin / "python"),
        ]  # fmt: skip
        self.mypy = [
            str(self.bin / "mypy"), "--check-untyped-defs", "--ignore-missing-imports", "--config-file=",
            f"--cache-dir={scratch / 'mypy'}", ".",
        ]  # fmt: skip
        self.ty = [str(self.bin / "ty"), "check", "--quiet", "--python", str(self.bin / "python"), "."]
        files = [path for path in sorted(self.root.rglob("*.py")) if path.stat().st_size > 2000]
        self.next = zip(itertools.count(), itertools.cycle(files))

    def lines(self) -> int:
        """Return the number of lines of Python."""
        return sum(path.read_bytes().count(b"\n") for path in self.root.rglob("*.py"))

    def run(self, argv: list[str]) -> None:
        """Run one of the programs, ignoring its result."""
        subprocess.run(argv, cwd=self.root, capture_output=True, check=False)

    def forget(self) -> None:
        """Remove the caches."""
        for folder in (self.cache, self.cache.with_name("mypy")):
            shutil.rmtree(folder, ignore_errors=True)

    def edit(self) -> None:
        """Add a function to the next file."""
        number, path = next(self.next)
        path.write_text(f"{path.read_text()}\n\ndef added_{number}(value):\n    return [value]\n")


def main() -> None:
    """Measure the project given on the command line."""
    project = Path(sys.argv[1]).resolve()
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    compile_everything()
    with tempfile.TemporaryDirectory() as scratch:
        scenario = Scenario(project, Path(scratch))
        print(f"{project.name}, {scenario.lines()} lines")
        names = partial(scenario.run, scenario.names)
        for tool, argv in (("mypy", scenario.mypy), ("ty", scenario.ty)):
            if not Path(argv[0]).exists():
                continue
            other = partial(scenario.run, argv)
            compare(f"cold, beside {tool}", runs, scenario.forget, names, other)
            names()
            other()
            compare(f"nothing changed, beside {tool}", runs, lambda: None, names, other)
            compare(f"one file changed, beside {tool}", runs, scenario.edit, names, other)


if __name__ == "__main__":
    main()
