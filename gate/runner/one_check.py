"""Run one check of a change on the head, and compare its findings with the base if necessary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gate.checks import TOOLS, Report, Unreadable
from gate.checks.baseline import mark_new
from gate.checks.checkers import chosen
from gate.checks.pytest import NOT_COLLECTED, decides_tests
from gate.finding import Finding
from gate.model import Broken, CheckResult, Ran, Skipped
from gate.policy.types import BUILT_IN_CHECKS, CheckSettings
from gate.process import Cancel
from gate.runner.base_collection import BaseCollection
from gate.runner.collected_tests import CollectedTests
from gate.runner.execute import Outcome
from gate.runner.flaky import record_run
from gate.runner.shards import ShardPlan, ShardTests, cannot_be_divided
from gate.runner.tool_runs import RunContext, ToolRuns, as_flaky
from gate.runner.turns import Turns

NOT_STARTED = "not-started"
"""The rule of a finding about a check that can't start because of the change, but does start on the base."""
LIKELY = (".py", ".lock", ".toml", ".txt")
"""Suffixes of files that often affect which tests are collected, or their environment."""
MOST_RETRIED = 25
"""If more tests fail than this, they are not retried: that many are unlikely to be flaky."""


class ProjectChecks:
    """The checks of a change in one project, which is the whole tree or a part of it."""

    def __init__(self, context: RunContext, why_not: str) -> None:
        """Prepare the checks. `why_not` is the reason given for a cancelled check."""
        self._change, self._head, self._base = context.change, context.head, context.base
        self._environments, self._state = context.environments, context.state_dir
        self._why_not = why_not
        self._context = context
        self._tests = CollectedTests(context.head.repository, context.change)
        self._runs = ToolRuns(context)

    def is_affected(self, check: CheckSettings) -> bool:
        """Return whether the change can affect the result of `check`, because it changes one of its input files."""
        tool = TOOLS[check.tool]
        sides = [
            {(entry.path, entry.mode, entry.oid) for entry in side.deciding if tool.reads(entry.path)}
            for side in (self._head, self._base)
        ]
        return sides[0] != sides[1] or self._change.base_tree == self._change.tree

    def run(self, check: CheckSettings, progress: Callable[[], None], turns: Turns) -> CheckResult:
        """Return the result of one check on the head, with findings that exist at the base marked as old."""
        check = self._with_own_checker(check)
        with BaseCollection(partial(self._collect_base, check), self._context.cancel) as collection:

            def under_way() -> None:
                started()
                if self._is_compared_by_tests(check) and self._may_alter_collection():
                    collection.start()

            with turns.taken() as started:
                outcome, whole = self._ask(check, progress, under_way)
            return self._judge(check, outcome, whole, collection)

    def _judge(
        self, check: CheckSettings, outcome: Outcome, whole: Report | None, collection: BaseCollection
    ) -> CheckResult:
        """Turn the outcome on the head into a result, by comparing it with the base."""
        if outcome.cancelled:
            return Skipped(check.id, self._why_not)
        report = outcome.report
        if isinstance(report, Unreadable):
            return self._stopped_by_change(check, report, outcome, collection)
        findings = report.findings
        if findings:
            # What follows runs in the checkout of the base, which allows one run at a time.
            collection.end()
            at_base = self._before(check, findings, warm=not outcome.cached)
            if isinstance(at_base, Broken | Skipped):
                return at_base
            findings = mark_new(self._name_flaky(check, findings), at_base, self._change.renames)
            if check.id in self._runs.selections:
                self._runs.selections[check.id].judge(outcome, findings)
        if not outcome.cached:
            self._record_run(check, findings)
        blocking = tuple(finding for finding in findings if check.block == "all" or finding.new)
        if findings and all(finding.rule == NOT_COLLECTED and not finding.new for finding in findings):
            return _not_collected(check, findings, outcome)
        if report.unparsed and not blocking:
            return _stopped(check, min(report.unparsed), outcome.seconds)
        seen: tuple[Finding, ...] | Broken | Skipped = ()
        if not self._leaves_base_to_first_shard(whole):
            seen = self._seen_less(check, whole or report, collection)
        if isinstance(seen, Broken) and blocking:
            # Tests that can no longer be imported count as failures, so the result is already certain.
            seen = ()
        if isinstance(seen, Broken | Skipped):
            return seen
        return Ran(
            check.id, findings + seen, blocking, outcome.seconds, outcome.cached, report.note, report.seen
        )

    def _ask(
        self, check: CheckSettings, progress: Callable[[], None], started: Callable[[], None]
    ) -> tuple[Outcome, Report | None]:
        """Run the check on the head. For a shard, run only its tests, and also return what the suite collects."""
        shard, head, place = self._context.shard, self._head, (check.id, self._head.folder)
        if shard is None or check.tool != "pytest":
            return self._runs.ask(check, head, progress, started), None
        counted = self._runs.ask(check, head, count=True).report
        if not isinstance(counted, Report) or cannot_be_divided(counted):
            self._context.shard_tests[place] = ShardTests("", (), 0, (), 0)
            if shard.number > 1:
                return Outcome(Report((), "runs in the first shard", 0), cached=True), Report(())
            return self._runs.ask(check, head, progress, started), None
        shard_plan = ShardPlan(shard, self._context.results, " ".join(place), head.top.tree.tree)
        files, plan = shard_plan.files(counted)
        outcome = Outcome(Report((), "no test file in this shard", 0), cached=True)
        if files:
            outcome = self._runs.ask(check, head, progress, started, test_files=files)
        if isinstance(outcome.report, Report):
            collected, ran = (tuple(sorted(report.tests)) for report in (counted, outcome.report))
            tests_of_shard = ShardTests(plan, collected, counted.seen or 0, ran, outcome.report.seen or 0)
            self._context.shard_tests[place] = tests_of_shard
            shard_plan.record(outcome.report.durations)
        return outcome, counted

    def _stopped_by_change(
        self, check: CheckSettings, report: Unreadable, outcome: Outcome, collection: BaseCollection
    ) -> Ran | Broken | Skipped:
        """Return a failure if only the head's run has no result: since the base has one, the change is the cause.

        That is only valid in an environment that has everything the tree declares.
        """
        broken = Broken(check.id, report.reason, report.hint, outcome.seconds, outcome.output)
        comparable = report.by_tree and self._environments.is_declared
        if not comparable or self._change.base_tree == self._change.tree:
            return broken
        tests = check.tool == "pytest"
        # Commands depend on more than the tree, such as a network: what was cached may not hold for now.
        base = collection.result() or self._runs.ask(check, self._base, count=tests, again=not tests)
        if base.cancelled:
            return Skipped(check.id, self._why_not)
        if not isinstance(base.report, Report) or base.report.findings or base.report.seen == 0:
            return broken
        finding = Finding("", 0, 0, 0, NOT_STARTED, "error", report.reason, hint=report.hint, new=True)
        return Ran(check.id, (finding,), (finding,), outcome.seconds)

    def _with_own_checker(self, check: CheckSettings) -> CheckSettings:
        """Return the type check with the type checker that the project has settings for, if it is installed.

        The settings at the base decide: a change could choose a type checker that finds less.
        """
        if check != BUILT_IN_CHECKS["types"]:
            return check
        names = chosen(self._base.settings)
        if not names or names[0] == "mypy":
            return check
        environment = self._environments.environment_for(self._head.top, self._head.folder)
        installed = next((name for name in names if environment.tool(name)), None)
        return replace(check, tool=installed) if installed else check

    def _name_flaky(self, check: CheckSettings, findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
        """Run the failed tests again by themselves, and mark those that pass as flaky."""
        failed = {finding.test for finding in findings if "::" in finding.test and not finding.flaky}
        if check.tool != "pytest" or not failed or len(failed) > MOST_RETRIED:
            return findings
        flaky: set[str] = set()
        for _ in range(check.retries):
            report = self._runs.ask(check, self._head, only=tuple(sorted(failed - flaky)), again=True).report
            if not isinstance(report, Report):
                break
            flaky |= (failed - flaky) - {finding.test for finding in report.findings}
            if flaky == failed:
                break
        return tuple(as_flaky(finding) if finding.test in flaky else finding for finding in findings)

    def _record_run(self, check: CheckSettings, findings: tuple[Finding, ...]) -> None:
        """Record a run of a suite and its flaky tests, for `gate flaky`. Does nothing on servers."""
        if check.tool == "pytest" and self._head.repository.work_tree is not None:
            flaky = {finding.test for finding in findings if finding.flaky}
            record_run(self._state, check.id, self._head.folder, self._head.top.tree.tree, flaky)

    def _before(
        self, check: CheckSettings, findings: tuple[Finding, ...], *, warm: bool
    ) -> tuple[Finding, ...] | Broken | Skipped:
        """Return the check's findings at the base: all, or only those of the tests that failed.

        `warm` says that the check has just run on the head.
        """
        if self._change.base_tree == self._change.tree:
            return findings
        only: tuple[str, ...] = ()
        if check.tool == "pytest":
            tests = {finding.test for finding in findings if finding.test}
            base_paths = {entry.path for entry in self._base.entries}
            only = tuple(sorted(test for test in tests if test.partition("::")[0] in base_paths))
            if not only:
                return ()
        outcome = self._runs.ask(check, self._base, only=only, warm=warm)
        if outcome.cancelled:
            return Skipped(check.id, self._why_not)
        if isinstance(outcome.report, Report):
            return outcome.report.findings
        if check.block == "all":
            return ()
        return Broken(
            check.id,
            f"on the base, {outcome.report.reason}, so new findings cannot be separated from existing ones",
            outcome.report.hint,
            outcome.seconds,
            outcome.output,
        )

    def _leaves_base_to_first_shard(self, whole: Report | None) -> bool:
        """Return whether the first shard compares the collected tests with those of the base.

        Joining the shards verifies that all of them have collected the same tests.
        """
        shard = self._context.shard
        return whole is not None and shard is not None and shard.number > 1

    def _is_compared_by_tests(self, check: CheckSettings) -> bool:
        return (
            check.tool == "pytest"
            and self._context.shard is None
            and self._change.base_tree != self._change.tree
        )

    def _may_alter_collection(self) -> bool:
        """Return whether the change probably affects which tests are collected, according to its files' names.

        If not, wait for the head's run: the base's tests are then collected only if something that this run reads
        while it collects differs on the base.
        """
        return not self._context.select or any(
            entry.path.endswith(LIKELY) or decides_tests(entry.path) for entry in self._change.files
        )

    def _collect_base(self, check: CheckSettings, cancel: Cancel) -> Outcome:
        return ToolRuns(replace(self._context, cancel=cancel)).ask(check, self._base, count=True)

    def _seen_less(
        self, check: CheckSettings, report: Report, collection: BaseCollection
    ) -> tuple[Finding, ...] | Broken | Skipped:
        """Return findings if the check covers less than at the base.

        Covering nothing where the base had something is never a pass. Collected tests are always compared with those of
        the base, no matter which file made the difference; fewer tests are a finding that doesn't block by itself.
        """
        if report.seen is None or self._change.base_tree == self._change.tree:
            return ()
        tests = check.tool == "pytest"
        if report.seen > 0 and not tests:
            return ()
        outcome = collection.result() or self._runs.ask(check, self._base, count=tests)
        if outcome.cancelled:
            return Skipped(check.id, self._why_not)
        base = outcome.report if isinstance(outcome.report, Report) else Report(())
        if report.seen == 0 and base.seen != 0:
            what = "test" if tests else "file"
            return Broken(
                check.id,
                f"it found no {what} to check, but the base has {'some' if base.seen is None else base.seen}",
                "if that is intended, remove the check from gate.yaml first",
                outcome.seconds,
            )
        return self._tests.fewer(report, base) if base.seen is not None else ()


def _not_collected(check: CheckSettings, findings: tuple[Finding, ...], outcome: Outcome) -> Broken:
    """Merge tests that can't be imported at the base either into one reason: they say nothing about the change."""
    reasons = Counter(finding.message.partition(": ")[2] for finding in findings)
    (reason, _), *other_reasons = reasons.most_common()
    number = f"{len(findings)} test files" if findings[1:] else findings[0].path
    more = f" (and {len(other_reasons)} other reasons)" if other_reasons else ""
    note = outcome.report.note if isinstance(outcome.report, Report) else ""
    missing = f"; {note}" if note else ""
    return Broken(
        check.id,
        f"{number} cannot be imported, here or on the base: {reason}{more}{missing}",
        f"`{findings[0].hint}` shows the error; make sure that a fresh clone can run the tests, or name the command "
        f"that does: `checks: {{{check.id}: {{command: […]}}}}`",
        outcome.seconds,
    )


def _stopped(check: CheckSettings, path: str, seconds: float) -> Broken:
    """Describe a tool that checked nothing because of one file, which is never a pass."""
    return Broken(
        check.id,
        f"{check.tool} cannot parse {path}, and stops there: other files import it",
        f"fix {path}, or exclude it in the settings of {check.tool}",
        seconds,
    )
