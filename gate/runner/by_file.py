"""Reuse the passes of test files whose recorded inputs haven't changed, and run the other files.

Each file runs in its own process, forked before anything of the tree is imported (`gate/plugins/each_file.py`), so no
file can observe what another one left in memory. Effects on disk are checked: a file that leaves anything in the tree,
or that reads what another file has written, isn't independent. In that case, and whenever a file doesn't pass by itself
or collects other tests than in the whole suite, the whole suite runs in one process and decides.

With `proven`, the result is the same as that of one process for all files: each file must leave the memory of its
process unchanged (`gate/plugins/gate_memory.py`), and no file may influence another in any other way
(`independence.py`).
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gate.checks import Report
from gate.checks.pytest import outcomes_in_words
from gate.finding import Finding
from gate.json_input import parse_json
from gate.result_cache import ResultCache, key_of
from gate.runner.affected import VERIFY_EVERY
from gate.runner.decisions import Decision
from gate.runner.execute import Outcome
from gate.runner.independence import influence
from gate.runner.inputs import TreeState, difference
from gate.runner.likely_first import RecentRuns
from gate.runner.result_key import dump, load
from gate.wording import count

MOST_RECORDS = 4
STRIKES = 2
"""How often a file may fail alone while the whole suite passes; from then on, the suite runs as a whole at once."""
COMPARED = f"compared with the recorded passes, as every {VERIFY_EVERY}th time"
RETRY_AFTER = 20
"""After this many runs of the whole suite, check again whether its files pass alone."""


@dataclass(frozen=True, slots=True)
class FilePass:
    """A pass of one file. `state` is the state of its inputs; `written` and `outside` are paths outside the tree.

    It can't be reused if `why_not` isn't empty. `loaded` and `folders` are as in `FileReport`.
    """

    state: Mapping[str, str]
    report: Report
    seconds: float
    written: frozenset[str]
    outside: frozenset[str]
    why_not: str = ""
    loaded: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    tests_seconds: float = 0.0
    """Seconds spent in the tests alone, without the overhead of their process."""


class TestFiles:
    """The records of one suite's files, identified by everything that decides its outcome besides the tree."""

    __test__ = False

    def __init__(self, results: ResultCache, key: str, flaky: Collection[str] = ()) -> None:
        """Open the records. `key` identifies everything but the tree; `flaky` are files that have had flaky tests."""
        self._results = results
        self._key = key
        self._flaky = frozenset(flaky)
        self.recent = RecentRuns(results, key)

    def decide(self, path: str, tests: frozenset[str], tree: TreeState) -> tuple[Decision, FilePass | None]:
        """Return whether the file at `path`, with these tests, must run on `tree`, and if not, the pass to reuse."""
        passes = self._passes(path)
        if path in self._flaky:
            return Decision(path, True, "a test in it has been flaky"), None
        if not passes:
            return Decision(path, True, str(self._get("why", path) or "no pass is recorded")), None
        for item in passes:
            if item.report.tests == tests and not difference(item.state, tree):
                return Decision(path, False, "nothing that it looks at has changed"), item
        reason = difference(passes[0].state, tree) or "different tests are collected"
        return Decision(path, True, reason), None

    def add(self, path: str, new: FilePass) -> None:
        """Store a pass of a file, or why it can't be reused."""
        self._put("why", path, data=new.why_not)
        if new.why_not:
            self._put("file", path, data=[])
            return
        if not self.any_recorded():
            self._put("recorded", data=True)
        remaining = [item for item in self._passes(path) if item.state != new.state]
        self._put(
            "file", path, data=[_to_data(item) for item in [new, *remaining][:MOST_RECORDS]], share=True
        )

    def any_recorded(self) -> bool:
        """Return whether files of this suite were proven independent in an earlier run."""
        return bool(self._get("recorded"))

    def forget(self, paths: Collection[str]) -> None:
        """Discard the recorded passes of these files, because a test has failed since, or is flaky."""
        self.recent.failed(paths)
        for path in paths:
            self._put("file", path, data=[])

    def why_whole(self) -> str:
        """Return why, according to earlier runs, the suite must run as a whole, or "" if it need not."""
        state = self._get("whole") or {}
        if not state.get("reason"):
            return ""
        left = int(state.get("left", 0))
        self._put("whole", data={**state, "left": left - 1} if left > 0 else {})
        return str(state["reason"]) if left > 0 else ""

    def run_whole(self, reason: str) -> None:
        """Make the suite run as a whole, for this reason, until it is time to try single files again."""
        self._put("whole", data={"reason": reason, "left": RETRY_AFTER})

    def strike(self, path: str) -> None:
        """Record that a file failed on its own, although the whole suite then passed."""
        strikes: dict[str, int] = self._get("strikes") or {}
        strikes[path] = strikes.get(path, 0) + 1
        if strikes[path] >= STRIKES:
            self.run_whole(f"{path} passes only together with other files")
            strikes = {}
        self._put("strikes", data=strikes)

    def is_time_to_verify(self) -> bool:
        """Count a run that could reuse a pass, and return whether everything should run this time, for comparison."""
        count = (int(self._get("uses") or 0) + 1) % VERIFY_EVERY
        self._put("uses", data=count)
        return count == 0

    def _passes(self, path: str) -> list[FilePass]:
        try:
            return [pass_from_data(data) for data in self._get("file", path) or []]
        except (ValueError, KeyError, TypeError):
            return []

    def _get(self, *what: str) -> Any:
        try:
            return parse_json(self._results.get(key_of("files of tests", self._key, *what)) or b"null")
        except ValueError:
            return None

    def _put(self, *what: str, data: object, share: bool = False) -> None:
        key = key_of("files of tests", self._key, *what)
        self._results.put(key, json.dumps(data).encode("ascii"), share=share)


