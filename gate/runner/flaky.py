"""Record which tests were flaky here, and how often, in a small file below `.git/gate`. It never affects a verdict."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gate.json_input import parse_json
from gate.platforms import locked
from gate.store import write_atomically

FILE = "flaky.json"
VERSION = 1
MOST_TESTS = 500
"""How many flaky tests of a suite are remembered: the most recently flaky ones."""
MOST_SUITES = 100
MOST_OUTCOMES = 20
"""How many outcomes of a test are stored with time and tree, newest first; older ones are only counted."""
LONGEST_NAME = 1000
LARGEST = 50_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """When a test was flaky, in seconds since the epoch, and in which tree."""

    at: int
    tree: str


@dataclass(frozen=True, slots=True)
class FlakyTest:
    """A test that was flaky in `times` of `runs` runs since the first time. The newest outcome is last."""

    check: str
    test: str
    times: int
    runs: int
    outcomes: tuple[Outcome, ...]

    @property
    def rate(self) -> float:
        """The share of runs in which it was flaky."""
        return self.times / self.runs

    @property
    def last(self) -> Outcome:
        """The newest outcome."""
        return self.outcomes[-1]


@dataclass(slots=True)
class _Test:
    """A stored test. `first` is the number of the run in which it was first flaky."""

    first: int
    times: int = 0
    outcomes: list[Outcome] = field(default_factory=list)


@dataclass(slots=True)
class _Suite:
    """The stored suite of a check in a project's folder."""

    check: str
    folder: str
    runs: int = 0
    last: int = 0
    tests: dict[str, _Test] = field(default_factory=dict)


def record_run(state_dir: Path, check: str, folder: str, tree: str, flaky: Collection[str]) -> None:
    """Record a run of the suite of `check` in `folder` on `tree`, in which the tests `flaky` were flaky.

    Does nothing if the file isn't writable: the verdict doesn't depend on it.
    """
    with contextlib.suppress(OSError), _alone(state_dir):
        suites = _read(state_dir)
        suite = suites.setdefault((check, folder), _Suite(check, folder))
        suite.runs += 1
        suite.last = int(time.time())
        for name in sorted(flaky):
            test = suite.tests.setdefault(name[:LONGEST_NAME], _Test(suite.runs))
            test.times += 1
            test.outcomes = [*test.outcomes, Outcome(suite.last, tree)][-MOST_OUTCOMES:]
        newest = sorted(suite.tests.items(), key=lambda item: item[1].outcomes[-1].at)
        suite.tests = dict(newest[-MOST_TESTS:])
        _write(state_dir, sorted(suites.values(), key=lambda item: item.last)[-MOST_SUITES:])


def flaky_tests(state_dir: Path) -> list[FlakyTest]:
    """Return the flaky tests, highest rate first. Empty if the file is damaged."""
    tests = [
        FlakyTest(
            suite.check,
            f"{suite.folder}/{name}" if suite.folder else name,
            test.times,
            suite.runs - test.first + 1,
            tuple(test.outcomes),
        )
        for suite in _read(state_dir).values()
        for name, test in suite.tests.items()
    ]
    return sorted(tests, key=lambda item: (-item.rate, -item.times, item.test, item.check))


def runs_recorded(state_dir: Path) -> int:
    """Return the number of recorded runs of all suites."""
    return sum(suite.runs for suite in _read(state_dir).values())


@contextlib.contextmanager
def _alone(state_dir: Path) -> Iterator[None]:
    """Lock the file, so that only one process at a time reads and replaces it."""
    state_dir.mkdir(parents=True, exist_ok=True)
    with locked(state_dir / "flaky.lock"):
        yield


def _read(state_dir: Path) -> dict[tuple[str, str], _Suite]:
    path = state_dir / FILE
    try:
        if path.stat().st_size > LARGEST:
            return {}
        fields = parse_json(path.read_text("utf-8"))
        if fields["version"] != VERSION:
            return {}
        return {(suite.check, suite.folder): suite for suite in map(_suite, fields["suites"])}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return {}


def _write(state_dir: Path, suites: Collection[_Suite]) -> None:
    rows = [
        {
            "check": suite.check,
            "folder": suite.folder,
            "runs": suite.runs,
            "last": suite.last,
            "tests": [
                {
                    "test": name,
                    "first": test.first,
                    "times": test.times,
                    "outcomes": [{"at": outcome.at, "tree": outcome.tree} for outcome in test.outcomes],
                }
                for name, test in suite.tests.items()
            ],
        }
        for suite in suites
    ]
    write_atomically(state_dir / FILE, json.dumps({"version": VERSION, "suites": rows}).encode())


def _suite(fields: dict[str, Any]) -> _Suite:
    suite = _Suite(
        _text(fields["check"]), _text(fields["folder"]), _number(fields["runs"]), _number(fields["last"])
    )
    for item in fields["tests"]:
        outcomes = [Outcome(_number(each["at"]), _text(each["tree"])) for each in item["outcomes"]]
        test = _Test(_number(item["first"]), _number(item["times"]), outcomes)
        if not outcomes or not 1 <= test.first <= suite.runs or test.times < len(outcomes):
            raise ValueError("numbers that cannot be")
        suite.tests[_text(item["test"])] = test
    return suite


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    return value


def _number(value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**53:
        raise TypeError("expected a whole number")
    return value
