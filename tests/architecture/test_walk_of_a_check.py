"""A check reads like a story: following a change through the code leads through few modules, and seldom back up."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from architecture.test_layers import layers, row_of
from support.company import Clone, isolated

from gate.app.check import check
from gate.app.checking.request import CheckRequest
from gate.model import Change
from gate.requirements.facts import Facts

MOST_VISITS = 15
MOST_CLIMBS = 4
END = "gate.verdict"
"""Where the walk ends: from there on everything is pure, one module for each requirement."""


def visits_of(request: CheckRequest) -> list[str]:
    """The modules that handle the change or the facts about it, in order, until these are decided about."""
    visits: list[str] = []

    def follow(frame: FrameType, event: str, _argument: Any) -> None:
        module = str(frame.f_globals.get("__name__"))
        code = frame.f_code
        if event != "call" or not module.startswith("gate.") or END in visits or code.co_name == "__init__":
            return
        names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
        if visits[-1:] != [module] and any(isinstance(frame.f_locals.get(n), Change | Facts) for n in names):
            visits.append(module)

    sys.setprofile(follow)
    try:
        check(request)
    finally:
        sys.setprofile(None)
    return visits


@pytest.mark.slow
def test_a_check_reads_like_a_story(project: Clone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in isolated(tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    project.git("checkout", "-q", "-b", "feature")
    project.write({"app.py": "x = 1\n"})
    project.git("commit", "-q", "-a", "-m", "Change")
    visits = visits_of(CheckRequest(project.path, cached_only=True))
    rows = [row_of(module, layers()) or 0 for module in visits]
    climbs = [visit for visit, row, before in zip(visits[1:], rows[1:], rows, strict=False) if row < before]
    assert visits[-1] == END
    assert len(visits) <= MOST_VISITS, visits
    assert len(climbs) <= MOST_CLIMBS, climbs
