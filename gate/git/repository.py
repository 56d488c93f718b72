"""Run git in a repository, with a controlled environment, and turn its errors into one sentence."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gate.errors import CannotDecide, UsageError
from gate.git.overlay import overlay_of, refuse_to_move
from gate.process import Finished
from gate.process import run as run_process

# The caller's variables that git may see. Any other variable that starts with GIT_ could point git at another
# repository, index, configuration, or helper than the checked one. In a hook of a receiving repository, the
# pushed objects are in a quarantine, so the object directories have to stay.
ALLOWED_GIT_VARIABLES = frozenset(
    {
        "GIT_QUARANTINE_PATH",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_ASKPASS",
        "GIT_PROTOCOL",
        "GIT_TRACE",
    }
)

# No program that the user has configured may run, and no setting may hide a co-author. git warns about grafts
# on each call if the file exists that gate sets to turn them off, so this advice is off.
SETTINGS = (
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "advice.graftFileDeprecated=false",
    "-c", "trailer.separators=:",
)  # fmt: skip
T = TypeVar("T")
MOST_KNOWN = 4096
"""The maximum number of results that a repository object remembers; see `Repository.once`."""
_LOCK = re.compile(r"Unable to create '([^']+\.lock)': File exists")
# git's messages about an object that is missing: cut off by a shallow clone, left out by a filter, or damaged.
_MISSING = ("unable to read", "could not fetch", "bad object", "missing", "promisor", "Could not read")
NOT_HERE = (
    "part of the repository is missing: `git fetch --refetch`, or clone without `--filter` and `--depth`"
)
"""The hint for missing objects that can't be fetched."""


def git_environment(environ: Mapping[str, str], *, quarantine: bool | None = None) -> dict[str, str]:
    """Return the environment for git: the caller's, without variables that redirect it to other files.

    Object directories stay set only in the quarantine of a repository that receives a push, as git announces it.
    """
    inside = "GIT_QUARANTINE_PATH" in environ if quarantine is None else quarantine
    clean = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name in ALLOWED_GIT_VARIABLES
    }
    if not inside:
        clean.pop("GIT_OBJECT_DIRECTORY", None)
        clean.pop("GIT_ALTERNATE_OBJECT_DIRECTORIES", None)
    clean["GIT_NO_REPLACE_OBJECTS"] = "1"
    clean["GIT_GRAFT_FILE"] = os.devnull
    clean["GIT_OPTIONAL_LOCKS"] = "0"
    clean["GIT_TERMINAL_PROMPT"] = "0"
    clean["GIT_LITERAL_PATHSPECS"] = "1"
    clean["GIT_ATTR_NOSYSTEM"] = "1"
    clean["LC_ALL"] = "C"
    return clean


