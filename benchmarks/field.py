"""Compare gate without configuration with the own commands of real projects, on changes with a known answer.

    python benchmarks/field.py [--clones FOLDER] [--table FILE] [--without-environment] [PROJECT...]

FOLDER has a git repository for each project of the table, named after its address (`pallets+click`); others are cloned.
So are the submodules of a project, and what its build gets from GitHub with git. An entry with `sdist` is a source
distribution from PyPI instead, committed to a new repository. Each project is set up as its table entry says, in a
plain clone of the newest commit, or of the `commit` of its entry. With `--without-environment`, gate runs in a clone
that nobody has set up, and has to build the environment.

Each project has these changes, as far as its entry has the necessary keys:

| change | expected result |
| --- | --- |
| newest commit | the tests agree with the project's own command; lint and types find nothing new |
| a broken function (`file`, `old`, `new`) | the tests fail in both |
| an import of an undeclared package (`file`) | the tests fail in both, or gate can't decide |
| a deleted test file (`deleted`) | the tests agree |
| an undefined name (`file`) | lint fails |
| a wrong type (`file`) | types fails |
| the same package, declared and locked (`locked`) | the tests agree |
| the same package, declared and not locked (`locked`) | the lock file is out of date, and gate doesn't pass |

One row of Markdown is printed for each.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GATE = Path(sys.executable).parent / "gate"
UV = Path(sys.executable).parent / "uv"
IDENTITY = ("-c", "user.name=Field", "-c", "user.email=field@localhost")
COLUMNS = ("project", "kind", "change", "own exit code", "gate", "agree", "own s", "gate s", "gate's output")
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
UNDECLARED = "tinynetrc"
"""A small package that none of the projects needs."""
ADD = {
    "uv": ("add", "-q", "--no-sync"),
    "poetry": ("tool", "run", "-q", "poetry", "add", "-q", "--lock"),
    "pdm": ("tool", "run", "-q", "--from", "pdm[locked]", "pdm", "add", "-q", "--no-sync"),
}
"""How each tool declares and locks a package without installing it."""
UNDEFINED = "\n\ndef field_seed():\n    return field_seed_undefined\n"
WRONG_TYPE = "\n\ndef field_seed(value: int) -> str:\n    return value\n"
CERTIFICATES = frozenset({"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"})
"""Variables of a machine behind a proxy: libraries of HTTP behave differently with them, and so do their tests."""
FUTURE = re.compile(r"^from __future__ import .*\n", re.MULTILINE)


class Failed(Exception):
    """Raised when a command fails that has to succeed."""


@dataclass(frozen=True)
class Project:
    """One entry of the table: how to set it up, its own command, and what the edits need."""

    name: str
    kind: str
    own: tuple[str, ...]
    install: tuple[str, ...] = ()
    file: str = ""
    old: str = ""
    new: str = ""
    deleted: str = ""
    commit: str = ""
    sdist: str = ""
    sync: tuple[str, ...] = ()
    setup: str = ""
    python: str = sys.executable
    locked: str = ""
    submodules: bool = False
    checks: tuple[str, ...] = ("tests", "lint", "types")
    seeds: tuple[str, ...] = ("function", "import", "deleted", "lint", "types", "dependency", "stale lock")


@dataclass(frozen=True)
class Run:
    """The result of a command: its exit code, duration, and output."""

    code: int
    seconds: float
    output: str


@dataclass(frozen=True)
class Seed:
    """A change on top of the newest commit. `check` is the one that must fail, or "" if the tests must agree."""

    kind: str
    description: str
    edits: Mapping[str, str | None]
    checks: tuple[str, ...] = ("tests",)
    check: str = ""


@dataclass
class Field:
    """A project's clones, and what all its comparisons share."""

    project: Project
    folder: Path
    clone: Path
    without_environment: bool = False


