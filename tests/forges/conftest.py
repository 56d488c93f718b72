"""Fixtures: a site on each forge, or on GitHub alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from support.company import Company
from support.forge import Forge, Kind, serving
from support.site import Site, open_site


@pytest.fixture(params=get_args(Kind))
def forge(request: pytest.FixtureRequest) -> Iterator[Forge]:
    """Each of the forges in turn."""
    with serving(request.param) as forge:
        yield forge


@pytest.fixture
def github() -> Iterator[Forge]:
    """GitHub alone."""
    with serving("github") as forge:
        yield forge


@pytest.fixture
def site(company: Company, forge: Forge) -> Site:
    """A site on each forge."""
    return open_site(company, forge)


@pytest.fixture
def hub(company: Company, github: Forge) -> Site:
    """A site on GitHub."""
    return open_site(company, github)
