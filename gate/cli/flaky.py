"""`gate flaky`: list tests that had two outcomes for the same content, and quarantine them."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from time import gmtime, strftime
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.git.repository import Repository
from gate.reports.words import visible
from gate.runner.flaky import FlakyTest, flaky_tests, runs_recorded
from gate.wording import count

if TYPE_CHECKING:
    from gate.app.approving.quarantine import QuarantineRequest
    from gate.approvals.quarantine import Quarantine

SUMMARY = "list flaky tests and how often they failed, and quarantine them"
EXAMPLES = """\
  gate flaky                       list flaky and quarantined tests, the flakiest first
  gate flaky --format json         print JSON, for scripts
  gate flaky --quarantine tests/test_a.py::test_b --until 2026-12-31 --reason "issue 4711"
                                   let this test fail without blocking until then: only guardians can
  gate flaky --end tests/test_a.py::test_b
                                   end the quarantine
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quarantine", metavar="TEST", help="sign and record a quarantine of this test")
    what.add_argument("--end", metavar="TEST", help="end the quarantine of this test")
    parser.add_argument(
        "--until", metavar="DATE", default="", help="the last day of the quarantine: 2026-12-31"
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="the reason to record")
    parser.add_argument("--owner", metavar="NAME", default="", help="who fixes the test (default: yourself)")
    parser.add_argument(
        "--check", metavar="ID", default="", help="the check that runs the test (default: the only one)"
    )
    parser.add_argument(
        "--into", metavar="BRANCH", help="the protected branch with the test (default: the default branch)"
    )
    parser.add_argument("--key", metavar="FILE", help="the SSH key (default: user.signingkey, else your own)")
    parser.add_argument("--format", metavar="F", choices=("text", "json"), default="text", help="text, json")


def run(options: argparse.Namespace) -> int:
    """Print the list, or record a quarantine or its end."""
    now = int(time.time())
    if options.quarantine is not None or options.end is not None:
        return _record(options, now)
    if options.until or options.reason or options.owner:
        raise UsageError("no test named", "add `--quarantine TEST` or `--end TEST`")
    from gate.app.approving.quarantine import listing

    state_dir = Repository.find(Path.cwd()).state_dir
    tests = flaky_tests(state_dir)
    quarantines = listing(Path.cwd(), now, options.into)
    if options.format == "json":
        from gate.reports.verdict_json import dump

        print(dump([_fields(test, quarantines) for test in [*tests, *_not_seen(tests, quarantines)]]), end="")
        return 0
    if not tests:
        print(f"No flaky tests recorded in this clone ({count(runs_recorded(state_dir), 'test run')}).")
    rows = [
        (f"{test.rate:.0%}", f"{test.times} of {count(test.runs, 'run')}", _day(test), visible(test.test))
        for test in tests
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(2)]
    for rate, times, day, name in rows:
        print(f"{rate:>{widths[0]}}  {times:>{widths[1]}}  last {day}  {name}")
    for item in quarantines:
        print(visible(f"{item}; does not count: {item.why_not}" if item.why_not else str(item)))
    return 0


def _record(options: argparse.Namespace, now: int) -> int:
    from gate.app.approving.quarantine import QuarantineRequest, end, quarantine
    from gate.cli.approve import exit_code, shared_lines

    request = QuarantineRequest(
        Path.cwd(),
        now,
        options.quarantine if options.end is None else options.end,
        options.until,
        options.reason,
        options.owner,
        options.check,
        options.into,
        options.key,
    )
    if options.end is not None:
        if options.until or options.owner:
            raise UsageError(
                "--until and --owner need `--quarantine`", "remove them: `--end` takes effect right away"
            )
        recorded = end(request)
        print(f"Ended the quarantine of {visible(request.test)}.")
    else:
        recorded = (quarantine(request),)
        print(_quarantined(request, recorded[0].id))
    for item in recorded:
        print("\n".join(shared_lines(item)), end="\n" if shared_lines(item) else "")
    return max(map(exit_code, recorded))


def _quarantined(request: QuarantineRequest, identity: str) -> str:
    return (
        f"Quarantined {visible(request.test)} until {request.until}: {identity[:12]}\n"
        "It still runs, and its failure is a warning. For your own changes, another guardian must approve that."
    )


def _day(test: FlakyTest) -> str:
    return strftime("%Y-%m-%d", gmtime(test.last.at))


def _not_seen(tests: Sequence[FlakyTest], quarantines: Sequence[Quarantine]) -> list[FlakyTest]:
    """Return the quarantined tests that were not flaky in this clone."""
    seen = {(test.check, test.test) for test in tests}
    names = dict.fromkeys((item.check, item.test) for item in quarantines)
    return [FlakyTest(check, test, 0, 0, ()) for check, test in names if (check, test) not in seen]


def _fields(test: FlakyTest, quarantines: Sequence[Quarantine]) -> dict[str, object]:
    return {
        "check": test.check,
        "test": test.test,
        "times": test.times,
        "runs": test.runs,
        "rate": round(test.rate, 4) if test.runs else None,
        "last": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(test.last.at)) if test.outcomes else None,
        "outcomes": [
            {"at": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(outcome.at)), "tree": outcome.tree}
            for outcome in test.outcomes
        ],
        "quarantines": [
            {
                "id": item.id,
                "by": item.by,
                "owner": item.owner,
                "until": item.until.isoformat(),
                "reason": item.reason,
                "counted": not item.why_not,
                "why": item.why_not,
            }
            for item in quarantines
            if (item.check, item.test) == (test.check, test.test)
        ],
    }
