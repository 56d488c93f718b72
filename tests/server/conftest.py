"""Fixtures for the tests of a receiving repository."""

from __future__ import annotations

import pytest
from support.company import Company


@pytest.fixture
def guarded(company: Company) -> Company:
    """The company, with the hook on its server."""
    result = company.server.gate("install", "--server")
    assert result.code == 0, result.text
    return company
