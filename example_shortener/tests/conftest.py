from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from shortener.database import migrate
from shortener.links import Links


class Clock:
    """A clock that moves only when `advance` is called."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the database once, since sqlite waits for the disk."""
    path = tmp_path_factory.mktemp("migrated") / "links.db"
    migrate(path)
    return path


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    path = tmp_path / "data" / "links.db"
    path.parent.mkdir()
    shutil.copyfile(migrated, path)
    return path


@pytest.fixture
def links(database: Path, clock: Clock) -> Links:
    return Links(database, clock=clock)
