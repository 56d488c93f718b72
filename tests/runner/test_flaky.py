"""Flaky tests are recorded with every run, and `gate flaky` lists them with their rates."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from support.company import Clone

from gate.runner.flaky import FILE, MOST_OUTCOMES, MOST_TESTS, flaky_tests, record_run, runs_recorded


def write_test(project: Clone, mark: Path) -> None:
    """A test that fails each time that `mark` is there, and removes it."""
    text = f"import pathlib\n\n\ndef test_it():\n    mark = pathlib.Path({str(mark)!r})\n"
    text += "    fails = mark.exists()\n    mark.unlink(missing_ok=True)\n    assert not fails\n"
    project.git("checkout", "-q", "-b", "feature")
    project.write({"test_mark.py": text})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Add a test")


@pytest.mark.slow
def test_a_flaky_test_is_listed_with_its_rate(project: Clone, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    write_test(project, mark)
    assert project.gate("flaky").out == "No flaky tests recorded in this clone (0 test runs).\n"
    check = ("check", "--only", "tests")
    assert project.gate_process(*check).code == 0
    mark.touch()
    assert "flaky" in project.gate_process(*check, "--rerun").out
    assert project.gate_process(*check).code == 0
    assert project.gate_process(*check).code == 0  # Cached, and not a run.
    result = project.gate("flaky")
    assert result.code == 0
    assert result.out.split()[:5] == ["50%", "1", "of", "2", "runs"]
    assert result.out.rstrip().endswith("test_mark.py::test_it")
    (found,) = json.loads(project.gate("flaky", "--format", "json").out)
    assert (found["check"], found["test"]) == ("tests", "test_mark.py::test_it")
    assert (found["times"], found["runs"], found["rate"]) == (1, 2, 0.5)
    assert [one["tree"] for one in found["outcomes"]] == [project.git("rev-parse", "feature^{tree}")]


@pytest.mark.slow
def test_a_test_that_fails_by_itself_and_passes_with_the_suite_is_flaky(
    project: Clone, tmp_path: Path
) -> None:
    """With several files, the first run is that of the file alone, and the second one that of the whole suite."""
    mark = tmp_path / "mark"
    write_test(project, mark)
    project.write({"test_other.py": "def test_it():\n    pass\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Add another test")
    mark.touch()
    result = project.gate("check", "--only", "tests", "--format", "json")
    (check,) = json.loads(result.out)["checks"]
    assert result.code == 1
    assert [(item["flaky"], item["path"]) for item in check["findings"]] == [(True, "test_mark.py")]
    assert check["findings"][0]["message"].count("flaky") == 1
    assert "test_mark.py::test_it" in project.gate("flaky").out
    assert project.gate("check", "--only", "tests").code == 0


@pytest.mark.slow
def test_a_test_that_passes_only_with_others_is_not_flaky(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    project.write(
        {
            "shop.py": "items = []\n",
            "test_a.py": "import shop\n\n\ndef test_it():\n    shop.items.append(1)\n",
            "test_b.py": "import shop\n\n\ndef test_it():\n    assert shop.items\n",
        }
    )
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Add tests")
    assert project.gate("check", "--only", "tests").code == 0
    assert "No flaky tests" in project.gate("flaky").out


@pytest.mark.slow
def test_a_test_that_keeps_failing_is_not_flaky(project: Clone) -> None:
    project.git("checkout", "-q", "-b", "feature")
    project.write({"test_wrong.py": "def test_it():\n    assert False\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Add a test")
    assert project.gate_process("check", "--only", "tests").code == 1
    assert project.gate("flaky").out == "No flaky tests recorded in this clone (1 test run).\n"
    assert project.gate("flaky", "--format", "json").out.strip() == "[]"


def test_runs_count_from_the_first_flaky_one_and_by_suite(tmp_path: Path) -> None:
    for flaky in ([], ["a.py::x"], [], [], ["a.py::x", "a.py::y"]):
        record_run(tmp_path, "tests", "", "t", flaky)
    record_run(tmp_path, "tests", "services/api", "t", ["a.py::x"])
    rates = {one.test: (one.times, one.runs) for one in flaky_tests(tmp_path)}
    assert rates == {"a.py::y": (1, 1), "services/api/a.py::x": (1, 1), "a.py::x": (2, 4)}
    assert [one.test for one in flaky_tests(tmp_path)][-1] == "a.py::x"
    assert runs_recorded(tmp_path) == 6


def test_the_file_stays_small(tmp_path: Path) -> None:
    for number in range(MOST_OUTCOMES + 5):
        record_run(tmp_path, "tests", "", str(number), ["a.py::x"])
    (found,) = flaky_tests(tmp_path)
    assert (found.times, found.runs, len(found.outcomes)) == (
        MOST_OUTCOMES + 5,
        MOST_OUTCOMES + 5,
        MOST_OUTCOMES,
    )
    assert found.last.tree == str(MOST_OUTCOMES + 4)
    record_run(tmp_path, "tests", "", "t", [f"b.py::test_{number}" for number in range(2 * MOST_TESTS)])
    assert len(flaky_tests(tmp_path)) == MOST_TESTS


def edited(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"version": 1', '"version": 2'),
        ('"runs": 1', '"runs": "1"'),
        ('"runs": 1', '"runs": 0'),
        ('"first": 1', '"first": 7'),
        ('"outcomes": [', '"outcomes": [7, '),
        ('"test": "a.py::x"', '"test": null'),
        ('"tests": [', '"tests": {'),
        ('{"version"', '["version"'),
    ],
)
def test_a_damaged_file_is_an_empty_one(tmp_path: Path, old: str, new: str) -> None:
    record_run(tmp_path, "tests", "", "t", ["a.py::x"])
    edited(tmp_path / FILE, old, new)
    assert flaky_tests(tmp_path) == []
    record_run(tmp_path, "tests", "", "t", ["a.py::y"])
    assert [one.test for one in flaky_tests(tmp_path)] == ["a.py::y"]


def test_runs_at_the_same_time_all_count(tmp_path: Path) -> None:
    def record() -> None:
        for _ in range(10):
            record_run(tmp_path, "tests", "", "t", ["a.py::x"])

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (found,) = flaky_tests(tmp_path)
    assert (found.times, found.runs) == (40, 40)


def test_where_nothing_can_be_written_nothing_is_recorded(tmp_path: Path) -> None:
    (tmp_path / "gate").write_text("a file")
    record_run(tmp_path / "gate", "tests", "", "t", ["a.py::x"])
    assert flaky_tests(tmp_path / "gate") == []


def test_clearing_the_caches_preserves_it(project: Clone) -> None:
    state = project.path / ".git" / "gate"
    record_run(state, "tests", "", "t", ["a.py::x"])
    assert FILE not in project.gate("cache").out
    assert project.gate("cache", "clear").code == 0
    assert project.gate("cache", "prune", "--days", "0").code == 0
    assert "a.py::x" in project.gate("flaky").out
