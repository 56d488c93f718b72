"""A temporary bare repository that talks to the remotes of another one, with its settings and credentials.

What is fetched stays in it: the other repository gets no objects, refs, or `FETCH_HEAD`, whatever a remote sends.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import weakref
from pathlib import Path

from gate.errors import CannotDecide
from gate.git.repository import SETTINGS, Repository, git_environment, stderr_line
from gate.process import Cancel, Finished, supervise
from gate.process import run as run_process

FOLDER = "exchange"
"""The folder of gate's own data that it is in, so that settings by folder (`includeIf "gitdir:…"`) are valid for it."""
OUTPUT = 4 * 1024 * 1024
"""The maximum size of what git may print about an exchange with a remote, in bytes."""


class Scratch:
    """A temporary repository of gate's own. `close()` deletes it, as does the end of gate."""

    def __init__(self, repository: Repository) -> None:
        """Create it. Raises CannotDecide if there is no space for it."""
        parent = repository.state_dir / FOLDER
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=parent))
        except OSError as error:
            raise CannotDecide(f"{parent} can't be written: {error.strerror}") from error
        self.close = weakref.finalize(self, shutil.rmtree, self._folder, True)
        # A remote's URL may be a relative path, which git resolves from the top of the working tree.
        self._cwd = repository.work_tree or repository.git_dir
        self._environment = git_environment(os.environ, quarantine=False)
        self._environment.pop("GIT_QUARANTINE_PATH", None)
        objects = repository.text("rev-parse", "--show-object-format")
        self.run("init", "--bare", "--quiet", "--template=", f"--object-format={objects}", str(self._folder))
        self._environment["GIT_DIR"] = str(self._folder)
        with (self._folder / "config").open("a", encoding="utf-8", errors="surrogateescape") as config:
            for folder in dict.fromkeys((repository.common_dir, repository.git_dir)):
                for name in ("config", "config.worktree"):
                    path = str(folder / name).replace("\\", "\\\\").replace('"', '\\"')
                    config.write(f'[include]\n\tpath = "{path}"\n')

    def run(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run a git command that stays on this machine, and return its output. Raises CannotDecide if it fails."""
        done = run_process(self._argv(args), cwd=self._cwd, env=self._environment, stdin=stdin)
        if done.returncode:
            raise CannotDecide(f"git {args[0]} failed: {stderr_line(done)}")
        return done.stdout

    def talk(self, *args: str, seconds: float) -> Finished:
        """Run a git command that talks to a remote, without a terminal, and end it after this time."""
        return supervise(
            self._argv(args),
            cwd=str(self._cwd),
            env=self._environment,
            timeout=seconds,
            limit=OUTPUT,
            cancel=Cancel(),
        )

    @staticmethod
    def _argv(args: tuple[str, ...]) -> list[str]:
        # Large files are not held in memory while they are received.
        own = ("-c", "core.bare=true", "-c", "gc.auto=0", "-c", "core.bigFileThreshold=32m")
        return ["git", *SETTINGS, *own, *args]
