"""A shop that is brought up once for a file of tests, and taken down after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.shop import ENGINES, Shop, build_shop, needs
from support.waiting import until


@pytest.fixture(scope="module")
def open_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop that is up, with version 1 live at first."""
    needs(*ENGINES)
    shop = build_shop(tmp_path_factory.mktemp("open"))
    try:
        shop.done("up", "version-1")
        yield shop
    finally:
        shop.done("down")
        until(lambda: not shop.left())


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop of the test's own, which is not up."""
    needs(*ENGINES)
    shop = build_shop(tmp_path)
    try:
        yield shop
    finally:
        shop.done("down")
        until(lambda: not shop.left())
