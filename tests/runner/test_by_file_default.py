"""Without a setting, test files run one by one only where that says the same as the suite in one process."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from support.company import Clone
from support.selecting import change, check, prepared

POLICY = "version: 1\nprotect: {main: {require: {checks: [tests]}}}\n"
SHOP = "PRICES = {}\n"
LOOKS = "import shop\n\n\ndef test_b():\n    assert not shop.PRICES\n"
ALONE = "import shop\n\n\ndef test_a():\n    assert shop\n"


def start(project: Clone, files: Mapping[str, str]) -> Clone:
    return prepared(project, {**files, "gate.yaml": POLICY})


@pytest.mark.slow
def test_only_the_file_runs_that_the_change_can_affect(project: Clone) -> None:
    start(project, {"tests/test_a.py": ALONE, "tests/test_b.py": LOOKS, "shop.py": SHOP})
    first = check(project)
    assert first.runs.keys() == {"tests/test_a.py", "tests/test_b.py"}
    assert "2 test files, each by itself" in first.note
    change(project, {"tests/test_a.py": ALONE + "    assert True\n"})
    checked = check(project)
    assert checked.runs == {"tests/test_a.py": "tests/test_a.py has changed"}
    assert "1 of 2 test files reused" in checked.note


FAIL_TOGETHER = {
    "a value in memory": {"tests/test_a.py": ALONE + "    shop.PRICES['a'] = 1\n"},
    "a value at import": {"tests/test_a.py": ALONE + "\n\nshop.PRICES['a'] = 1\n"},
    "a value by conftest": {
        "tests/test_a.py": "def test_a(prices):\n    prices['a'] = 1\n",
        "tests/conftest.py": "import pytest\nimport shop\n\n\n@pytest.fixture(scope='session')\ndef prices():\n"
        "    return shop.PRICES\n",
    },
    "a module of the same name": {
        "tests/test_a.py": "import sys\n\nsys.path.insert(0, 'other')\n" + ALONE,
        "other/shop.py": "PRICES = {'a': 1}\n",
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAIL_TOGETHER)
def test_a_change_with_which_tests_fail_only_together_is_blocked(project: Clone, name: str) -> None:
    start(project, {"tests/test_a.py": ALONE, "tests/test_b.py": LOOKS, "shop.py": SHOP})
    assert check(project).code == 0
    change(project, FAIL_TOGETHER[name])
    checked = check(project)
    assert checked.code == 1
    assert "run as a whole: " in checked.note


@pytest.mark.slow
def test_tests_that_pass_only_together_pass(project: Clone) -> None:
    needs = "import shop\n\n\ndef test_b():\n    assert shop.PRICES\n"
    fills = FAIL_TOGETHER["a value in memory"]
    start(project, {**fills, "tests/test_b.py": needs, "shop.py": SHOP})
    first = check(project)
    assert first.code == 0
    assert "run as a whole: tests/test_a.py may affect other test files: it changes shop.PRICES" in first.note
    change(project, {"shop.py": SHOP + "X = 1\n"})
    assert check(project).code == 0


@pytest.mark.slow
def test_what_costs_more_than_it_saves_is_given_up_at_once(project: Clone) -> None:
    burns = "import time\n\nwhile time.process_time() < 6:\n    pass\n\n" + ALONE
    start(project, {"tests/test_a.py": burns, "tests/test_b.py": LOOKS, "shop.py": SHOP})
    first = check(project)
    assert first.code == 0
    assert "run as a whole: a process for each test file takes longer than it can save" in first.note


@pytest.mark.slow
def test_many_files_of_a_short_suite_are_not_tried_one_by_one(project: Clone) -> None:
    many = {f"tests/test_{number}.py": ALONE for number in range(13)}
    start(project, {**many, "tests/__init__.py": "", "shop.py": SHOP})
    for content in (SHOP + "X = 1\n", SHOP + "X = 2\n"):
        change(project, {"shop.py": content})
        checked = check(project)
        assert checked.code == 0
        assert "13 passed" in checked.note
        assert checked.runs.keys() == {"the whole suite"}
