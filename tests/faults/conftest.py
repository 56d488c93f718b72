"""The scenes that faults are brought into."""

from __future__ import annotations

import pytest
from support.company import Company
from support.scenes import BRANCH, Scene


@pytest.fixture
def proposed(company: Company) -> Scene:
    """Somebody has proposed a change, and the senior has fetched it."""
    company.clone("newhire").commit("v2", {"a.py": "x = 2\n", "new.py": "n = 1\n"}, branch=BRANCH)
    senior = company.clone("nehemiah")
    senior.fetch()
    return Scene(company, ("approve", BRANCH))


@pytest.fixture
def approved(proposed: Scene) -> Scene:
    """The senior has approved it."""
    assert proposed.senior.gate("approve", BRANCH).code == 0
    return proposed
