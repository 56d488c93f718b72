"""Replay the incident on the sample shortener, in a scratch repository, with the commands that people type."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import gate
from gate.errors import CannotDecide, UsageError
from gate.process import Cancel, Finished, supervise

Kind = Literal["story", "command", "output"]
Report = Callable[[Kind, str], None]

TIMEOUT = 120.0
OUTPUT_LIMIT = 1024 * 1024
SERVICE = ("flask", "prometheus_client")
"""Packages that the sample's web layer imports; without them, its tests cannot run."""
NOT_COPIED = (
    "__pycache__", ".venv", "*.egg-info", ".mypy_cache", ".pytest_cache", ".ruff_cache", "*.db*",
    # Releasing the service isn't part of the demo, and needs programs that may not be installed.
    "release", "machine", ".release", "release.toml", "monitoring", "kubernetes", "incident", "systemd", "benchmark",
    "slo.yaml",
)  # fmt: skip
ENVIRONMENTS = ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT", "CONDA_PREFIX", "POETRY_VIRTUALENVS_PATH")
KEY = "nehemiah"

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Actor:
    """A person in the story, as git knows them."""

    name: str
    email: str


SENIOR = Actor("Nehemiah", "nehemiah@acme.example")
HIRE = Actor("New Hire", "new@acme.example")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the story, the text before it, and its expected outcome.

    It must exit with the code `ends`, and its output must contain each of `says`.
    """

    story: str
    command: str
    by: Actor = SENIOR
    ends: int = 0
    says: tuple[str, ...] = ()


STEPS = (
    Step(
        "Nehemiah, a senior, maintains a URL shortener. CODEOWNERS lists him; gate.yaml requires his approval"
        " and lists his public key.",
        "git init --quiet --initial-branch main",
    ),
    Step("", "git add --all"),
    Step("", "git commit --quiet --message 'Version 1'"),
    Step(
        "A new hire writes version 2 on a branch: it imports the links of the first days from a file, urls.json.",
        "git switch --quiet --create version-2",
        by=HIRE,
    ),
    Step("", "git apply --index ../version-2.patch", by=HIRE),
    Step("", "git commit --message 'Version 2: bring the old links along'", by=HIRE),
    Step(
        "On main, this would be deployed right away, and would fail in production. Can it merge?",
        "gate check",
        by=HIRE,
        ends=1,
        says=(
            "moving.py:17", "`json.load`", "moving.py:20", "`json`", "moving.py:27", "`json.loads`", "✗ owners",
        ),
    ),
    Step("The new hire fixes it and adds the missing test.", "git apply --index ../fixed.patch", by=HIRE),
    Step("", "git commit --message 'Read JSON as what it is'", by=HIRE),
    Step(
        "The checks pass now. Only the approval is missing, and gate says whose.",
        "gate check",
        by=HIRE,
        ends=1,
        says=("✓ checks", "@nehemiah"),
    ),
    Step(
        "Nehemiah reviews the change and signs exactly what he reviewed.",
        f"gate approve version-2 --key ../{KEY}",
        says=("Approved by @nehemiah",),
    ),
    Step("Now it can merge.", "gate check", by=HIRE, says=("Ready to merge",)),
    Step("", f"gate merge version-2 --key ../{KEY}", says=("Merged version-2 into main",)),
    Step("Later, anyone can verify it offline.", "gate audit", says=("1 of 1 merge", "verified")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replay:
    """The result of a replay. `surprise` describes the first unexpected outcome, or is empty.

    `repository` is where it was preserved, if requested.
    """

    surprise: str
    repository: Path | None


def replay(
    report: Report, *, keep: Path | None = None, colour: bool = False, environ: Mapping[str, str] = os.environ
) -> Replay:
    """Run the story, reporting each command before it runs and its output afterwards.

    Everything happens in a temporary folder, which is always removed; with `keep`, it happens there, and stays. Raises
    UsageError if `keep` can't be used.
    """
    with _scratch(keep) as scratch:
        repository = scratch / "shortener"
        left_out = set_stage(scratch, environ)
        report("story", f"The incident, replayed on the sample shortener in a scratch repository. {left_out}")
        for step in STEPS:
            if step.story:
                report("story", step.story)
            report("command", step.command)
            done = _run(step, repository, environment_of(step.by, environ, colour=colour))
            text = (done.stdout + done.stderr).decode("utf-8", "replace")
            report("output", text)
            surprise = _surprise(step, done, text)
            if surprise:
                return Replay(surprise, keep and repository)
        return Replay("", keep and repository)


def set_stage(scratch: Path, environ: Mapping[str, str]) -> str:
    """Prepare `scratch` for the story: the sample, the patches, and Nehemiah's key.

    Return a note about which of the sample's tests are left out.
    """
    repository = scratch / "shortener"
    # Copy only the content: where gate is installed, files may be read-only.
    ignored = shutil.ignore_patterns(*NOT_COPIED)
    shutil.copytree(sample(), repository, ignore=ignored, copy_function=shutil.copyfile)
    for patch in (Path(gate.__file__).parent / "demo").glob("*.patch"):
        shutil.copyfile(patch, scratch / patch.name)
    command = f"ssh-keygen -q -t ed25519 -N '' -C {KEY} -f {KEY}"
    done = _run(Step("", command), scratch, environment_of(SENIOR, environ))
    if done.returncode != 0:
        raise CannotDecide(f"ssh-keygen failed: {done.stderr.decode('utf-8', 'replace').strip()}")
    public = (scratch / f"{KEY}.pub").read_text("utf-8").strip()
    policy = repository / "gate.yaml"
    text = policy.read_text("utf-8")
    text = _put(text, f"emails: [{SENIOR.email}]", f'emails: [{SENIOR.email}], keys: ["{public}"]')
    missing = [name for name in SERVICE if find_spec(name) is None]
    less = "--ignore=tests/web" if missing else '-m, "not slow"'
    text = _put(text, "{tool: pytest,", f"{{tool: pytest, args: [{less}],")
    # The demo downloads nothing: checks run in the interpreter that runs gate.
    policy.write_text(f"{text}\nenvironment: {{source: none}}\n", "utf-8")
    if missing:
        names = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'}"
        return f"As {names} not installed here, its gate.yaml leaves out the tests in tests/web."
    return "To be quick, its gate.yaml leaves out the tests that start a real server."


def sample() -> Path:
    """Return the sample's folder, in an installed gate or in a checkout."""
    package = Path(gate.__file__).parent
    for folder in (package / "_sample", package.parent / "example_shortener"):
        if (folder / "gate.yaml").is_file():
            return folder
    raise CannotDecide("the demo's sample project is not installed", "reinstall merge-gate")


