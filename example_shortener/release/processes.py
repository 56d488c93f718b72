"""The programs that stay: started to outlive this one, found again, and ended. Nothing else starts a program."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from release.problems import CannotGo

PATIENCE = 60.0
"""Seconds for a program to be ready, also on a machine that is busy with much else."""
ENDING = 20.0
"""Seconds for a program to come to its end when it is asked; gunicorn gives those that it answers ten."""
TICK = 0.02


def run(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program to its end; returns its exit code and what it said."""
    try:
        done = subprocess.run(  # noqa: S603  our own words, no shell
            argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            check=False, encoding="utf-8", errors="replace",
        )  # fmt: skip
    except FileNotFoundError as error:
        raise CannotGo(f"{argv[0]} is not installed or not on PATH") from error
    return done.returncode, done.stdout.strip()


def find(program: str, package: str) -> str:
    """The path of a program, also where only root has it on PATH; raises CannotGo that names the package."""
    found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise CannotGo(f"{program} is not installed; as root: apt-get install {package}")
    return found


@contextmanager
def undisturbed() -> Iterator[None]:
    """Whoever ends this program again meanwhile is not heard: it is about to end as it should."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class Program:
    """A program with a name in a folder, where `NAME.pid` and `NAME.log` tell of it."""

    def __init__(self, folder: Path, name: str) -> None:
        """It need not run."""
        self._note = folder / f"{name}.pid"
        self.log = folder / f"{name}.log"

    def start(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], pass_fds: Sequence[int] = ()
    ) -> None:
        """Start it in a session of its own, with no terminal. It must not be running."""
        self._note.unlink(missing_ok=True)
        # It notes itself what it is before it becomes the program: killed at any moment, this one leaves none
        # behind that is not found again.
        become = ["/bin/sh", "-c", 'IFS= read -r stat <"/proc/$$/stat" && echo "$stat" >"$0" && exec "$@"']
        with self.log.open("wb") as log:
            process = subprocess.Popen(  # noqa: S603  our own words; the shell gets them as they are
                [*become, str(self._note), *argv], cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True, pass_fds=pass_fds,
            )  # fmt: skip
        while self.pid is None and process.poll() is None:
            time.sleep(TICK / 10)

    @property
    def pid(self) -> int | None:
        """Its process id while it runs. A number that another process has been given since is not it."""
        try:
            stat = self._note.read_text("utf-8")
            pid, born = int(stat.partition(" ")[0]), _started(stat)
        except (OSError, ValueError, IndexError):
            return None
        return pid if _born(pid) == born else None

    def wait_for(self, pattern: str) -> str:
        """What the first group of `pattern` finds in its log; raises CannotGo if it ends or takes too long."""
        end = time.monotonic() + PATIENCE
        while True:
            running = self.pid is not None
            text = self.log.read_text("utf-8", "replace")
            found = re.search(pattern, text)
            if found:
                return found[1]
            if not running or time.monotonic() > end:
                how = "ended" if not running else f"was not ready after {PATIENCE:.0f} s"
                last = text.strip().splitlines()[-1:] or ["it said nothing"]
                raise CannotGo(f"{self.log.stem} {how}: {last[0]} (see {self.log})")
            time.sleep(TICK)

    def ask_to_end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send it a signal, if it runs."""
        pid = self.pid
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End it and whatever it has started. What does not end when it is asked is killed."""
        pid = self.pid
        if pid is not None:
            self.ask_to_end()
            end = time.monotonic() + ENDING
            while self.pid is not None and time.monotonic() < end:
                time.sleep(TICK)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
        self._note.unlink(missing_ok=True)


def _born(pid: int) -> int | None:
    """When a process was started, in the kernel's ticks; None if there is none, or only what is left of it."""
    with suppress(OSError):
        # A child of ours that has ended stays in the table until it is asked for.
        os.waitpid(pid, os.WNOHANG)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    except OSError:
        return None
    return None if stat.rpartition(")")[2].split()[0] == "Z" else _started(stat)


def _started(stat: str) -> int:
    """When a process was started, by what the kernel says of it in /proc/PID/stat."""
    return int(stat.rpartition(")")[2].split()[19])
