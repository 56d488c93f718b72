"""gate without its start-up: each command line runs in a fork of a process that has imported everything.

Everything else is as if the program had been started: a process of its own, the real entry point, its environment,
folder, streams, and exit code. `warm_up` starts the process, `Warm.run` is a command line in it, and `Warm.stub` is
what a git hook starts in place of the interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import marshal
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

KILLED = 137
PACKAGES = ("app", "cli", "log", "runner", "gather", "git", "policy", "reports", "weakenings")
LATER = ("git", "getpass", "platform", "termios")
"""What gate imports only where it needs it."""
# What the process that a hook starts has to do, with as few imports as possible.
STUB = """\
#!{python} -IS
import _socket, marshal, os, sys
warm = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
warm.connect({address!r})
asked = marshal.dumps((sys.argv[sys.argv.index("gate") + 1:], os.getcwd(), dict(os.environ)))
import struct
fds = struct.pack("3i", 0, 1, 2)
warm.sendmsg([struct.pack("I", len(asked))], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, fds)])
warm.sendall(asked)
sys.exit(int(warm.recv(16) or {killed}))
"""


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Warm:
    """A process that is ready to be gate."""

    address: str

    def run(self, arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Ended:
        """Run `gate ARGUMENTS` and wait for its end."""
        with contextlib.ExitStack() as stack:
            out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in ("out", "err"))
            nothing = stack.enter_context(Path(os.devnull).open("rb"))
            warm = stack.enter_context(socket.socket(socket.AF_UNIX))
            warm.connect(self.address)
            asked = marshal.dumps((list(arguments), str(folder), dict(env)))
            descriptors = [each.fileno() for each in (nothing, out, err)]
            socket.send_fds(warm, [len(asked).to_bytes(4, sys.byteorder)], descriptors)
            warm.sendall(asked)
            code = int(warm.recv(16) or KILLED)
            texts = []
            for each in (out, err):
                each.seek(0)
                texts.append(each.read().decode("utf-8", "surrogateescape"))
        return Ended(code, *texts)

    def stub(self, path: Path) -> str:
        """Write a program that acts as the interpreter that a hook starts, and return its path."""
        path.write_text(STUB.format(python=sys.executable, address=self.address, killed=KILLED))
        path.chmod(0o755)
        return str(path)


@contextlib.contextmanager
def warm_up(folder: Path, env: Mapping[str, str]) -> Iterator[Warm]:
    """Start the process, with its socket in the folder. It ends with the context, or with the caller."""
    address = str(folder / "warm")
    # The program holds the other end of this pipe until it ends, however that happens.
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", "from support.warm import serve; serve()", address],
        env={**env, "PYTHONPATH": os.pathsep.join(("tests", env.get("PYTHONPATH", "")))},
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.read(1) == b"!"
        yield Warm(address)
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait()


def serve() -> NoReturn:
    """Import gate, and fork for each request until standard input ends."""
    import select

    entry = _imported()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen(64)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
        os.write(1, b"!")
        sources = [listener.fileno(), 0]
        while True:
            ready, _, _ = select.select(sources, [], [])
            if 0 in ready:
                os._exit(0)
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _become_gate(connection, entry)
            connection.close()


def _imported() -> Callable[[], int]:
    import importlib
    import pkgutil

    for package in (importlib.import_module(f"gate.{name}") for name in PACKAGES):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    for name in LATER:
        importlib.import_module(name)
    from gate.__main__ import main

    gc.collect()
    gc.freeze()
    return main


def _become_gate(connection: socket.socket, entry: Callable[[], int]) -> NoReturn:
    """Take over what a new process would have been started with, and run."""
    import atexit
    import tempfile

    length, descriptors, _, _ = socket.recv_fds(connection, 4, 3)
    data = b""
    while len(data) < int.from_bytes(length, sys.byteorder):
        data += connection.recv(1 << 16)
    arguments, folder, env = marshal.loads(data)  # noqa: S302 - from the tests alone
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["gate", *arguments]
    tempfile.tempdir = None
    connection.set_inheritable(False)
    code = entry()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    connection.sendall(str(code).encode())
    os._exit(code)
