"""A share of a run: its test files, which are the same on every machine, and what it has to prove.

Each share collects all tests and divides their files in the same way: by recorded durations if a shared cache has them,
else by the number of tests. Joining the shares verifies from their pieces that every test ran in one of them.
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
class Share:
    """Share `number` of `count`, starting at 1."""

    number: int
    count: int

    def has(self, index: int) -> bool:
        """Return whether the indivisible work with this index belongs to this share."""
        return index % self.count == self.number - 1


@dataclass(frozen=True, slots=True)
class Piece:
    """The part of a project's tests that a share ran: `ran` of `collected` by name, `seen` of `total` by number.

    `plan` is a digest of how the files were divided.
    """

    plan: str
    collected: tuple[str, ...]
    total: int
    ran: tuple[str, ...]
    seen: int


class Shares:
    """Divides the test files of one suite."""

    def __init__(self, share: Share, results: ResultCache, suite: str, tree: str) -> None:
        """Prepare the division. `suite` identifies everything but the tree; plans and durations are in `results`."""
        self._share, self._results = share, results
        self._durations = key_of("durations of test files", suite)
        self._plan = key_of("plan of shares", suite, tree, str(share.count))

    def files(self, counted: Report) -> tuple[tuple[str, ...], str]:
        """Return the files of this share, and the digest of the plan."""
        tests = Counter(test.partition("::")[0] for test in counted.tests)
        plan = self._read(self._plan)
        if plan.keys() != tests.keys():
            known = self._read(self._durations)
            # Files that were never measured are estimated by the mean time per test.
            known = {path: seconds for path, seconds in known.items() if path in tests}
            mean = sum(known.values()) / max(sum(tests[path] for path in known), 1) or 1.0
            plan = divide({path: known.get(path, mean * tests[path]) for path in tests}, self._share.count)
            self._results.put(self._plan, json.dumps(plan).encode("ascii"))
        digest = key_of(*(f"{int(number)} {path}" for path, number in sorted(plan.items())))
        return tuple(sorted(path for path in plan if plan[path] == self._share.number)), digest

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
    """Return the share number of each file. The heaviest come first, each to the share with the least work."""
    loads = [(0.0, number) for number in range(1, count + 1)]
    plan: dict[str, float] = {}
    for path in sorted(weights, key=lambda path: (-weights[path], path)):
        load, number = heapq.heappop(loads)
        plan[path] = number
        heapq.heappush(loads, (load + weights[path], number))
    return plan


def cannot_be_divided(counted: object) -> bool:
    """Return whether the suite can't be divided, so that it runs in the first share."""
    return not isinstance(counted, Report) or bool(counted.findings or counted.whole or not counted.tests)


def missing_tests(pieces: Collection[Piece]) -> str:
    """Return why these pieces of all shares aren't the whole suite, or "" if they are."""
    first = next(iter(pieces))
    if any(
        (piece.plan, piece.collected, piece.total) != (first.plan, first.collected, first.total)
        for piece in pieces
    ):
        return "the shards divided the tests differently"
    ran = Counter(test for piece in pieces for test in piece.ran)
    lost = next((test for test in first.collected if not ran[test]), "")
    if lost:
        return f"{lost} is in no shard"
    extra = next((test for test, times in ran.items() if times > 1 or test not in set(first.collected)), "")
    if extra:
        return f"{extra} ran in more than one shard, or is not collected"
    seen = sum(piece.seen for piece in pieces)
    return "" if seen == first.total else f"{seen} tests ran, but {first.total} were collected"