@dataclass(frozen=True, slots=True)
class Repository:
    """A git repository. `work_tree` is None if it is bare.

    `common_dir` contains refs and objects; `git_dir` differs from it in a linked worktree. `overlay` receives new
    objects if the repository is read-only.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None
    overlay: Path | None = None
    _known: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def find(cls, start: Path) -> Repository:
        """Find the repository that contains `start`. Raises UsageError if there is none."""
        if not start.is_dir():
            raise UsageError(f"{start} is not a folder", "run gate inside a git repository")
        options = ("--is-bare-repository", "--git-dir", "--git-common-dir", "--show-toplevel")
        done = _rev_parse(start, *options)
        answers = os.fsdecode(done.stdout).removesuffix("\n").split("\n")
        if len(answers) > len(options):
            # A folder's name contains a newline, so ask for each value separately.
            each = [_rev_parse(start, question) for question in options]
            answers = [
                os.fsdecode(result.stdout).removesuffix("\n") for result in each if result.returncode == 0
            ]
        if len(answers) < 3:
            raise _not_inside(start, stderr_line(done).removeprefix("fatal: "))
        bare = answers[0] == "true" or len(answers) < 4
        common_dir = Path(answers[2])
        return cls(Path(answers[1]), common_dir, None if bare else Path(answers[3]), overlay_of(common_dir))

    @property
    def state_dir(self) -> Path:
        """The folder for gate's own data, shared by all worktrees and never inside a working tree."""
        return (self.overlay or self.common_dir) / "gate"

    @property
    def object_dirs(self) -> tuple[Path, ...]:
        """The object directories. New objects go to the first."""
        own = self.common_dir / "objects"
        return (self.overlay / "objects", own) if self.overlay else (own,)

    def once(self, key: Hashable, work: Callable[[], T]) -> T:
        """Call `work` once per key and cache its result on this object. Errors aren't cached.

        Use it only for results that can't change because the key contains the full ids of the objects they depend on.
        """
        if key in self._known:
            earlier: T = self._known[key]
            return earlier
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        result = work()
        self._known[key] = result
        return result

    def attempt(
        self,
        *args: str | bytes,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Finished:
        """Run git and return the outcome, whatever it is. `env` is added to git's environment.

        git runs inside the git directory as if the repository were bare, so that no file of a working tree, above all
        `.gitattributes`, has an effect. `cwd` is another folder to run in, for relative remote addresses. Raises
        CannotDecide for commands that would move refs in a read-only repository.
        """
        environment = git_environment(os.environ)
        environment["GIT_DIR"] = str(self.git_dir)
        if self.overlay:
            refuse_to_move(_command(args), self.common_dir)
            new, own = self.object_dirs
            environment["GIT_OBJECT_DIRECTORY"] = str(new)
            environment["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = str(own)
        environment |= env or {}
        argv: list[str | bytes] = ["git", *SETTINGS]
        if env is None or "GIT_WORK_TREE" not in env:
            argv += ["-c", "core.bare=true"]
        return _start([*argv, *args], cwd or self.git_dir, environment, stdin)

    def run(self, *args: str | bytes, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git and return its standard output. Raises CannotDecide with git's message if it fails."""
        done = self.attempt(*args, stdin=stdin, env=env)
        if done.returncode != 0:
            raise failure(_command(args), done)
        return done.stdout

    def text(self, *args: str | bytes, env: Mapping[str, str] | None = None) -> str:
        """Run git like `run` and return its output decoded, without the trailing newline."""
        return os.fsdecode(self.run(*args, env=env)).removesuffix("\n")


def _command(args: Sequence[str | bytes]) -> str:
    words = [arg for arg in args if isinstance(arg, str) and arg[:1].isalpha() and "=" not in arg]
    return words[0] if words else ""


def stderr_line(done: Finished) -> str:
    """Return the line of git's standard error that says what went wrong."""
    lines = [
        line for line in done.stderr.decode("utf-8", "replace").splitlines() if not line.startswith("hint:")
    ]
    fatal = [line for line in lines if line.startswith("fatal: ")]
    errors = [line for line in lines if line.startswith("error: ")]
    chosen = fatal[-1:] or errors[:1] or [line for line in lines if line.strip()][-1:]
    return chosen[0].strip() if chosen else f"exit code {done.returncode}"


def hint_about_lock(done: Finished) -> str:
    """Return what to do about a stale lock file, or "" if there is none. git never removes one itself."""
    match = _LOCK.search(done.stderr.decode("utf-8", "replace"))
    return f"if no git process is running there, remove the stale lock {match[1]}" if match else ""


def failure(command: str, done: Finished) -> CannotDecide:
    """Return the exception for a failed `git COMMAND`, with git's message and a hint if there is one."""
    message = stderr_line(done).removeprefix("fatal: ").removeprefix("error: ")
    hint = hint_about_lock(done)
    if any(word in message for word in _MISSING):
        hint = NOT_HERE
    return CannotDecide(f"git {command} failed: {message}", hint)


def _not_inside(start: Path, reason: str) -> UsageError:
    if match := re.search(r"dubious ownership in repository at '(.*)'", reason):
        way_out = f"if you trust it: `git config --global --add safe.directory {shlex.quote(match[1])}`"
        return UsageError(f"{match[1]} belongs to another user, so git refuses to read it", way_out)
    why = "" if reason.startswith("not a git repository (or any") else f" ({reason})"
    hint = "run gate inside one"
    if "GIT_DIR" in os.environ:
        hint += "; GIT_DIR is set, but gate ignores it"
    return UsageError(f"{start} is not inside a git repository{why}", hint)


def _rev_parse(start: Path, *options: str) -> Finished:
    argv = ["git", "rev-parse", "--path-format=absolute", *options]
    return _start(argv, start, git_environment(os.environ))


def _start(argv: Sequence[str | bytes], cwd: Path, env: Mapping[str, str], stdin: bytes = b"") -> Finished:
    try:
        return run_process(argv, cwd=cwd, env=env, stdin=stdin)
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise CannotDecide(f"{cwd} is gone", "run gate again") from error
        raise CannotDecide("git is not installed or not on PATH", "install git 2.38 or later") from error
