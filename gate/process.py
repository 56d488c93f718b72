"""The process edge: every program that gate starts is started here, and none outlives its run."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finished:
    """What a program left behind. `ended` tells a normal exit from one that gate enforced."""

    returncode: int
    stdout: bytes
    stderr: bytes
    seconds: float
    ended: Literal["exit", "timeout", "overflow"] = "exit"


def run(
    argv: Sequence[str | bytes],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    timeout: float | None = None,
) -> Finished:
    """Run `argv` to its end and return what it left; raises OSError when it cannot start."""
    started = time.monotonic()
    done = subprocess.run(
        list(argv),
        cwd=cwd,
        env=dict(os.environ if env is None else env),
        input=stdin,
        capture_output=True,
        timeout=timeout,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr, time.monotonic() - started)
