"""Compare how long `gate check` takes on a real project with the same tools started by a shell.

    python benchmarks/check.py PROJECT [RUNS]

PROJECT is a clone of a project with an environment in `.venv` that has ruff, mypy, pytest, and what the tests need. It
is cloned to a scratch folder, so that it stays unchanged. Both sides run in turns; medians and their ratio are printed,
for wall time and processor time. The checks are lint, types, and tests on both sides.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from pathlib import Path

from turns import compare, compile_everything

CHECKS = ["--only", "lint", "types", "tests"]
PRE_COMMIT = """\
repos:
  - repo: local
    hooks:
      - {{id: ruff, name: ruff, language: system, entry: {bin}/ruff check ., pass_filenames: false, always_run: true}}
      - {{id: mypy, name: mypy, language: system, entry: {bin}/mypy {targets}, pass_filenames: false, always_run: true}}
      - {{id: pytest, name: pytest, language: system, entry: {bin}/pytest -q, pass_filenames: false, always_run: true}}
"""


class Scenario:
    """A scratch clone of a project, and the two ways to check the commit at HEAD against the one before."""

    def __init__(self, project: Path, scratch: Path) -> None:
        self.tree = scratch / "project"
        git("clone", "--quiet", str(project), str(self.tree))
        git("checkout", "--quiet", "-B", "main", cwd=self.tree)
        # It stays the base when more is committed, as main does while somebody works on a branch.
        git("branch", "base", "HEAD~1", cwd=self.tree)
        (self.tree / ".venv").symlink_to((project / ".venv").resolve())
        (self.tree / ".git" / "info" / "exclude").write_text(".venv\n.pre-commit-config.yaml\n")
        self.bin = self.tree / ".venv" / "bin"
        self.gate = [str(Path(sys.executable).parent / "gate"), "check", "--base", "base", *CHECKS]
        self.targets = "src" if (self.tree / "src").is_dir() else project.name
        config = tomllib.loads((self.tree / "pyproject.toml").read_text())
        if config.get("tool", {}).get("mypy", {}).keys() & {"files", "packages", "modules"}:
            self.targets = ""
        (self.tree / ".pre-commit-config.yaml").write_text(
            PRE_COMMIT.format(bin=self.bin, targets=self.targets)
        )
        self.environment = {**os.environ, "PYTHONPATH": f"{self.tree / 'src'}:{self.tree}"}

    def run_gate(self) -> None:
        """Run `gate check`, ignoring its result."""
        subprocess.run(self.gate, cwd=self.tree, capture_output=True, check=False)

    def run_pre_commit(self) -> None:
        """Run `pre-commit run -a` with the same three tools."""
        program = str(Path(sys.executable).parent / "pre-commit")
        subprocess.run(
            [program, "run", "-a"], cwd=self.tree, env=self.environment, capture_output=True, check=False
        )

    def run_shell(self) -> None:
        """Run the three tools in parallel, and wait for all."""
        commands = [["ruff", "check", "."], ["mypy", *self.targets.split()], ["pytest", "-q"]]
        running = [
            subprocess.Popen(
                [str(self.bin / command[0]), *command[1:]],
                cwd=self.tree,
                env=self.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for command in commands
        ]
        for process in running:
            process.wait()

    def forget(self) -> None:
        """Clear all caches except the file system's."""
        shutil.rmtree(self.tree / ".git" / "gate", ignore_errors=True)
        for name in (".mypy_cache", ".ruff_cache", ".pytest_cache"):
            shutil.rmtree(self.tree / name, ignore_errors=True)
        # The environment is a link, which is not followed: what is installed stays compiled on both sides.
        for folder in list(self.tree.rglob("__pycache__")):
            shutil.rmtree(folder)

    def edit(self) -> None:
        """Change one file of the project, and commit it."""
        path = next(
            path
            for path in sorted((self.tree / (self.targets or "src")).rglob("*.py"))
            if path.stat().st_size > 999
        )
        path.write_text(f"{path.read_text()}\n# {time.monotonic_ns()}\n")
        git("commit", "--quiet", "--all", "--no-verify", "--message", "One file", cwd=self.tree)


def git(*args: str, cwd: Path | None = None) -> None:
    """Run git with its own identity."""
    identity = ["-c", "user.name=bench", "-c", "user.email=bench@localhost"]
    subprocess.run(["git", *identity, *args], cwd=cwd, check=True, capture_output=True)


def main() -> None:
    """Measure the project given on the command line."""
    project = Path(sys.argv[1]).resolve()
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    compile_everything()
    with tempfile.TemporaryDirectory() as scratch:
        scenario = Scenario(project, Path(scratch))
        nothing = lambda: None  # noqa: E731  a name for doing nothing
        bare = lambda: subprocess.run([sys.executable, "-c", "pass"], check=True)  # noqa: E731  a name for a Python that does nothing
        print(project.name)
        compare(
            "cold, beside the tools side by side",
            runs,
            scenario.forget,
            scenario.run_gate,
            scenario.run_shell,
        )
        compare(
            "cold, beside pre-commit run -a",
            runs,
            scenario.forget,
            scenario.run_gate,
            scenario.run_pre_commit,
        )
        # Compiling ahead begins with the second run.
        for _ in range(2):
            scenario.edit()
            scenario.run_gate()
        compare(
            "one file changed, beside the tools", runs, scenario.edit, scenario.run_gate, scenario.run_shell
        )
        compare(
            "one file changed, beside pre-commit",
            runs,
            scenario.edit,
            scenario.run_gate,
            scenario.run_pre_commit,
        )
        scenario.run_gate()
        compare("nothing changed, beside python -c pass", runs * 7, nothing, scenario.run_gate, bare)


if __name__ == "__main__":
    main()
