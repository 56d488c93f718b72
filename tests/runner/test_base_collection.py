"""Collecting the tests of the base while those of the head run."""

from __future__ import annotations

import json

import pytest
from support.company import Clone

from gate.checks import Report
from gate.process import Cancel
from gate.runner.base_collection import BaseCollection
from gate.runner.execute import Outcome

DONE = Outcome(Report((), seen=3))


def test_it_runs_once_from_the_start_on() -> None:
    calls: list[Cancel] = []

    def collect(cancel: Cancel) -> Outcome:
        calls.append(cancel)
        return DONE

    with BaseCollection(collect, Cancel()) as collection:
        assert collection.result() is None
        collection.start()
        collection.start()
        assert collection.result() is DONE
    assert len(calls) == 1


@pytest.mark.parametrize("how", ["end", "leave", "outer"])
def test_nobody_waits_for_one_that_is_not_needed(how: str) -> None:
    outer = Cancel()

    def collect(cancel: Cancel) -> Outcome:
        assert cancel.wait(60)
        return DONE

    with BaseCollection(collect, outer) as collection:
        collection.start()
        if how == "end":
            collection.end()
            assert collection.result() is None
        elif how == "outer":
            outer.set()
            assert collection.result() is DONE
    assert outer.is_set() is (how == "outer")


def test_an_error_is_raised_where_the_result_is_needed() -> None:
    def collect(_: Cancel) -> Outcome:
        raise OSError("no room")

    with BaseCollection(collect, Cancel()) as collection:
        collection.start()
        with pytest.raises(OSError, match="no room"):
            collection.result()


RUNNING = "tests: running pytest"
CASES = """\
import json
import pathlib
import subprocess

import pytest

import app

PATH = pathlib.Path(__file__).with_name("cases.json")
assert app.VALUE and not PATH.with_name("app.json").is_dir()


@pytest.mark.parametrize("case", json.loads(PATH.read_text()))
def test_case(case):
    assert case


def test_a_process():
    # What it reads isn't recorded, so the run depends on the whole tree. Its collection doesn't.
    subprocess.run(["true"], check=True)


if len(PATH.read_text()) > 5:

    def test_many():
        pass
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("files", "runs", "message"),
    [
        ({"notes.md": "more\n"}, 1, ""),
        ({"deploy.yml": "a: 1\n", "data.json": "[]\n"}, 1, ""),
        ({"cases.json": "[4]\n"}, 2, "2 tests are collected, but 4 on the base"),
        ({"app.json": "{}\n"}, 2, ""),
        ({"app.py": "VALUE = 2\n"}, 2, ""),
    ],
    ids=["a document", "files that no test reads", "cases of a test", "a file that is looked for", "code"],
)
def test_the_tests_of_the_base_are_collected_only_if_collection_reads_something_else(
    project: Clone, files: dict[str, str], runs: int, message: str
) -> None:
    project.write({
        "app.py": "VALUE = 1\n",
        "cases.json": "[1, 2]\n",
        "test_app.py": CASES,
        "notes.md": "",
    })  # fmt: skip
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Tests")
    project.git("checkout", "-q", "-b", "feature")
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Change")
    result = project.gate_process("-v", "check", "--format", "json", "--only", "tests")
    assert result.err.count(RUNNING) == runs, result.err
    messages = [finding["message"] for finding in json.loads(result.out)["checks"][0]["findings"]]
    assert all(message and message in each for each in messages)
    assert bool(messages) is bool(message)
