"""Use the machine: run programs, write files atomically, and manage locks and ports."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from machine.problems import Busy, CannotGo

PATIENCE = 60.0
"""Seconds to wait for something to become ready, even on a busy machine."""
OF_A_REPOSITORY = {
    "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_DIR", "GIT_INDEX_FILE", "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_QUARANTINE_PATH", "GIT_WORK_TREE",
}  # fmt: skip
_HELD: list[socket.socket] = []
"""Sockets that reserve the ports chosen by this program."""


def run(
    argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, seconds: float | None = None
) -> tuple[int, str]:
    """Run a program, and return its exit code (124 after a timeout) and its output."""
    try:
        process = subprocess.Popen(  # noqa: S603  fixed arguments, no shell
            argv, cwd=cwd, env=env or without_repository(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError as error:
        missing = f"{argv[0]} is not installed or not on PATH" if cwd.is_dir() else f"{cwd} does not exist"
        raise CannotGo(missing) from error
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output.strip()
    except subprocess.TimeoutExpired:
        return 124, f"{' '.join(argv[:3])} … did not end in {seconds:g} s"
    finally:
        # Kill its whole process group: a child may be waiting for a server that doesn't answer.
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def without_repository() -> dict[str, str]:
    """Return the environment variables, without those by which git passes a repository to its hooks."""
    return {name: value for name, value in os.environ.items() if name not in OF_A_REPOSITORY}


def visible(text: str) -> str:
    """Return `text` as one line without control characters: text from commits and releases ends up on terminals."""
    return "".join(one if one.isprintable() else "�" for one in " ".join(text.split()))


def connect(folder: Path, name: str, seconds: float = PATIENCE) -> socket.socket:
    """Connect to a Unix socket in a folder whose path may exceed the length limit of socket addresses."""
    descriptor, connection = os.open(folder, os.O_RDONLY), socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(seconds)
        connection.connect(f"/proc/self/fd/{descriptor}/{name}")
    except OSError:
        connection.close()
        raise
    finally:
        os.close(descriptor)
    return connection


def replace(path: Path, text: str) -> bool:
    """Replace a file atomically, and return whether its content changed.

    The space for the next version is reserved beside it, so that a full disk doesn't prevent a rollback.
    """
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.next")
    with beside.open("r+b" if beside.exists() else "w+b") as file:
        file.write(data)
        file.truncate()
        os.fsync(file.fileno())
    beside.replace(path)
    # The new name has to outlive a power failure as well.
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    with suppress(OSError):
        beside.write_bytes(b" " * max(4096, 2 * len(data)))
    return True


def read_json(path: Path) -> Any:
    """Return the content of one of this tool's JSON files. Raises CannotGo if it is damaged."""
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise CannotGo(f"{path} is damaged: {error}") from error


@contextmanager
def alone(lock: Path, *, patience: float = 3.0) -> Iterator[None]:
    """Hold this lock. Raises Busy if another process holds it for longer than `patience`."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    end = time.monotonic() + patience
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError:
        # On a file system that has become read-only, a rollback still has to be possible.
        descriptor = os.open(lock, os.O_RDONLY)
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() > end:
                owner = os.pread(descriptor, 16, 0).decode().strip() or "?"
                raise Busy(f"{lock.parent.name}: process {owner} is at work here; wait for its end")
            time.sleep(0.02)
        with suppress(OSError):
            # Padded, so that it can be overwritten in place on a full disk.
            os.pwrite(descriptor, f"{os.getpid():<16}".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def must_be_free(port: int) -> int:
    """Return the port. Raises CannotGo if it is taken, since another program's answers could be mistaken for ours."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        message = f"port {port} is taken: {error.strerror}; set another one in release.toml"
        raise CannotGo(message) from error
    return port


def free_port() -> int:
    """Return a free port on which an engine can listen, reserved until this program ends."""
    # A socket that doesn't listen reserves the port only against programs that ask for any free one.
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    _HELD.append(held)
    return int(held.getsockname()[1])


def current_user() -> str:
    """Return the person named by the CI system (Jenkins, GitHub, GitLab), or else the current user."""
    for name in ("BUILD_USER_ID", "GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        if os.environ.get(name):
            return os.environ[name]
    return getpass.getuser()
