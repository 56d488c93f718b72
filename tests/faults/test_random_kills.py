"""Kills at random moments, of everything that a command has started, the server's hook included: nothing is lost.

`GATE_KILLS=1000 pytest tests/faults/test_random_kills.py -m slow` kills that often; without it, a few times.
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support.company import Clone, Company, Result, isolated
from support.waiting import alive, until

KILLS = int(os.environ.get("GATE_KILLS", "4"))
LOCK = re.compile(r"(/[^\s':`]+\.lock|refs/[\w/.-]+\.lock)")
TRIES = 6

pytestmark = pytest.mark.slow


@pytest.fixture
def guarded(company: Company) -> Company:
    """The company, with the hook on its server."""
    result = company.server.gate("install", "--server")
    assert result.code == 0, result.text
    return company


def killed(clone: Clone, after: float, *args: str) -> None:
    """Start `gate ARGS`, and end it and all that it started after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gate", *args],
        cwd=clone.path,
        env=isolated(clone.path.parent / "home"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        until(lambda: not alive(process.pid))


def completed(company: Company, clone: Clone, *args: str) -> Result:
    """Run the command until it succeeds; a lock that a killed git has left is removed where the message names it."""
    for _ in range(TRIES):
        result = clone.gate_process(*args)
        if result.code == 0:
            return result
        for name in LOCK.findall(result.text):
            for path in (Path(name), clone.path / ".git" / name, company.server.path / name):
                path.unlink(missing_ok=True)
    pytest.fail(f"gate {' '.join(args)} does not succeed any more: {result.text}")


def test_nothing_is_lost(guarded: Company) -> None:
    new, senior, server = guarded.clone("newhire"), guarded.clone("nehemiah"), guarded.server
    rng = random.Random(KILLS)  # noqa: S311 - picks moments, guards nothing
    known: set[str] = set()
    longest = 2.0
    for number in range((KILLS + 1) // 2):
        branch = f"b{number}"
        new.commit(branch, {"a.py": f"x = {number + 2}\n"}, branch=branch)
        senior.fetch()
        for args in (("approve", f"origin/{branch}", "--yes"), ("merge", f"origin/{branch}", "--push")):
            killed(senior, rng.uniform(0, longest), *args)
            assert known <= set(server.log() if known else ())
            server.git("fsck", "--connectivity-only")
            started = time.monotonic()
            completed(guarded, senior, *args)
            longest = max(0.5, min(20.0, time.monotonic() - started))
            logged = set(server.log())
            assert known <= logged
            known = logged
        if number % 25 == 0 or number == (KILLS + 1) // 2 - 1:
            audit = guarded.clone("ada", f"auditor-{number}").gate("audit", "--fetch")
            assert audit.code == 0, audit.text
    assert server.git("show", "main:a.py") == f"x = {(KILLS + 1) // 2 + 1}"
