"""Fixtures for the tests of a receiving repository."""

from __future__ import annotations

import pytest
from support.town import Town


@pytest.fixture
def guarded(town: Town) -> Town:
    """The town, with the hook on its server."""
    said = town.server.gate("install", "--server")
    assert said.code == 0, said.text
    return town
