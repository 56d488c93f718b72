"""Run each test file in its own process, forked after pytest is imported and before anything of the tree is.

Inputs that this process has read before the fork count for every file. It stops at the first file that doesn't pass, in
which case the whole suite decides. With `PROVEN` it also stops if a file leaves anything that others could observe, or
if the processes cost more than they can save. It runs in the project's interpreter, so it must work with Python 3.7 and
later.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from time import monotonic
from typing import Any, Dict, List, Tuple

import gate_compare
import gate_inputs
import gate_memory
import gate_process
import gate_report
from gate_origins import say

PROVEN = "proven"
"""The value of GATE_EACH if each file has to prove that no other file depends on its effects."""
ALLOWED = 5.0
"""Seconds of CPU time that all processes together may cost beyond the tests themselves."""
LONGEST = 40.0
"""Seconds of CPU time after which to stop proving: a later file that breaks the proof would waste all of it."""


class Alone:
    """What the process of one file reports to its parent process."""

    folder = ""
    proven = False


def one_by_one(paths: List[str], mode: str) -> Tuple[int, List[str]]:
    """Run these files, one after the other.

    Returns in two kinds of processes: in each new one with additional pytest arguments for running its file, and at the
    end in this one, with an exit code and no arguments.
    """
    above = tempfile.gettempdir()
    Alone.proven = mode == PROVEN
    # The time of tests that need not run again adds to the budget.
    budget = ALLOWED + float(os.environ.pop("GATE_EACH_SECONDS", "") or 0)
    spent = 0.0
    if Alone.proven:
        gate_process.watch()
        gate_memory.begin(os.path.realpath(gate_inputs.Inputs.roots[-1]))
    for number, path in enumerate(paths):
        folder = os.path.join(above, f"file-{number}")
        os.mkdir(folder)
        say("file", path=path)
        start, used = monotonic(), _children()
        child = gate_inputs.fork(number, folder)
        if child == 0:
            gate_report.State.files = [path]
            os.environ["TMPDIR"] = tempfile.tempdir = folder
            Alone.folder = folder
            cache = f"{folder}-cache"
            if Alone.proven:
                gate_memory.Memory.file = os.path.realpath(path)
                gate_process.remember()
            return 0, ["-o", f"cache_dir={cache}"]
        code = _exit_code(os.waitpid(child, 0)[1])
        reported = _reported(folder)
        say("file-ended", path=path, code=code, seconds=monotonic() - start, **reported)
        if code or reported.get("shares"):
            return code, []
        cost = _children() - used
        spent += cost
        budget -= cost - 2 * float(reported.get("testing", 0))
        if Alone.proven and (budget < 0 or spent > LONGEST) and path != paths[-1]:
            say("costly", path=path)
            return 0, []
    return 0, []


def report() -> None:
    """Report, at the end of one file's process, its effects that other files could observe."""
    if not Alone.folder or not Alone.proven:
        return
    root = gate_memory.Memory.root
    gate_inputs.pause()
    try:
        shares = next(
            iter([*gate_process.differences(root), *gate_compare.changes(), *gate_report.State.shared]), ""
        )
    except Exception as error:  # inspecting an object may raise anything
        shares = f"what is in memory cannot be compared ({type(error).__name__})"
    reported = {
        "shares": shares,
        "testing": sum(gate_report.State.seconds.values()),
        "loaded": gate_compare.loaded(),
        "folders": gate_process.folders_of_imports(root),
    }
    with open(f"{Alone.folder}.json", "w", encoding="ascii") as file:
        json.dump(reported, file)


def _reported(folder: str) -> Dict[str, Any]:
    if not Alone.proven:
        return {}
    try:
        with open(f"{folder}.json", encoding="ascii") as file:
            reported: Dict[str, Any] = json.load(file)
    except (OSError, ValueError):
        return {"shares": "it ends the process"}
    return reported


def _children() -> float:
    """Return the processor time of the child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def _exit_code(status: int) -> int:
    if sys.platform != "win32":
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)
    else:  # noqa: RET505  type checkers understand only this form
        return status