def run(argv: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> Run:
    """Run a command until it ends."""
    start = time.monotonic()
    done = subprocess.run(
        argv, cwd=cwd, env=env, capture_output=True, text=True, errors="replace", check=False
    )
    return Run(done.returncode, time.monotonic() - start, done.stdout + done.stderr)


def must(argv: Sequence[str], cwd: Path, env: dict[str, str] | None = None) -> str:
    """Run a command that has to succeed, and return its output."""
    done = run(argv, cwd, env)
    if done.code:
        raise Failed(f"{' '.join(argv)} in {cwd}: {done.output[-2000:]}")
    return done.output.strip()


def read_table(path: Path) -> list[Project]:
    """Read the projects from a table in TOML."""
    entries = tomllib.loads(path.read_text("utf-8"))["project"]
    return [Project(**{key: _frozen(value) for key, value in entry.items()}) for entry in entries]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def set_up(project: Project, clones: Path, folder: Path, *, without_environment: bool) -> Field:
    """Create a clone with an environment in `.venv`, as a contributor has it, or without one."""
    clone = folder / "clone"
    use_clones(clones, folder)
    if project.sdist:
        unpack(project.sdist, folder, clone)
    else:
        must(["git", "clone", "-q", f"https://github.com/{project.name}", str(clone)], folder)
    if project.commit:
        must(["git", "checkout", "-q", "-B", "field", project.commit], clone)
    if project.submodules:
        must(["git", "submodule", "-q", "update", "--init"], clone)
    if not without_environment:
        # `git clone` copies this list into no other clone: each is set up by itself.
        with (clone / ".git/info/exclude").open("a") as exclude:
            exclude.write(".venv\n")
        install(project, clone)
    return Field(project, folder, clone, without_environment)


def use_clones(clones: Path, folder: Path) -> None:
    """Make git use the repositories below `clones` instead of GitHub's, in every process with this home folder."""
    home, real = folder / "home", Path(os.environ.setdefault("FIELD_HOME", os.environ["HOME"]))
    home.mkdir()
    for path in real.iterdir():
        if path.name != ".gitconfig":
            (home / path.name).symlink_to(path)
    lines = [f"[include]\n\tpath = {real}/.gitconfig", '[protocol "file"]\n\tallow = always']
    for repository in sorted(clones.glob("*+*/repo")):
        address = f"https://github.com/{repository.parent.name.replace('+', '/')}"
        urls = "".join(f"\n\tinsteadOf = {address}{end}" for end in (".git", ""))
        lines.append(f'[url "{repository}"]{urls}')
    (home / ".gitconfig").write_text("\n".join(lines) + "\n", "utf-8")
    os.environ["HOME"] = str(home)


def unpack(requirement: str, folder: Path, clone: Path) -> None:
    """Create a repository of two commits: a source distribution, and a line in one file on top of it."""
    # What its build needs may come as a wheel.
    name = re.split(r"[=<>]", requirement)[0]
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", name]
    must([*pip, "--dest", str(folder), requirement], folder)
    with tarfile.open(next(folder.glob("*.tar.gz"))) as archive:
        archive.extractall(folder / "sdist", filter="data")
    next((folder / "sdist").iterdir()).rename(clone)
    must(["git", "init", "-q", "-b", "main"], clone)
    must(["git", "add", "--all"], clone)
    must(["git", *IDENTITY, "commit", "-qm", f"Import {requirement}"], clone)
    (clone / "FIELD.txt").write_text("One more file.\n", "utf-8")
    must(["git", "add", "FIELD.txt"], clone)
    must(["git", *IDENTITY, "commit", "-qm", "Add a file"], clone)


def install(project: Project, clone: Path) -> None:
    """Create the project's environment in the clone's `.venv`, with its own tool if its entry says so."""
    if project.sync:
        must([str(UV), "sync", "-q", "--locked", "--python", project.python, *project.sync], clone)
        return
    must([str(UV), "venv", "-q", "--python", project.python, ".venv"], clone)
    if project.setup:
        # The tool downloads packages: it needs the machine's certificates.
        certificates = {name: os.environ[name] for name in CERTIFICATES & os.environ.keys()}
        must(["sh", "-c", project.setup], clone, environ(clone) | certificates)
    if project.install:
        must([str(UV), "pip", "install", "-q", "--python", ".venv/bin/python", *project.install], clone)


def environ(clone: Path) -> dict[str, str]:
    """Return the variables of a person who has activated the project's environment, without certificate settings."""
    variables = {name: value for name, value in os.environ.items() if name not in CERTIFICATES}
    path = f"{clone}/.venv/bin:{os.environ['PATH']}:{UV.parent}"
    return {**variables, "VIRTUAL_ENV": f"{clone}/.venv", "PATH": path}


def own_result(at: Field, commit: str) -> Run:
    """Run the project's own command in a fresh clone of `commit`."""
    fresh = at.folder / f"fresh-{commit[:8]}"
    must(["git", "clone", "-q", str(at.clone), str(fresh)], at.folder)
    must(["git", "checkout", "-q", commit], fresh)
    if at.project.submodules:
        must(["git", "submodule", "-q", "update", "--init"], fresh)
    try:
        install(at.project, fresh)
    except Failed as error:
        return Run(1, 0.0, str(error))
    return run(at.project.own, fresh, environ(fresh))


def gate_result(at: Field, base: str, checks: Sequence[str]) -> tuple[dict[str, Any], Run]:
    """Run gate. Return the verdict's checks by their ids, and the run."""
    argv = [str(GATE), "check", "--base", base, "--into", "field-base", "--format", "json"]
    argv += [word for check in checks for word in ("--only", check)]
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    if not at.without_environment:
        variables["VIRTUAL_ENV"] = f"{at.clone}/.venv"
    done = run(argv, at.clone, variables)
    try:
        verdict = json.loads(done.output[done.output.index("{") : done.output.rindex("}") + 1])
        return {check["id"]: check for check in verdict["checks"]}, done
    except (ValueError, LookupError):
        return {}, done


def seeds_of(project: Project, clone: Path) -> Iterator[Seed]:
    """Yield the changes that the project's entry allows."""
    if project.deleted:
        yield Seed("deleted", f"deleted: {project.deleted}", {project.deleted: None})
    if not project.file:
        return
    text = (clone / project.file).read_text("utf-8")
    if text.count(project.old) < 1:
        raise Failed(f"{project.file} does not have {project.old!r}")
    broken = text.replace(project.old, project.new, 1)
    yield Seed("function", f"broken function: {project.file}", {project.file: broken}, check="tests")
    start = max((match.end() for match in FUTURE.finditer(text)), default=0)
    # Without `__future__` at the end, where a docstring in front and all other statements stay what they are.
    importing = text + f"\nimport {UNDECLARED}\n" if not start else None
    importing = importing or f"{text[:start]}import {UNDECLARED}\n{text[start:]}"
    yield Seed("import", "an undeclared package", {project.file: importing}, check="tests")
    yield Seed("lint", "an undefined name", {project.file: text + UNDEFINED}, ("lint",), "lint")
    yield Seed("types", "a wrong type", {project.file: text + WRONG_TYPE}, ("types",), "types")
    if project.locked:
        yield from lock_seeds(project, clone, importing)


def lock_seeds(project: Project, clone: Path, importing: str) -> Iterator[Seed]:
    """Yield the import of a package that is declared, with and without its line in the lock file."""
    lock = f"{project.locked}.lock"
    saved = {name: (clone / name).read_text("utf-8") for name in ("pyproject.toml", lock)}
    must([str(UV), *ADD[project.locked], UNDECLARED], clone)
    edits = {project.file: importing, **{name: (clone / name).read_text("utf-8") for name in saved}}
    for name, text in saved.items():
        (clone / name).write_text(text, "utf-8")
    yield Seed("dependency", "a new dependency with its lock", edits)
    edits.pop(lock)
    yield Seed("stale lock", "a new dependency without its lock", edits, check="tests")


def compare(at: Field) -> Iterator[str]:
    """Yield a row for the newest commit, and one for each seed on top of it."""
    head = must(["git", "rev-parse", "HEAD"], at.clone)
    base = must(["git", "rev-parse", "HEAD~1"], at.clone)
    must(["git", "branch", "-f", "field-base", base], at.clone)
    newest = Seed("newest", f"newest, {head[:8]}", {}, at.project.checks)
    yield row(at, newest, (head, base))
    must(["git", "branch", "-f", "field-base", head], at.clone)
    for seed in seeds_of(at.project, at.clone):
        if seed.kind not in at.project.seeds:
            continue
        must(["git", "checkout", "-q", "-B", f"seed-{seed.kind}".replace(" ", "-"), head], at.clone)
        for path, content in seed.edits.items():
            if content is None:
                (at.clone / path).unlink()
            else:
                (at.clone / path).write_text(content, "utf-8")
        must(["git", *IDENTITY, "commit", "-qam", f"Seed: {seed.kind}"], at.clone)
        yield row(at, seed, (must(["git", "rev-parse", "HEAD"], at.clone), head))


def row(at: Field, seed: Seed, commits: tuple[str, str]) -> str:
    """Return one comparison as a row of the table."""
    with_own = "tests" in seed.checks
    own = own_result(at, commits[0]) if with_own else Run(0, 0.0, "")
    checks, done = gate_result(at, commits[1], seed.checks)
    outcomes = {name: str(check["outcome"]) for name, check in checks.items()}
    agree = bool(checks) and all(_is_right(name, outcome, seed, own) for name, outcome in outcomes.items())
    # Neither the project's own commands nor gate can run the tests: that says nothing about either.
    undecided = own.code != 0 and outcomes.get("tests") == "broken"
    judgment = "yes" if agree else "undecided" if undecided else "NO"
    last = [line for line in own.output.strip().splitlines() if line.strip()][-1:] or [""]
    shown = f"{own.code}: {last[0][:60]}" if with_own else "(by construction)"
    outcome = outcomes.get(seed.checks[0], "error")
    if seed.kind == "newest":
        outcome = ", ".join(f"{name} {outcome}" for name, outcome in outcomes.items()) or "error"
    cells = (
        at.project.name, at.project.kind, seed.description, shown, outcome, judgment,
        f"{own.seconds:.1f}" if with_own else "", f"{done.seconds:.1f}", _summary(checks, done, seed)[:200],
    )  # fmt: skip
    return f"| {' | '.join(cell.replace('|', '/').replace(chr(10), ' ') for cell in cells)} |"


def _is_right(name: str, outcome: str, seed: Seed, own: Run) -> bool:
    """Return whether an outcome is what the project's own command reports, or what the seed must lead to."""
    if name != "tests":
        return outcome == "failed" if seed.check == name else outcome in {"passed", "empty"}
    if outcome == "empty":
        return own.code == 5 or "Ran 0 tests" in own.output
    if seed.kind == "deleted" and "Ran 0 tests" in own.output:
        return outcome == "broken"
    if seed.kind == "stale lock":
        return outcome in {"failed", "broken"}
    if seed.kind == "import":
        return own.code != 0 and outcome in {"failed", "broken"}
    return (outcome == "passed") == (own.code == 0) and outcome in {"passed", "failed"}


def _summary(checks: Mapping[str, Any], done: Run, seed: Seed) -> str:
    if not checks:
        return done.output.strip()[-300:]
    parts = []
    for name, check in checks.items():
        findings = [item for item in check.get("findings", []) if item.get("new", True)]
        first = f"{findings[0]['path']}:{findings[0]['line']}: {findings[0]['message']}" if findings else ""
        text = f"{check.get('reason') or check.get('note') or ''} {first}".strip()
        if text and (name == "tests" or check["outcome"] not in {"passed", "empty"}):
            parts.append(text if len(seed.checks) == 1 else f"{name}: {text}")
    return "; ".join(parts)


def main() -> int:
    """Compare, and print the table. Returns 1 if any row disagrees."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("projects", nargs="*")
    parser.add_argument("--clones", type=Path, default=Path())
    parser.add_argument("--table", type=Path, default=Path(__file__).with_name("field.toml"))
    parser.add_argument("--without-environment", action="store_true")
    options = parser.parse_args()
    print(HEAD, flush=True)
    agreed = True
    for project in read_table(options.table):
        if options.projects and project.name not in options.projects:
            continue
        with tempfile.TemporaryDirectory(prefix="gate-field-") as name:
            bare = options.without_environment
            try:
                at = set_up(project, options.clones.absolute(), Path(name), without_environment=bare)
                for line in compare(at):
                    print(line, flush=True)
                    agreed = agreed and "| NO |" not in line
            except Failed as error:
                print(f"{project.name}: {error}", file=sys.stderr, flush=True)
                agreed = False
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
