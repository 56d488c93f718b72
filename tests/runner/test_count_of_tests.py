"""Following a suite while it runs: by what its plugin has written, whole lines or not."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest
from support.company import Clone, isolated
from support.terminal import Terminal
from support.waiting import PATIENCE

from gate.runner.watching import watched

SUITE = """\
import time

import pytest


@pytest.mark.parametrize("n", range(30))
def test_n(n):
    time.sleep(0.1)
"""


def note(done: int, total: int = 9, failed: str = "") -> str:
    fields = {"event": "progress", "done": done, "total": total, "last": "t", "failed": failed}
    return json.dumps(fields) + "\n"


@pytest.mark.slow
def test_each_further_note_is_passed_on_once(tmp_path: Path) -> None:
    report, seen, was_read = tmp_path / "report", [], threading.Event()

    def watch(done: int, total: int, failed: str) -> None:
        seen.append((done, total, failed))
        was_read.set()

    with watched(str(report), watch):
        report.write_text("x" * 5000 + "\n" + note(3) + '{"event": "failed"}\n' + note(4)[:9])
        assert was_read.wait(PATIENCE)
        was_read.clear()
        report.write_text(note(3) + note(7, failed="a") + "[]\n")
        assert was_read.wait(PATIENCE)
    assert seen == [(3, 9, ""), (7, 9, "a")]


@pytest.mark.slow
def test_the_terminal_shows_how_many_tests_are_done(project: Clone) -> None:
    project.write({"gate.yaml": "protect: {main: {require: {checks: [tests]}}}\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"test_slow.py": SUITE})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Tests")
    argv = [sys.executable, "-P", "-m", "gate", "check"]
    terminal = Terminal(argv, project.path, {**isolated(project.path.parent / "home"), "TERM": "xterm"})
    assert terminal.wait_for(" of 30)"), terminal.shown
    assert terminal.wait_for("Ready to merge"), terminal.shown
    terminal.close()
