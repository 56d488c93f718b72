"""gate with no configuration beside the project's own tests, on real projects and on changes with a known answer.

    python benchmarks/field.py [--clones FOLDER] [--table FILE] [PROJECT...]

FOLDER has a git repository for each project of the table, named as in its address (`pallets+click`); others are cloned.
Each project is set up as its table entry says, in a plain clone of the newest commit, or of the `commit` of its entry.
Then the project's own command and `gate check --only tests` answer for that commit, and for one on top of it in which a
test that passes is made to fail. They agree if both pass, or both fail. A row of Markdown is printed for each project.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

GATE = Path(sys.executable).parent / "gate"
UV = Path(sys.executable).parent / "uv"
IDENTITY = ("-c", "user.name=Field", "-c", "user.email=field@localhost")
COLUMNS = ("project", "kind", "change", "own exit code", "gate", "agree", "own s", "gate s", "gate's output")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"


@dataclass(frozen=True)
class Project:
    """One entry of the table: how it is set up, its own command, and an edit that must make it fail."""

    name: str
    kind: str
    install: tuple[str, ...]
    own: tuple[str, ...]
    file: str
    old: str
    new: str
    commit: str = ""


@dataclass(frozen=True)
class Run:
    """What came of a command: its exit code, how long it took, and the text it printed."""

    code: int
    seconds: float
    output: str


def run(argv: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> Run:
    """Run a command to its end."""
    start = time.monotonic()
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    return Run(done.returncode, time.monotonic() - start, done.stdout + done.stderr)


def must(argv: Sequence[str], cwd: Path) -> str:
    """What a command prints, that has to work."""
    done = run(argv, cwd)
    if done.code:
        raise SystemExit(f"{' '.join(argv)} in {cwd}: {done.output[-2000:]}")
    return done.output.strip()


def read_table(path: Path) -> list[Project]:
    """The projects of a table in TOML."""
    entries = tomllib.loads(path.read_text("utf-8"))["project"]
    return [
        Project(**{**entry, "install": tuple(entry["install"]), "own": tuple(entry["own"])})
        for entry in entries
    ]


def set_up(project: Project, clones: Path, folder: Path) -> Path:
    """A clone with an environment in `.venv`, as a contributor has it."""
    source = clones / project.name.replace("/", "+") / "repo"
    clone = folder / "clone"
    origin = str(source) if source.exists() else f"https://github.com/{project.name}"
    must(["git", "clone", "-q", origin, str(clone)], folder)
    if project.commit:
        must(["git", "checkout", "-q", "-B", "field", project.commit], clone)
    (clone / ".git/info/exclude").write_text(".venv\n")
    must([str(UV), "venv", "-q", "--python", sys.executable, ".venv"], clone)
    if project.install:
        must([str(UV), "pip", "install", "-q", "--python", ".venv/bin/python", *project.install], clone)
    return clone


def environ(clone: Path) -> dict[str, str]:
    """The environment of somebody who has activated the project's own."""
    return {**os.environ, "VIRTUAL_ENV": f"{clone}/.venv", "PATH": f"{clone}/.venv/bin:{os.environ['PATH']}"}


def own_result(project: Project, clone: Path, commit: str, folder: Path) -> Run:
    """What the project's own command says in a fresh clone of `commit`."""
    fresh = folder / f"fresh-{commit[:8]}"
    must(["git", "clone", "-q", str(clone), str(fresh)], folder)
    must(["git", "checkout", "-q", commit], fresh)
    must([str(UV), "venv", "-q", "--python", sys.executable, ".venv"], fresh)
    if project.install:
        must([str(UV), "pip", "install", "-q", "--python", ".venv/bin/python", *project.install], fresh)
    return run(project.own, fresh, environ(fresh))


def gate_result(clone: Path, base: str) -> tuple[str, str, float]:
    """The outcome of gate's tests, one line about it, and the seconds."""
    argv = [str(GATE), "check", "--base", base, "--into", "field-base", "--only", "tests", "--format", "json"]
    done = run(argv, clone, {**environ(clone), "PATH": os.environ["PATH"]})
    try:
        check = json.loads(done.output[done.output.index("{") : done.output.rindex("}") + 1])["checks"][0]
    except (ValueError, LookupError):
        return "error", done.output.strip()[-300:], done.seconds
    found = [finding["message"] for finding in check.get("findings", [])]
    summary = check.get("reason") or check.get("note") or ""
    return check["outcome"], f"{summary} {found[0] if found else ''}".strip()[:160], done.seconds


def compare(project: Project, clone: Path, folder: Path) -> list[str]:
    """A row for the newest commit, and one for the seeded fault on top of it."""
    head = must(["git", "rev-parse", "HEAD"], clone)
    base = must(["git", "rev-parse", "HEAD~1"], clone)
    must(["git", "branch", "-f", "field-base", base], clone)
    rows = [row(project, f"newest, {head[:8]}", clone, (head, base), folder)]
    if project.file:
        must(["git", "checkout", "-q", "-b", "seeded"], clone)
        path = clone / project.file
        text = path.read_text("utf-8")
        if text.count(project.old) < 1:
            raise SystemExit(f"{project.name}: {project.file} does not have {project.old!r}")
        path.write_text(text.replace(project.old, project.new, 1), "utf-8")
        must(["git", *IDENTITY, "commit", "-qam", "Break it"], clone)
        must(["git", "branch", "-f", "field-base", head], clone)
        seeded = must(["git", "rev-parse", "HEAD"], clone)
        rows.append(row(project, f"seeded, {project.file}", clone, (seeded, head), folder))
    return rows


def row(project: Project, change: str, clone: Path, commits: tuple[str, str], folder: Path) -> str:
    """One comparison, as a row of the table."""
    own = own_result(project, clone, commits[0], folder)
    outcome, summary, seconds = gate_result(clone, commits[1])
    nothing = outcome == "empty" and own.code == 5
    agree = nothing or ((outcome == "passed") == (own.code == 0) and outcome in {"passed", "failed"})
    last = [line for line in own.output.strip().splitlines() if line.strip()][-1:] or [""]
    summary = summary.replace("|", "/").replace("\n", " ")
    shown = f"{own.code}: {last[0][:60]}".replace("|", "/")
    mark = "yes" if agree else "NO"
    return (
        f"| {project.name} | {project.kind} | {change} | {shown} | {outcome} | {mark} | {own.seconds:.1f} | "
        f"{seconds:.1f} | {summary} |"
    )


def main() -> int:
    """Compare, and print the table; 1 if any row disagrees."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("projects", nargs="*")
    parser.add_argument("--clones", type=Path, default=Path())
    parser.add_argument("--table", type=Path, default=Path(__file__).with_name("field.toml"))
    options = parser.parse_args()
    print(HEAD, flush=True)
    agreed = True
    for project in read_table(options.table):
        if options.projects and project.name not in options.projects:
            continue
        with tempfile.TemporaryDirectory(prefix="gate-field-") as name:
            for line in compare(project, set_up(project, options.clones, Path(name)), Path(name)):
                print(line, flush=True)
                agreed = agreed and "| NO |" not in line
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