def environment_of(actor: Actor, environ: Mapping[str, str], *, colour: bool = False) -> dict[str, str]:
    """Return the environment variables for `actor`'s commands, unaffected by the git settings of the user."""
    clean = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("GIT_", "GITHUB_")) and name not in ENVIRONMENTS
    }
    clean |= {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": actor.name,
        "GIT_AUTHOR_EMAIL": actor.email,
        "GIT_COMMITTER_NAME": actor.name,
        "GIT_COMMITTER_EMAIL": actor.email,
        "PYTHONIOENCODING": "utf-8",
    }
    clean["FORCE_COLOR" if colour else "NO_COLOR"] = "1"
    clean.pop("NO_COLOR" if colour else "FORCE_COLOR", None)
    return clean


@contextmanager
def _scratch(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        try:
            keep.mkdir(parents=True, exist_ok=True)
            used = any(keep.iterdir())
        except OSError as error:
            raise UsageError(
                f"--keep {keep}: {error.strerror}", "choose a folder that can be created"
            ) from error
        if used:
            raise UsageError(f"--keep {keep}: the folder is not empty", "choose a new or empty folder")
        yield keep.absolute()
        return
    folder = Path(tempfile.mkdtemp(prefix="gate-demo-")).resolve()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(step: Step, folder: Path, environ: Mapping[str, str]) -> Finished:
    argv = shlex.split(step.command)
    # Run this installation of gate, whatever is on PATH.
    start = [sys.executable, "-P", "-m", "gate"] if argv[0] == "gate" else argv[:1]
    try:
        return supervise(
            [*start, *argv[1:]],
            cwd=str(folder),
            env=environ,
            timeout=TIMEOUT,
            limit=OUTPUT_LIMIT,
            cancel=Cancel(),
        )
    except FileNotFoundError as error:
        raise CannotDecide(f"{argv[0]} is not installed or not on PATH", f"install {argv[0]}") from error


def _surprise(step: Step, done: Finished, text: str) -> str:
    """Return how the outcome differs from the story, or ""."""
    if done.ended != "exit":
        return f"`{step.command}` did not finish ({done.ended})"
    if done.returncode != step.ends:
        return f"`{step.command}` ended with exit code {done.returncode}, and {step.ends} was expected"
    plain = _COLOUR.sub("", text)
    missing = [words for words in step.says if words not in plain]
    if missing:
        return f"`{step.command}` was expected to say {missing[0]!r}"
    return ""


def _put(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise CannotDecide(f"the sample's gate.yaml does not have {old!r} once", "reinstall merge-gate")
    return text.replace(old, new)
