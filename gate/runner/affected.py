"""Reuse a pass of a whole test suite if none of its recorded inputs has changed.

A test run records its inputs (`gate/plugins/gate_inputs.py`): opened files, listed folders, and queried paths. Together
with everything in the result's key besides the tree, they decide the outcome, so a tree in which they are unchanged
would produce the same run. Assumptions, beyond those of a cached result:

- what the tests read outside the tree (the machine, `/tmp`, their own output) isn't part of the tree;
- third-party compiled modules open files of the tree through Python, or not at all;
- the tests don't depend on file times or on the order in which folders are listed.

If anything else could not be recorded, the suite depends on the whole tree, and the record says why. Only passes are
cached, and only a few of the newest per suite. Every so often the suite runs anyway, to verify that the results agree.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gate.checks import Report
from gate.json_input import parse_json
from gate.result_cache import ResultCache, key_of
from gate.runner.inputs import Inputs, TreeState, difference
from gate.runner.result_key import dump, load

MOST_RECORDS = 8
VERIFY_EVERY = 20
"""How many times a pass may be reused before the suite runs again for comparison."""


@dataclass(frozen=True, slots=True)
class Reused:
    """A recorded pass that is also valid for another tree."""

    report: Report
    seconds: float
    verify: bool = False
    """Whether the suite is due to run anyway, for comparison."""


class Suite:
    """The records of one suite, identified by everything that decides its outcome besides the tree."""

    def __init__(self, results: ResultCache, key: str) -> None:
        """Open the records. `key` identifies everything that decides a result except the tree."""
        self._results = results
        self._key = key_of("inputs of a suite", "2", key)
        self._whole_tree_key = key_of("why a suite depends on the whole tree", "1", key)

    def reuse(self, tree: TreeState) -> Reused | None:
        """Return a pass whose recorded inputs are unchanged in `tree`, or None."""
        records = self._read()
        for record in records:
            state: dict[str, str] = record["state"]
            if not difference(state, tree):
                return self._use(records, record)
        return None

    def state(self, tree: TreeState) -> Mapping[str, str] | None:
        """Return the input state of a recorded pass that is valid for `tree`, or None."""
        states = (record["state"] for record in self._read())
        return next((state for state in states if not difference(state, tree)), None)

    def _use(self, records: list[dict[str, Any]], record: dict[str, Any]) -> Reused | None:
        record["uses"] = (record["uses"] + 1) % VERIFY_EVERY
        self._write(records, share=False)
        cached = load(record["report"].encode())
        return None if cached is None else Reused(*cached, verify=record["uses"] == 0)

    def record(self, tree: TreeState, inputs: Inputs | None, report: Report, seconds: float) -> str:
        """Store a pass with its inputs. Return why it can't be reused for other trees, or "" if it can."""
        if report.findings or report.unparsed or not report.seen:
            return ""
        reason = "what the tests read was not recorded" if inputs is None else inputs.beyond(tree)
        self._results.put(self._whole_tree_key, reason.encode(), share=False)
        if reason or inputs is None:
            return reason
        self.add(inputs.state(tree), report, seconds)
        return ""

    def add(self, state: Mapping[str, str], report: Report, seconds: float) -> None:
        """Store a pass with the state of its inputs."""
        remaining = [record for record in self._read() if record["state"] != state]
        new = {"state": state, "report": dump(report, seconds).decode("ascii"), "uses": 0}
        self._write([new, *remaining][:MOST_RECORDS])

    def why(self, tree: TreeState) -> str:
        """Return why no recorded pass is valid for `tree`, as text."""
        if reason := (self._results.get(self._whole_tree_key) or b"").decode():
            return reason
        records = self._read()
        return difference(records[0]["state"], tree) if records else "no pass is recorded"

    def seconds(self) -> float:
        """Return the duration of the last recorded run, or 0 if there is none."""
        records = self._read()
        cached = load(records[0]["report"].encode()) if records else None
        return cached[1] if cached else 0.0

    def forget(self) -> None:
        """Discard all recorded passes, because a test has failed since, or is flaky."""
        self._write([], share=False)

    def _read(self) -> list[dict[str, Any]]:
        try:
            records: list[dict[str, Any]] = parse_json(self._results.get(self._key) or b"[]")
            return records
        except ValueError:
            return []

    def _write(self, records: list[dict[str, Any]], *, share: bool = True) -> None:
        self._results.put(self._key, json.dumps(records).encode("ascii"), share=share)
