"""Fixtures of pytest: names that tests ask for and nobody gives, beside those that may come from elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.names.run import check

CONFTEST = """
import pytest


@pytest.fixture
def client():
    return 1


@pytest.fixture(name="shop")
def _shop(client):
    return client


later = pytest.fixture(scope="module")(list)
"""


def findings(root: Path, text: str, name: str = "test_shop.py") -> list[tuple[int, str]]:
    (root / "conftest.py").write_text(CONFTEST)
    (root / name).write_text(text)
    return [(finding.line, finding.hint) for finding in check(root, None, None)[1]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "line", "fixture"),
    [
        ("def test_sell(clinet):\n    assert clinet\n", 1, "client"),
        ("def test_sell(shop, shpo):\n    assert shop is shpo\n", 1, "shop"),
        ("def test_sell(laetr):\n    assert laetr\n", 1, "later"),
        ("def test_sell(monkeypach):\n    assert monkeypach\n", 1, "monkeypatch"),
        ("class TestShop:\n    def test_sell(self, tmp_ptah):\n        assert tmp_ptah\n", 2, "tmp_path"),
        ("async def test_sell(*, caplgo):\n    assert caplgo\n", 1, "caplog"),
        ("import pytest\n\n\n@pytest.fixture\ndef deep(cleint):\n    return cleint\n", 5, "client"),
        ("import pytest\n\n\n@pytest.mark.usefixtures('clietn')\ndef test_sell(): ...\n", 4, "client"),
        ("import pytest\n\n\n@pytest.mark.usefixtures('clietn')\nclass TestShop: ...\n", 4, "client"),
        ("def test_sell(request):\n    request.getfixturevalue('clietn')\n", 2, "client"),
        (
            """
import pytest
@pytest.mark.parametrize("value, expectd", [(1, 2)])
def test_sell(value, expected):
    assert value < expected
""",
            3,
            "expected",
        ),
        (
            """
import pytest
@pytest.mark.parametrize(["value", "expected"], [(1, 2)])
def test_sell(value, expcted):
    assert value
""",
            4,
            "expected",
        ),
    ],
)
def test_a_misspelled_fixture_is_reported(tmp_path: Path, text: str, line: int, fixture: str) -> None:
    assert findings(tmp_path, text) == [(line, f"did you mean `{fixture}`?")]


RIGHT = {
    "defined": "def test_sell(client, shop, later, tmp_path, request):\n    assert client and shop and later\n",
    "of a plugin": "def test_sell(clients, browser_of_a_plugin, clinet=None):\n    assert clients\n",
    "patched": "from unittest.mock import patch\n\n\n@patch('os.getcwd')\ndef test_sell(clinet): ...\n",
    "computed": "import pytest\n\n\n@pytest.mark.parametrize(*[])\ndef test_sell(clinet): ...\n",
    "methods": "def test_sell(monkeypatch):\n    monkeypatch.setenv('HOME', '/')\n",
    "unittest": """
from unittest import TestCase
class TestShop(TestCase):
    def test_sell(self, clinet): ...
""",
    "marked class": """
import pytest
@pytest.mark.parametrize("clinet", [1])
class TestShop:
    def test_sell(self, clinet): ...
""",
    "by hook": """
def pytest_generate_tests(metafunc):
    metafunc.parametrize("clinet", [1])
def test_sell(clinet): ...
""",
}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_what_may_come_from_elsewhere_is_not(tmp_path: Path, text: str) -> None:
    assert findings(tmp_path, text) == []


def test_a_function_in_other_code_is_no_test(tmp_path: Path) -> None:
    assert findings(tmp_path, "def test_sell(clinet):\n    assert clinet\n", "shop.py") == []
