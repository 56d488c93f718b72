"""One folder of cached word lists for all tests here: making them takes longer than the tests."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the word lists are cached."""
    return tmp_path_factory.mktemp("words")
