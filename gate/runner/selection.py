"""Decide which tests of a suite need not run, by reusing a pass of the whole suite or of some of its files."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gate.checks import Report
from gate.checks.suites import TEST_FILE
from gate.finding import Finding
from gate.policy.types import BY_FILE, CheckSettings
from gate.result_cache import ResultCache, key_of
from gate.runner.affected import Suite
from gate.runner.by_file import COMPARED, Selected, TestFiles, run_by_file
from gate.runner.decisions import Decided, Decision, differences, record_difference, write_decided
from gate.runner.execute import Outcome
from gate.runner.flaky import flaky_tests
from gate.runner.inputs import TreeState

UNAFFECTED = "not affected by this change"
"""The reason given for tests that did not have to run, since nothing that they read differs."""
WHOLE_SUITE = ("",)
FEW = 12
"""Up to this many test files are quick to collect and to try one by one."""
LONG = 10.0
"""How many seconds a suite of more files has to take before it is run by file."""


@dataclass(frozen=True, slots=True)
class SuiteInTree:
    """The suite of `check` in the project's `folder` of a tree, and the location of gate's state."""

    check: CheckSettings
    folder: str
    tree: str
    state_dir: Path
    shown: bool
    """Whether the decisions made here may be shown later."""


class Selection:
    """The records of one suite, applied to one tree."""

    def __init__(
        self, results: ResultCache, key: str, inputs: SuiteInTree, tree: TreeState, *, rerun: bool
    ) -> None:
        """Prepare for `tree`. `key` identifies everything else. With `rerun`, everything runs and is compared."""
        self._place, self._tree, self._rerun = inputs, tree, rerun
        self.suite = Suite(results, key)
        flaky = (item.test for item in flaky_tests(inputs.state_dir) if item.check == inputs.check.id)
        inside = f"{inputs.folder}/" if inputs.folder else ""
        # A pass recorded without proof says nothing about the suite in one process.
        own_key = key_of(key, "proven") if self._proven else key
        self._files = TestFiles(
            results, own_key, {test.removeprefix(inside).partition("::")[0] for test in flaky}
        )
        self._verified: tuple[str, ...] = ()
        matching = [item for item in differences(inputs.state_dir) if (item.check, item.folder) == self._name]
        self.off = f"a full run contradicted a recorded pass of {matching[0].tests[0]}" if matching else ""

    @property
    def _proven(self) -> bool:
        return self._place.check.select == "auto"

    @property
    def _name(self) -> tuple[str, str]:
        return self._place.check.id, self._place.folder

    def reuse(self) -> Outcome | None:
        """Return the recorded pass of the whole suite, if it is valid and it isn't time to compare."""
        reused = self.suite.reuse(self._tree)
        if reused is None or self.off:
            return None
        if self._rerun or reused.verify:
            self._verified = WHOLE_SUITE
            return None
        passed = replace(reused.report, note=f"{reused.report.note}, {UNAFFECTED}")
        self._remember("suite", (Decision("", False, "nothing that the tests look at has changed"),))
        return Outcome(passed, reused.seconds, cached=True)

    def recorded(self) -> Mapping[str, str] | None:
        """Return the state of the suite's inputs according to a valid recorded pass, if any."""
        return self.suite.state(self._tree)

    def by_file(
        self,
        count: Callable[[], tuple[Outcome, Mapping[str, str] | None]],
        first: Collection[str],
        run: Callable[[tuple[str, ...], float], Outcome],
    ) -> Selected:
        """Run the files that must run, if the files of the suite are independent.

        `count` returns what the suite collects, and the state of the inputs of that, if known.
        """
        if self._place.check.select not in BY_FILE or self._verified or not self._is_worth_trying():
            self._remember("suite", (Decision("", True, self._why()),))
            return Selected()
        if self._rerun or self.off:
            return Selected(whole=self.off)
        # If the reason is known, there's no need to collect the tests again.
        reason = self._files.why_whole() if self._proven else ""
        if reason:
            self._remember("suite", (Decision("", True, reason),))
            return Selected(whole=reason)
        outcome, state = count()
        counted = outcome.report
        if not isinstance(counted, Report):
            return Selected(whole="the tests cannot be collected")
        selected = run_by_file(
            self._files, self._tree, counted, self._place.folder, first, run, proven=self._proven
        )
        # A test file may appear in a folder that no other file looks into.
        known = None if state is None or selected.state is None else {**state, **selected.state}
        selected = replace(selected, state=known)
        self._verified = selected.verify
        whole = (Decision("", True, selected.whole),) if selected.whole else ()
        self._remember("file", (*whole, *selected.decisions))
        return selected

    def _is_worth_trying(self) -> bool:
        """Return whether running by file may save more than collecting tests and a few wasted runs cost.

        That is so if there are few files, if the suite is known to take long, or if some files have been recorded
        already.
        """
        if not self._proven:
            return True
        number = sum(bool(TEST_FILE.search(path)) for path in self._tree.files)
        return number > 1 and (number <= FEW or self.suite.seconds() >= LONG or self._files.any_recorded())

    def _why(self) -> str:
        if self._verified:
            return "a full run was requested" if self._rerun else COMPARED
        return self.off or self.suite.why(self._tree)

    def whole_run(self, selected: Selected, outcome: Outcome) -> Outcome:
        """Return the outcome of a run of the whole suite after `selected` could not decide."""
        report = outcome.report
        if not isinstance(report, Report):
            return outcome
        if selected.failed and not report.findings:
            self._files.strike(selected.failed)
        if selected.whole and not (selected.failed and report.findings):
            note = f"{report.note}; run as a whole: {selected.whole}"
            outcome = replace(outcome, report=replace(report, note=note))
        return replace(outcome, verified=self._verified)

    def record(self, selected: Selected, outcome: Outcome) -> str:
        """Store a pass of the whole suite. Return why it can't be reused for other trees, or "" if it can."""
        if not isinstance(outcome.report, Report):
            return ""
        if selected.outcome is None:
            return self.suite.record(self._tree, outcome.inputs, outcome.report, outcome.seconds)
        if selected.state is None:
            return "a test file, or the collection, depends on the whole tree"
        self.suite.add(selected.state, outcome.report, outcome.seconds)
        return ""

    def judge(self, outcome: Outcome, findings: Collection[Finding]) -> None:
        """Record failures: passes of failed tests aren't reused, and a contradiction turns selection off."""
        failed = {finding.test for finding in findings if finding.test}
        if not failed and not findings:
            return
        self.suite.forget()
        self._files.forget({test.partition("::")[0] for test in failed})
        certain = {finding.test for finding in findings if finding.test and not finding.flaky}
        differing = {
            test
            for test in certain
            if outcome.verified == WHOLE_SUITE or test.partition("::")[0] in outcome.verified
        }
        if differing:
            record_difference(self._place.state_dir, *self._name, self._place.tree, differing)

    def _remember(self, mode: str, decisions: tuple[Decision, ...]) -> None:
        if self._place.shown:
            decided = Decided(*self._name, self._place.tree, mode, decisions)
            write_decided(self._place.state_dir, decided)
