from __future__ import annotations

from pathlib import Path

import pytest

from shortener.database import migrate
from shortener.links import Links


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "data" / "links.db"
    migrate(path)
    return path


@pytest.fixture
def links(database: Path, clock: Clock) -> Links:
    return Links(database, clock=clock)
