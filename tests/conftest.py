"""Fixtures for every folder of tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.town import Town, build_town, copy_town


@pytest.fixture(scope="session")
def town_template(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """The town that every test gets a copy of."""
    return build_town(tmp_path_factory.mktemp("town") / "template")


@pytest.fixture
def town(town_template: Town, tmp_path: Path) -> Town:
    """A small company with a server, people with keys, and a policy on main; see support.town."""
    return copy_town(town_template, tmp_path / "town")
