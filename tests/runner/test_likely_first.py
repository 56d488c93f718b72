"""Files that run in their own process run in the order in which a failure shows earliest."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.company import Clone
from support.selecting import change, check, prepared

from gate.result_cache import ResultCache
from gate.runner.likely_first import MOST_FAILURES, RECENT, RecentRuns

FILES = ("a.py", "b.py", "c.py", "d.py")


@pytest.fixture
def recent(tmp_path: Path) -> RecentRuns:
    runs = RecentRuns(ResultCache(tmp_path), "suite")
    runs.finished({"a.py": 3.0, "b.py": 0.1, "c.py": 2.0, "d.py": 1.0})
    return runs


def test_the_fastest_come_first(recent: RecentRuns) -> None:
    assert recent.order(FILES, ()) == ("b.py", "d.py", "c.py", "a.py")


def test_a_recent_failure_comes_before_the_fastest(recent: RecentRuns) -> None:
    recent.failed(["a.py"])
    assert recent.order(FILES, ()) == ("a.py", "b.py", "d.py", "c.py")


def test_a_changed_file_comes_before_a_recent_failure(recent: RecentRuns) -> None:
    recent.failed(["a.py"])
    assert recent.order(FILES, ["c.py"]) == ("c.py", "a.py", "b.py", "d.py")


@pytest.mark.parametrize("module", ["src/shop/orders.py", "_orders.py", "shop/orders/__init__.py"])
def test_files_named_after_a_changed_module_come_before_the_fastest(recent: RecentRuns, module: str) -> None:
    recent.finished({"tests/test_orders.py": 9.0, "tests/orders/test_a.py": 5.0})
    recent.failed(["c.py"])
    paths = [*FILES, "tests/test_orders.py", "tests/orders/test_a.py"]
    assert recent.order(paths, [module])[:3] == ("c.py", "tests/test_orders.py", "b.py")


@pytest.mark.parametrize("path", ["__init__.py", "docs/a.md", "_.py"])
def test_other_changed_paths_name_no_module(recent: RecentRuns, path: str) -> None:
    assert recent.order(FILES, [path]) == ("b.py", "d.py", "c.py", "a.py")


def test_of_two_failures_the_newer_comes_first(recent: RecentRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1_000_000.0
    monkeypatch.setattr("time.time", lambda: at)
    recent.failed(["a.py"])
    at += 60
    recent.failed(["c.py"])
    assert recent.order(FILES, ())[:2] == ("c.py", "a.py")
    at += RECENT
    assert recent.order(FILES, ())[:2] == ("c.py", "b.py")


def test_only_the_newest_failures_are_stored(recent: RecentRuns) -> None:
    recent.failed(["b.py"])
    recent.failed(f"{number}.py" for number in range(MOST_FAILURES))
    assert recent.order(["a.py", "b.py", "0.py"], ()) == ("0.py", "b.py", "a.py")
    assert recent.order(["a.py", "c.py", "0.py"], ()) == ("0.py", "c.py", "a.py")


@pytest.mark.parametrize("damaged", [b"[]", b"{", b'{"a.py": "x"}', b'{"a.py": null}'])
def test_a_damaged_store_is_an_empty_one(tmp_path: Path, damaged: bytes) -> None:
    class Damaged(ResultCache):
        def get(self, _key: str) -> bytes:
            return damaged

    assert RecentRuns(Damaged(tmp_path), "suite").order(FILES, ["d.py"]) == ("d.py", "a.py", "b.py", "c.py")


SUITE = {
    **{f"tests/test_{name}.py": f"import {name}\n\n\ndef test_it():\n    {name}.ran()\n" for name in "abc"},
    **{f"{name}.py": "def ran():\n    pass\n" for name in "abc"},
}
NOTED = """\
import pathlib
import time


def ran():
    pathlib.Path("{folder}/{name}").write_text(str(time.monotonic_ns()))
"""


def noting(folder: Path) -> dict[str, str]:
    """Return modules that write down, in a file each outside the tree, when their test runs."""
    folder.mkdir(exist_ok=True)
    return {f"{name}.py": NOTED.format(folder=folder, name=name) for name in "abc"}


def ran_in(folder: Path) -> str:
    """Return the names of the tests that ran, in order."""
    return "".join(path.name for path in sorted(folder.iterdir(), key=lambda path: int(path.read_text())))


@pytest.mark.slow
def test_a_file_that_failed_runs_first_the_next_time(project: Clone, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    prepared(project, SUITE)
    check(project)
    change(project, {"c.py": "def ran():\n    assert False\n"})
    assert check(project).code == 1
    change(project, noting(ran))
    assert check(project).code == 0
    assert ran_in(ran)[0] == "c"


ORDERING = "def pytest_collection_modifyitems(items):\n    items.reverse()\n"


@pytest.mark.slow
def test_the_order_that_the_project_wants_is_left_alone(project: Clone, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    prepared(project, {**SUITE, **noting(ran), "conftest.py": ORDERING})
    checked = check(project)
    assert checked.code == 0
    assert ran_in(ran) == "cba"
    assert "in the project's own order" in checked.note
