"""Run each file of tests in a process of its own, forked after pytest is imported and before anything of the tree is.

What this process has looked at until then counts for every file. It stops at the first file that does not pass: the
whole suite decides then. It runs in the project's interpreter: any Python from 3.7 on has to understand this file.
"""

from __future__ import annotations

import os
import sys
import tempfile
from time import monotonic
from typing import List, Tuple  # noqa: UP035  Python 3.7

import gate_inputs  # type: ignore[import-not-found]  # it lies beside this file
import gate_report  # type: ignore[import-not-found]  # as above
from gate_origins import say  # type: ignore[import-not-found]  # as above


def one_by_one(paths: List[str]) -> Tuple[int, List[str]]:  # noqa: UP006  Python 3.7
    """Run these files, one after the other.

    Returns in two kinds of processes: in each new one with further arguments for pytest, to run its file, and at the
    end in this one, with an exit code and no arguments.
    """
    above = tempfile.gettempdir()
    for number, path in enumerate(paths):
        folder = os.path.join(above, f"file-{number}")  # noqa: PTH118  strings
        os.mkdir(folder)  # noqa: PTH102  as above
        say("file", path=path)
        start = monotonic()
        child = gate_inputs.fork(number, folder)
        if child == 0:
            gate_report.State.files = [path]
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            return 0, ["-o", f"cache_dir={folder}/pytest-cache"]
        code = _exit_code(os.waitpid(child, 0)[1])
        say("file-ended", path=path, code=code, seconds=monotonic() - start)
        if code:
            return code, []
    return 0, []


def _exit_code(status: int) -> int:
    if sys.platform != "win32":
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    else:  # noqa: RET505  the form that type checkers understand
        return status
