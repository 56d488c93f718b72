"""The scenes that faults are brought into."""

from __future__ import annotations

import pytest
from support.scenes import BRANCH, Scene
from support.town import Town


@pytest.fixture
def proposed(town: Town) -> Scene:
    """Somebody has proposed a change, and the senior has fetched it."""
    town.clone("newhire").commit("v2", {"a.py": "x = 2\n", "new.py": "n = 1\n"}, branch=BRANCH)
    senior = town.clone("nehemiah")
    senior.fetch()
    return Scene(town, ("approve", BRANCH))


@pytest.fixture
def approved(proposed: Scene) -> Scene:
    """The senior has approved it."""
    assert proposed.senior.gate("approve", BRANCH).code == 0
    return proposed
