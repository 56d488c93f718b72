"""Run `gate init` at a terminal, and answer its questions."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

from support.company import Clone, isolated


def at_terminal(clone: Clone, answers: str, *args: str, code: int = 0) -> str:
    """Run `gate init` at a terminal, and type these lines, until it exits with `code`. Return its output."""
    ours, theirs = pty.openpty()
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
