"""Start programs. Every program that gate starts is started here, and none outlives its run."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from gate.platforms import KILLED, kill_group, readable

Ended = Literal["exit", "timeout", "overflow", "memory", "cancelled"]

SUPERVISOR = str(Path(__file__).parent / "plugins" / "supervisor.py")
PATIENCE = 15.0
"""Seconds that a supervisor gets to stop its program before it is killed itself."""
LOOK = 50
"""Milliseconds between two checks of the time and the size of the output."""


class Cancel(threading.Event):
    """An event that wakes a thread which also polls other file descriptors."""

    def __init__(self) -> None:
        """Create an event that isn't set."""
        super().__init__()
        self._seen, self._unset = os.pipe()
        self._closing = threading.Lock()
        self._children: weakref.WeakSet[Cancel] = weakref.WeakSet()

    def set(self) -> None:
        """Set the event and its children. It can't be cleared."""
        with self._closing:
            if not self.is_set():
                super().set()
                os.close(self._unset)
            children = list(self._children)
        for child in children:
            child.set()

    def child(self) -> Cancel:
        """Return another event that is set together with this one, and that can be set on its own."""
        child = Cancel()
        with self._closing:
            self._children.add(child)
        if self.is_set():
            child.set()
        return child

    def fileno(self) -> int:
        """Return a descriptor that becomes readable, without data, when the event is set."""
        return self._seen

    def __del__(self) -> None:
        """Close the descriptors."""
        self.set()
        os.close(self._seen)


@dataclass(frozen=True, slots=True)
class Finished:
    """The outcome of a program. `ended` says whether it exited by itself or why gate killed it.

    `returncode` is -N if the program was killed by signal N.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    ended: Ended = "exit"


def run(
    argv: Sequence[str | bytes],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Finished:
    """Run a program that is trusted to end, and return its outcome. Raises OSError if it can't start."""
    started = time.monotonic()
    done = subprocess.run(
        list(argv),
        cwd=cwd,
        env=dict(os.environ if env is None else env),
        input=stdin,
        capture_output=True,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - started)


def supervise(
    argv: Sequence[str],
    *,
    cwd: str,
    env: Mapping[str, str],
    timeout: float,
    limit: int,
    cancel: Cancel,
    memory: int = 0,
    started: Callable[[], None] = lambda: None,
) -> Finished:
    """Run an untrusted program. Raises OSError if it can't start.

    It gets no input and its own session. It is killed `timeout` seconds after the start, when it has written more than
    `limit` bytes, or when `cancel` is set. On Linux, it is also killed when it and its child processes use more than
    `memory` bytes; 0 means four fifths of the free memory at the start. Everything it leaves running is killed with it,
    wherever that moved to, and also if gate itself is killed: a supervisor watches it, see
    `gate/plugins/supervisor.py`. `started` is called as soon as that is set up. Output goes to files, so that a
    leftover process with open streams can't delay the result; only the last `limit` bytes are returned.
    """
    began = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        supervised = _SupervisedProgram(argv, cwd, env, (out, err), memory)
        try:
            started()
            ended = supervised.watch(began + timeout, limit, cancel)
        finally:
            supervised.end()
        code = supervised.returncode()
        ended = "memory" if supervised.exceeded_memory() else ended
        return Finished(code, _tail(out, limit), _tail(err, limit), time.monotonic() - began, ended)


class _SupervisedProgram:
    """A program under a supervisor, with a lifeline to hold and a pipe for the supervisor's report."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        streams: tuple[IO[bytes], IO[bytes]],
        memory: int,
    ) -> None:
        self._program = argv[0]
        self._streams = streams
        self._report = b""
        self._status, child_end = os.pipe()
        held, self._lifeline = os.pipe()
        try:
            self._supervisor = subprocess.Popen(
                [sys.executable, "-I", "-S", SUPERVISOR, str(child_end), str(memory), *argv],
                cwd=cwd,
                env=dict(env),
                stdin=held,
                stdout=streams[0],
                stderr=streams[1],
                pass_fds=[child_end],
                start_new_session=True,
            )
        except BaseException:
            os.close(self._status)
            os.close(self._lifeline)
            raise
        finally:
            os.close(child_end)
            os.close(held)

    def watch(self, deadline: float, limit: int, cancel: Cancel) -> Ended:
        """Wait until the report is complete, or until there is a reason to kill the program."""
        while not self._listen(LOOK, cancel):
            if cancel.is_set():
                return "cancelled"
            if time.monotonic() >= deadline:
                return "timeout"
            if any(os.fstat(stream.fileno()).st_size > limit for stream in self._streams):
                return "overflow"
        return "exit"

    def end(self) -> None:
        """Release the lifeline, and wait until the supervisor has killed everything."""
        os.close(self._lifeline)
        deadline = time.monotonic() + PATIENCE
        while not self._listen(LOOK):
            if time.monotonic() >= deadline:
                self._supervisor.kill()
        os.close(self._status)
        self._supervisor.wait()
        answers = self._answers()
        if not answers.keys() & {"exit", "signal", "error"} and "pid" in answers:
            # The program has killed its supervisor, but must not escape that way.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill_group(answers["pid"])

    def returncode(self) -> int:
        """Return the exit code, or -N for signal N. Raises OSError if the program never started."""
        match self._answers():
            case {"error": number}:
                raise OSError(number, os.strerror(number), self._program)
            case {"exit": code}:
                return code
            case {"signal": number}:
                return -number
            case _:
                return -KILLED

    def exceeded_memory(self) -> bool:
        """Return whether the supervisor killed the program because of its memory use."""
        return "memory" in self._answers()

    def _listen(self, milliseconds: int, cancel: Cancel | None = None) -> bool:
        """Read the supervisor's report for at most this time, or until `cancel`; return whether it is complete."""
        if self._status not in readable(
            [self._status] if cancel is None else [self._status, cancel], milliseconds
        ):
            return False
        data = os.read(self._status, 4096)
        self._report += data
        return not data

    def _answers(self) -> dict[str, int]:
        words = (line.split(" ") for line in self._report.decode("ascii").splitlines())
        return {name: int(number) for name, number in words}


def _tail(stream: IO[bytes], limit: int) -> bytes:
    size = os.fstat(stream.fileno()).st_size
    stream.seek(max(0, size - limit))
    return stream.read(limit)


def show_in_pager(command: str, text: str, environment: Mapping[str, str]) -> bool:
    """Show `text` in the pager `command`, started by the shell as git does. Returns False if it can't be started."""
    try:
        done = subprocess.run(
            ["sh", "-c", command],  # noqa: S607 - a setting in the user's own git
            input=text.encode("utf-8", "replace"),
            env=environment,
            check=False,
        )
    except OSError:
        return False
    return done.returncode not in {126, 127}
