"""Run `gate init` at a terminal, and answer its questions."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from support.company import Clone, isolated


def at_terminal(clone: Clone, answers: str, *args: str, code: int = 0, columns: int = 0) -> str:
    """Run `gate init` at a terminal, and type these lines, until it exits with `code`. Return its output.

    With 0 `columns`, the terminal doesn't know its size.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "gate", "init", *args],
        cwd=clone.path,
        env={**isolated(clone.path.parent / "home"), "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    ) as running:
        os.close(theirs)
        os.write(ours, answers.encode())
        shown = b""
        try:
            while chunk := os.read(ours, 65536):
                shown += chunk
        except OSError:  # the terminal is gone with its last program
            pass
        os.close(ours)
        assert running.wait() == code, shown.decode()
    return shown.decode()
