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
from support.town import Clone, Said, Town, isolated

KILLS = int(os.environ.get("GATE_KILLS", "4"))
LOCK = re.compile(r"(/[^\s':`]+\.lock|refs/[\w/.-]+\.lock)")
TRIES = 6

pytestmark = pytest.mark.slow


@pytest.fixture
def guarded(town: Town) -> Town:
    """The town, with the hook on its server."""
    said = town.server.gate("install", "--server")
    assert said.code == 0, said.text
    return town


def killed(clone: Clone, after: float, *args: str) -> None:
    """Start `gate ARGS`, and end it and all that it started after so many seconds."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "gate", *args],
        cwd=clone.path,
        env=isolated(clone.path.parent / "home"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def completed(town: Town, clone: Clone, *args: str) -> Said:
    """Run the command until it succeeds; a lock that a killed git has left is removed where the message names it."""
    for _ in range(TRIES):
        said = clone.gate_process(*args)
        if said.code == 0:
            return said
        for name in LOCK.findall(said.text):
            for path in (Path(name), clone.path / ".git" / name, town.server.path / name):
                path.unlink(missing_ok=True)
    pytest.fail(f"gate {' '.join(args)} does not succeed any more: {said.text}")


def test_nothing_is_lost(guarded: Town) -> None:
    new, senior, server = guarded.clone("newhire"), guarded.clone("nehemiah"), guarded.server
    rng = random.Random(0)  # noqa: S311 - picks moments, guards nothing
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