@dataclass(frozen=True, slots=True)
class Selected:
    """The result of running a suite by file: an outcome, or why the whole suite must run (`whole`).

    `state` is the state of everything its files read, or None if unknown.

    `verify` are the files whose passes would have been reused if it weren't time to compare; `failed` is the file that
    didn't pass by itself.
    """

    decisions: tuple[Decision, ...] = ()
    outcome: Outcome | None = None
    state: Mapping[str, str] | None = None
    whole: str = ""
    verify: tuple[str, ...] = ()
    failed: str = ""
    findings: tuple[Finding, ...] = ()
    """What failed in the file `failed`."""


def run_by_file(
    files: TestFiles,
    tree: TreeState,
    counted: Report,
    folder: str,
    first: Collection[str],
    run: Callable[[tuple[str, ...], float], Outcome],
    *,
    proven: bool = False,
) -> Selected:
    """Run the test files that must run, those in `first` before others.

    `counted` is what the suite collects, in the project's `folder` of the tree. With `proven`, the result must be the
    same as that of the suite in one process.
    """
    tests = _by_path(counted.tests)
    reason = (
        _unsuited(counted, tests, tree, folder) or (counted.shared if proven else "") or files.why_whole()
    )
    if reason:
        return Selected(whole=reason)
    decided = [files.decide(path, tests[path], tree) for path in sorted(tests)]
    decisions = tuple(decision for decision, _ in decided)
    reused = {decision.path: earlier_pass for decision, earlier_pass in decided if earlier_pass}
    if reused and files.is_time_to_verify():
        return Selected(decisions, whole=COMPARED, verify=tuple(reused))
    wanted = _in_order(files, [item.path for item in decisions if item.runs], first, counted.order)
    spared = sum(item.tests_seconds for item in reused.values())
    outcome = run(wanted, spared) if wanted else Outcome(Report(()), cached=True)
    if outcome.cancelled:
        return Selected(decisions, outcome)
    if not isinstance(outcome.report, Report):
        return Selected(decisions, whole=f"one by one, {outcome.report.reason}")
    if outcome.report.findings:
        failed = next(path for path in wanted if path not in outcome.report.by_file)
        files.recent.failed([failed])
        return Selected(
            decisions,
            whole=f"{failed} does not pass by itself",
            failed=failed,
            findings=outcome.report.findings,
        )
    passes, reason = (
        ({}, outcome.report.whole) if outcome.report.whole else _passes(wanted, tests, tree, outcome)
    )
    together = {**reused, **passes}
    reason = reason or _other_number(counted, together) or _dependence(together)
    if proven and not reason:
        reason = influence(together, tree, folder)
    if reason:
        files.run_whole(reason)
        return Selected(decisions, whole=reason)
    for path, new in passes.items():
        files.add(path, new)
    files.recent.finished({path: new.seconds for path, new in passes.items()})
    report = _merged(counted, together, len(reused))
    states = [item.state for item in together.values()]
    state = (
        {name: value for item in states for name, value in item.items()}
        if not any(item.why_not for item in together.values())
        else None
    )
    return Selected(decisions, replace(outcome, report=report), state)


def _by_path(tests: Collection[str]) -> dict[str, frozenset[str]]:
    by_path: dict[str, set[str]] = defaultdict(set)
    for test in tests:
        by_path[test.partition("::")[0]].add(test)
    return {path: frozenset(names) for path, names in by_path.items()}


