"""The process edge: every program that gate starts is started here, and none outlives its run."""

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
"""Seconds that a supervisor gets to end what it watches over, before it is ended itself."""
LOOK = 50
"""Milliseconds between two looks at the clock and at the size of the output."""


class Cancel(threading.Event):
    """An event that wakes a thread which polls other file descriptors as well."""

    def __init__(self) -> None:
        """Not set."""
        super().__init__()
        self._seen, self._unset = os.pipe()
        self._closing = threading.Lock()
        self._children: weakref.WeakSet[Cancel] = weakref.WeakSet()

    def set(self) -> None:
        """Set it and its children, for good."""
        with self._closing:
            if not self.is_set():
                super().set()
                os.close(self._unset)
            children = list(self._children)
        for child in children:
            child.set()

    def child(self) -> Cancel:
        """Another one, which is set with this one, and may be set alone."""
        child = Cancel()
        with self._closing:
            self._children.add(child)
        if self.is_set():
            child.set()
        return child

    def fileno(self) -> int:
        """What can be read from, without ever giving anything, as soon as it is set."""
        return self._seen

    def __del__(self) -> None:
        """Nobody can wait for it any more."""
        self.set()
        os.close(self._seen)


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left behind. `ended` says whether the exit was normal or gate enforced it.

    `returncode` is negative, -N, for a program that was ended by signal N.
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
    """Run a program that is trusted to end, and return what it left; raises OSError if it cannot start."""
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
    """Run a program that is not trusted; raises OSError if it cannot start.

    It gets no input and a session of its own. `timeout` seconds after the start, when it has written more than
    `limit` bytes, or when `cancel` is set, it is ended. So it is, on Linux, when it and what it has started hold
    more than `memory` bytes; 0 means four fifths of what is free when it starts. Whatever it left running is
    ended with it, wherever that has moved to, and so it is if gate is killed: a supervisor watches over it, see
    `gate/plugins/supervisor.py`. `started` is called as soon as that is under way.
    Output goes to files, so that a process which stays behind with the streams open cannot hold up the answer;
    of more than `limit` bytes only the last are returned.
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
    """A program under its supervisor: a lifeline to hold, and a pipe on which the supervisor reports."""

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
        """Wait until all has been reported, or until there is a reason to end the program."""
        while not self._listen(LOOK, cancel):
            if cancel.is_set():
                return "cancelled"
            if time.monotonic() >= deadline:
                return "timeout"
            if any(os.fstat(stream.fileno()).st_size > limit for stream in self._streams):
                return "overflow"
        return "exit"

    def end(self) -> None:
        """Let go of the lifeline, and wait until the supervisor has ended everything."""
        os.close(self._lifeline)
        deadline = time.monotonic() + PATIENCE
        while not self._listen(LOOK):
            if time.monotonic() >= deadline:
                self._supervisor.kill()
        os.close(self._status)
        self._supervisor.wait()
        answers = self._answers()
        if not answers.keys() & {"exit", "signal", "error"} and "pid" in answers:
            # The program has ended its supervisor. It does not get away with that.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill_group(answers["pid"])

    def returncode(self) -> int:
        """The exit code, or -N for signal N; raises OSError if the program never started."""
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
        """Whether the supervisor has ended the program for the memory that it held."""
        return "memory" in self._answers()

    def _listen(self, milliseconds: int, cancel: Cancel | None = None) -> bool:
        """Read the supervisor's report for so long at most, or until `cancel`; whether it is complete."""
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
    """Show `text` in the pager `command`, started by the shell as git does; False if that cannot be started."""
    try:
        done = subprocess.run(
            ["sh", "-c", command],  # noqa: S607 - a setting of the user's own git
            input=text.encode("utf-8", "replace"),
            env=environment,
            check=False,
        )
    except OSError:
        return False
    return done.returncode not in {126, 127}
