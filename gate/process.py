"""The process edge: every program that gate starts is started here, and none outlives its run."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

Ended = Literal["exit", "timeout", "overflow", "cancelled"]

GRACE = 2.0
"""Seconds between asking a process group to end and ending it."""
MARK = "GATE_RUN"
"""The variable by which a process is known to belong to a run, wherever it has moved to."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left behind. `ended` tells a normal exit from one that gate enforced."""

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
    cancel: threading.Event,
) -> Finished:
    """Run a program that is not trusted; raises OSError if it cannot start.

    It gets no input and a process group of its own. `timeout` seconds after the start, when it has written
    more than `limit` bytes, or when `cancel` is set, the whole group is ended. Whatever it left running is
    ended with it, also what moved to another group. Output goes to files, so that a process which stays
    behind with the streams open cannot hold up the answer.
    """
    # Takes longer to import than all else here, and a plain call of git does without.
    import tempfile

    mark = f"{os.getpid()}.{threading.get_ident()}.{time.monotonic_ns()}"
    started = time.monotonic()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env={**env, MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        try:
            ended = _watch(process, started + timeout, limit, (out, err), cancel)
        finally:
            _end(process, mark)
        seconds = time.monotonic() - started
        return Finished(process.returncode, _tail(out, limit), _tail(err, limit), seconds, ended)


def _watch(
    process: subprocess.Popen[bytes],
    deadline: float,
    limit: int,
    streams: tuple[IO[bytes], IO[bytes]],
    cancel: threading.Event,
) -> Ended:
    pause = 0.002
    while process.poll() is None:
        if cancel.is_set():
            return "cancelled"
        if time.monotonic() >= deadline:
            return "timeout"
        if any(os.fstat(stream.fileno()).st_size > limit for stream in streams):
            return "overflow"
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(pause)
        pause = min(pause * 1.5, 0.05)
    return "exit"


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """End the group of `process`, kindly first if it still runs, and everything that carries `mark`."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for _ in range(5):
        left = _marked(mark)
        if not left:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def _marked(mark: str) -> list[int]:
    """The processes whose environment carries `mark`, where the system lets that be seen."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    try:
        names = os.listdir("/proc")  # noqa: PTH208  read often, and a Path for each process costs as much again
    except OSError:
        return []
    for name in names:
        if not name.isdigit():
            continue
        with contextlib.suppress(OSError), Path(f"/proc/{name}/environ").open("rb") as file:
            if wanted in file.read() and not _is_zombie(name):
                found.append(int(name))
    return found


def _is_zombie(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:1] == [b"Z"]
    except OSError:
        return True


def _tail(stream: IO[bytes], limit: int) -> bytes:
    size = os.fstat(stream.fileno()).st_size
    stream.seek(max(0, size - limit))
    return stream.read(limit)
