"""Running git: in one repository, with an environment of gate's own, and errors as one sentence."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotDecide, UsageError
from gate.process import Finished
from gate.process import run as run_process

# What a caller's environment may carry into git. Everything else that starts with GIT_ could point git at
# another repository, index, configuration or helper than the one that is judged. The quarantine of a
# receiving repository is where the pushed objects are, so in a hook the first two have to stay.
KEPT_GIT_VARIABLES = frozenset(
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


def git_environment(environ: Mapping[str, str], *, quarantine: bool | None = None) -> dict[str, str]:
    """The environment that git gets: the caller's, less all that could make it look elsewhere.

    Object folders are kept only inside a receiving repository's quarantine, which git itself announces.
    """
    inside = "GIT_QUARANTINE_PATH" in environ if quarantine is None else quarantine
    clean = {
        name: value
        for name, value in environ.items()
        if not name.startswith("GIT_") or name in KEPT_GIT_VARIABLES
    }
    if not inside:
        clean.pop("GIT_OBJECT_DIRECTORY", None)
        clean.pop("GIT_ALTERNATE_OBJECT_DIRECTORIES", None)
    clean["GIT_NO_REPLACE_OBJECTS"] = "1"
    clean["GIT_GRAFT_FILE"] = os.devnull
    clean["GIT_OPTIONAL_LOCKS"] = "0"
    clean["GIT_TERMINAL_PROMPT"] = "0"
    clean["GIT_LITERAL_PATHSPECS"] = "1"
    clean["LC_ALL"] = "C"
    return clean


@dataclass(frozen=True, slots=True)
class Repository:
    """One git repository. `work_tree` is None in a bare one.

    `common_dir` is where refs and objects are; `git_dir` differs from it in a linked worktree.
    """

    git_dir: Path
    common_dir: Path
    work_tree: Path | None

    @classmethod
    def find(cls, start: Path) -> Repository:
        """The repository around `start`; raises UsageError where there is none."""
        done = run_process(
            [
                "git",
                "rev-parse",
                "--path-format=absolute",
                "--git-dir",
                "--git-common-dir",
                "--is-bare-repository",
                "--show-toplevel",
            ],
            cwd=start,
            env=git_environment(os.environ),
        )
        lines = os.fsdecode(done.stdout).splitlines()
        if len(lines) < 3:
            reason = done.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ")
            raise UsageError(f"{start} is not inside a git repository ({reason})", "run gate inside one")
        bare = lines[2] == "true" or len(lines) < 4
        return cls(Path(lines[0]), Path(lines[1]), None if bare else Path(lines[3]))

    @property
    def state_dir(self) -> Path:
        """Where gate keeps what it knows: shared by all worktrees, never inside a working tree."""
        return self.common_dir / "gate"

    def attempt(
        self,
        *args: str | bytes,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> Finished:
        """Run git and return whatever came of it. `env` is added to git's environment.

        It runs inside the git folder as if the repository were bare, so that no file of a working tree
        (attributes, above all) has a say. `cwd` is another folder to run in, by which a relative address of
        a remote is understood.
        """
        environment = git_environment(os.environ)
        environment["GIT_DIR"] = str(self.git_dir)
        environment |= env or {}
        argv: list[str | bytes] = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"]
        # git warns at each call that grafts are on their way out, which is why they are turned off here.
        argv += ["-c", "advice.graftFileDeprecated=false"]
        if env is None or "GIT_WORK_TREE" not in env:
            argv += ["-c", "core.bare=true"]
        try:
            return run_process([*argv, *args], cwd=cwd or self.git_dir, env=environment, stdin=stdin)
        except FileNotFoundError as error:
            raise CannotDecide("git is not installed or not on PATH", "install git 2.38 or later") from error

    def run(self, *args: str | bytes, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        """Run git and return its standard output; raises CannotDecide with git's own words when it fails."""
        done = self.attempt(*args, stdin=stdin, env=env)
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
            name = args[0] if isinstance(args[0], str) else os.fsdecode(args[0])
            raise CannotDecide(f"git {name} failed: {said}")
        return done.stdout

    def text(self, *args: str | bytes, env: Mapping[str, str] | None = None) -> str:
        """Like `run`, for one short answer: decoded, without the newline at the end."""
        return os.fsdecode(self.run(*args, env=env)).removesuffix("\n")
