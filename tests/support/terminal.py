"""A shell at a terminal: type input, and wait for output."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from support.waiting import PATIENCE

ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[A-Za-z]|[=>]|\][^\x07]*\x07)|\r|.\x08")


class Terminal:
    """A program with its own terminal."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Start the program."""
        self.shown = b""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(cwd)
            os.execvpe(argv[0], list(argv), dict(env))  # noqa: S606  this is the child: it becomes the program

    def type(self, text: str) -> None:
        """Press the keys."""
        os.write(self._terminal, text.encode())

    def wait_for(self, text: str) -> bool:
        """Read until `text` is shown. Returns False if it isn't within a time that is enough for a slow machine."""
        until = time.monotonic() + PATIENCE
        while text.encode() not in ESCAPES.sub(b"", self.shown):
            ready, _, _ = select.select([self._terminal], [], [], max(until - time.monotonic(), 0))
            try:
                got = os.read(self._terminal, 65536) if ready else b""
            except OSError:
                got = b""
            if not got:
                return False
            self.shown += got
        return True

    def forget(self) -> None:
        """Ignore the output so far when waiting next."""
        self.shown = b""

    def close(self) -> None:
        """End the program and everything it started."""
        os.kill(self._pid, signal.SIGKILL)
        os.close(self._terminal)
        os.waitpid(self._pid, 0)
