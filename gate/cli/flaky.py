"""`gate flaky`: list tests that had two outcomes for the same content."""

from __future__ import annotations

import argparse
from pathlib import Path
from time import gmtime, strftime

from gate.git.repository import Repository
from gate.reports.words import visible
from gate.runner.flaky import FlakyTest, flaky_tests, runs_recorded
from gate.wording import count

SUMMARY = "list the tests that were flaky in this clone, and how often"
EXAMPLES = """\
  gate flaky                       list flaky tests, the flakiest first
  gate flaky --format json         print JSON, for scripts
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the option."""
    parser.add_argument("--format", metavar="F", choices=("text", "json"), default="text", help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the list. Always returns 0, because nothing is decided."""
    state_dir = Repository.find(Path.cwd()).state_dir
    tests = flaky_tests(state_dir)
    if options.format == "json":
        from gate.reports.verdict_json import dump

        print(dump([_fields(test) for test in tests]), end="")
        return 0
    if not tests:
        print(
            f"No flaky test was recorded in this clone ({count(runs_recorded(state_dir), 'run')} of tests)."
        )
        return 0
    rows = [
        (f"{test.rate:.0%}", f"{test.times} of {count(test.runs, 'run')}", _day(test), visible(test.test))
        for test in tests
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    for rate, times, day, name in rows:
        print(f"{rate:>{widths[0]}}  {times:>{widths[1]}}  last {day}  {name}")
    return 0


def _day(test: FlakyTest) -> str:
    return strftime("%Y-%m-%d", gmtime(test.last.at))


def _fields(test: FlakyTest) -> dict[str, object]:
    return {
        "check": test.check,
        "test": test.test,
        "times": test.times,
        "runs": test.runs,
        "rate": round(test.rate, 4),
        "last": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(test.last.at)),
        "outcomes": [
            {"at": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(outcome.at)), "tree": outcome.tree}
            for outcome in test.outcomes
        ],
    }
