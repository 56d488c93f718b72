"""A shard of a run: its test files, which are the same on every machine, and what it has to prove.

Each shard collects all tests and divides their files in the same way: by recorded durations if a shared cache has them,
else by the number of tests. Joining the shards verifies that every test ran in exactly one of them.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gate.checks import Report
from gate.json_input import parse_json
from gate.result_cache import ResultCache, key_of


@dataclass(frozen=True, slots=True)
class Shard:
    """Shard `number` of `count`, starting at 1."""

    number: int
    count: int

    def has(self, index: int) -> bool:
        """Return whether the indivisible work with this index belongs to this shard."""
        return index % self.count == self.number - 1


@dataclass(frozen=True, slots=True)
class ShardTests:
    """The part of a project's tests that a shard ran: `ran` of `collected` by name, `seen` of `total` by number.

    `plan` is a digest of how the files were divided.
    """

    plan: str
    collected: tuple[str, ...]
    total: int
    ran: tuple[str, ...]
    seen: int


class ShardPlan:
    """Divides the test files of one suite."""

    def __init__(self, shard: Shard, results: ResultCache, suite: str, tree: str) -> None:
        """Prepare the division. `suite` identifies everything but the tree; plans and durations are in `results`."""
        self._shard, self._results = shard, results
        self._durations = key_of("durations of test files", suite)
        self._plan = key_of("plan of shards", suite, tree, str(shard.count))

    def files(self, counted: Report) -> tuple[tuple[str, ...], str]:
        """Return the files of this shard, and the digest of the plan."""
        tests = Counter(test.partition("::")[0] for test in counted.tests)
        plan = self._read(self._plan)
        if plan.keys() != tests.keys():
            known = self._read(self._durations)
            # Files that were never measured are estimated by the mean time per test.
            known = {path: seconds for path, seconds in known.items() if path in tests}
            mean = sum(known.values()) / max(sum(tests[path] for path in known), 1) or 1.0
            plan = divide({path: known.get(path, mean * tests[path]) for path in tests}, self._shard.count)
            self._results.put(self._plan, json.dumps(plan).encode("ascii"))
        digest = key_of(*(f"{int(number)} {path}" for path, number in sorted(plan.items())))
        return tuple(sorted(path for path in plan if plan[path] == self._shard.number)), digest

    def record(self, durations: Mapping[str, float]) -> None:
        """Record how long files took, for the next plan."""
        if durations:
            known = {**self._read(self._durations), **durations}
            self._results.put(self._durations, json.dumps(known).encode("ascii"))

    def _read(self, key: str) -> dict[str, float]:
        try:
            return {
                str(path): float(value) for path, value in parse_json(self._results.get(key) or b"{}").items()
            }
        except (ValueError, TypeError, AttributeError):
            return {}


def divide(weights: Mapping[str, float], count: int) -> dict[str, float]:
    """Return the shard number of each file. The heaviest come first, each to the shard with the least work."""
    loads = [(0.0, number) for number in range(1, count + 1)]
    plan: dict[str, float] = {}
    for path in sorted(weights, key=lambda path: (-weights[path], path)):
        load, number = heapq.heappop(loads)
        plan[path] = number
        heapq.heappush(loads, (load + weights[path], number))
    return plan


def cannot_be_divided(counted: object) -> bool:
    """Return whether the suite can't be divided, so that it runs in the first shard."""
    return not isinstance(counted, Report) or bool(counted.findings or counted.whole or not counted.tests)


def missing_tests(shard_tests: Collection[ShardTests]) -> str:
    """Return why the tests of all shards aren't the whole suite, or "" if they are."""
    first = next(iter(shard_tests))
    if any(
        (tests.plan, tests.collected, tests.total) != (first.plan, first.collected, first.total)
        for tests in shard_tests
    ):
        return "the shards divided the tests differently"
    ran = Counter(test for tests in shard_tests for test in tests.ran)
    lost = next((test for test in first.collected if not ran[test]), "")
    if lost:
        return f"{lost} is in no shard"
    extra = next((test for test, times in ran.items() if times > 1 or test not in set(first.collected)), "")
    if extra:
        return f"{extra} ran in more than one shard, or is not collected"
    seen = sum(tests.seen for tests in shard_tests)
    return "" if seen == first.total else f"{seen} tests ran, but {first.total} were collected"