def _unsuited(counted: Report, tests: Mapping[str, object], tree: TreeState, folder: str) -> str:
    if counted.whole or counted.findings or not tests:
        return counted.whole or "not every test file can be collected"
    inside = f"{folder}/" if folder else ""
    unknown = next((path for path in tests if f"{inside}{path}" not in tree.files), "")
    return f"{unknown} is not a file of the tree" if unknown else ""


def _in_order(
    files: TestFiles, paths: Sequence[str], changed: Collection[str], own: Sequence[str]
) -> tuple[str, ...]:
    """Sort the files: those that are likely to fail first, unless the project has an order of its `own`."""
    if own:
        return tuple(path for path in own if path in paths)
    return files.recent.order(paths, changed)


def _passes(
    wanted: Sequence[str], tests: Mapping[str, frozenset[str]], tree: TreeState, outcome: Outcome
) -> tuple[dict[str, FilePass], str]:
    """Return the pass of each file, and why they can't be used, or "". A pass without a state isn't reused."""
    passes = {}
    assert isinstance(outcome.report, Report)  # noqa: S101  checked by the caller
    for path in wanted:
        ran, inputs = outcome.report.by_file[path], outcome.by_file.get(path)
        if ran.report.tests != tests[path]:
            return {}, f"{path} collects different tests in a process of its own"
        if inputs is None:
            return {}, f"what {path} reads was not recorded"
        if inputs.left:
            return {}, f"{path} leaves something in the tree ({inputs.left[0]})"
        why_not = inputs.beyond(tree)
        state = {} if why_not else inputs.state(tree)
        beyond = frozenset(inputs.written), frozenset(inputs.outside)
        seconds = sum(ran.report.durations.values())
        passes[path] = FilePass(
            state, ran.report, ran.seconds, *beyond, why_not, ran.loaded, ran.folders, seconds
        )
    return passes, ""


def _other_number(counted: Report, passes: Mapping[str, FilePass]) -> str:
    seen = sum(item.report.seen or 0 for item in passes.values())
    if seen == counted.seen:
        return ""
    return f"one by one its files have {count(seen, 'test')}, and together {counted.seen}"


def _dependence(passes: Mapping[str, FilePass]) -> str:
    """Return a message about the first file that reads, outside the tree, what another one writes, or ""."""
    writers: dict[str, set[str]] = defaultdict(set)
    for path, item in passes.items():
        for path_written in item.written:
            writers[path_written].add(path)
            writers[path_written.rpartition("/")[0] + "/"].add(path)
    for path, item in passes.items():
        for path_written in sorted(item.outside & writers.keys()):
            if writers[path_written] - {path}:
                return f"{path} reads what another file writes ({path_written})"
    return ""


def _merged(counted: Report, passes: Mapping[str, FilePass], reused: int) -> Report:
    """Merge the passes of all files into one report. Reused ones count as passed tests, and are noted."""
    outcomes: Counter[str] = Counter()
    for item in passes.values():
        outcomes.update(item.report.outcomes)
    notes = [outcomes_in_words(outcomes), counted.note]
    if reused:
        notes.append(f"{reused} of {count(len(passes), 'test file')} reused")
    else:
        notes.append(f"{count(len(passes), 'test file')}, each by itself")
    if counted.order:
        notes.append("in the project's own order")
    return Report(
        (),
        ", ".join(filter(None, notes)),
        counted.seen,
        counted.tests,
        skipped=counted.skipped,
        outcomes=dict(outcomes),
    )


def _to_data(item: FilePass) -> dict[str, object]:
    return {
        "state": item.state,
        "report": dump(item.report, item.seconds).decode("ascii"),
        "written": sorted(item.written),
        "outside": sorted(item.outside),
        "loaded": dict(item.loaded),
        "folders": list(item.folders),
        "tests_seconds": item.tests_seconds,
    }


def pass_from_data(data: Mapping[str, Any]) -> FilePass:
    """Read a recorded pass. Raises ValueError, KeyError, or TypeError if it is damaged."""
    cached = load(data["report"].encode())
    if cached is None:
        raise ValueError("no report")
    beyond = frozenset(map(str, data["written"])), frozenset(map(str, data["outside"]))
    loaded = {str(name): str(file) for name, file in data["loaded"].items()}
    folders = tuple(map(str, data["folders"]))
    seconds = float(data["tests_seconds"])
    return FilePass(data["state"], *cached, *beyond, loaded=loaded, folders=folders, tests_seconds=seconds)
