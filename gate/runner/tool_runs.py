"""Run one tool on one side of a change, unless its result is cached or parts of a suite need not run again."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from gate.cache_inputs import seen_by_check
from gate.checks import TOOLS, Report, Unreadable
from gate.checks.command import FILES
from gate.checks.paths import any_matches
from gate.checks.pytest import NOT_COLLECTED
from gate.environment import Environment, Environments
from gate.finding import Finding
from gate.model import Change
from gate.policy.types import BY_FILE, CheckSettings
from gate.process import Cancel
from gate.result_cache import ResultCache, key_of
from gate.runner.by_file import Selected
from gate.runner.checked_tree import CheckedTree
from gate.runner.execute import Outcome, RunRequest, cache_name, execute
from gate.runner.inputs import RECORDED_VARIABLES, TreeState
from gate.runner.result_key import dump, dump_broken, load, load_broken, result_key
from gate.runner.selection import Selection, SuiteInTree
from gate.runner.shards import Shard, ShardTests
from gate.runner.untracked_files import brought_files, explained, stamps

INSTEAD = {"pre-commit": ("prek",)}
"""Programs that are preferred to a tool if they are installed."""
WITHOUT_ENVIRONMENT = frozenset({"names", "ruff"})
"""Tools that only read source, so they work without the project's environment."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunContext:
    """The trees and settings that all checks of a change share."""

    change: Change
    head: CheckedTree
    base: CheckedTree
    environments: Environments
    results: ResultCache
    state_dir: Path
    """The folder with the tools' own caches."""
    rerun: bool
    """Whether to run everything, ignoring cached results."""
    compare: bool
    """Whether to run tests despite a recorded pass, and compare the two."""
    select: bool
    """Whether a passing run of the tests also holds for a tree that differs only in what they did not read."""
    cancel: Cancel
    """Cancels running checks."""
    cached_only: bool = False
    """Whether to show only the results of the last runs, including failures and broken checks, and start nothing."""
    shard: Shard | None = None
    """The shard of the tests to run, if not all of them."""
    watch: Callable[[str, int, int, str], None] | None = None
    """Called while tests of the head run, with the check, the tests done, their total, and the first failure."""
    shard_tests: dict[tuple[str, str], ShardTests] = field(default_factory=dict)
    """By check and project, which tests ran in this shard."""


@dataclass(frozen=True, slots=True)
class _RunPlan:
    """The request, its environment, and the cache keys of its result."""

    request: RunRequest
    environment: Environment
    away: str
    """The working tree with the files that the policy adds; empty if there is none."""
    inputs: tuple[str, ...]
    """What decides the result besides files, settings, and environment."""
    keys: tuple[str, ...]
    """Keys under which the result may be cached; a new one is stored under the last."""

    @property
    def check(self) -> CheckSettings:
        return self.request.check

    @property
    def side(self) -> CheckedTree:
        return self.request.side


class ToolRuns:
    """Runs tools on the head and the base of a change, and caches the results."""

    def __init__(self, context: RunContext) -> None:
        """Prepare for one change in one project."""
        self._context = context
        self._change, self._head, self._cancel = context.change, context.head, context.cancel
        self.selections: dict[str, Selection] = {}
        """By check, which tests of the head were selected."""

    def ask(
        self,
        check: CheckSettings,
        side: CheckedTree,
        progress: Callable[[], None] = lambda: None,
        started: Callable[[], None] = lambda: None,
        *,
        only: tuple[str, ...] = (),
        test_files: tuple[str, ...] = (),
        count: bool = False,
        warm: bool = False,
        again: bool = False,
    ) -> Outcome:
        """Return the check's outcome on a side: the cached one, or that of a run, which is then cached.

        With `warm`, the tool may use its fresh cache of the head. With `again`, it runs even if there is a cached
        result, and its result isn't cached. `progress` (a tool is about to start) and `started` are for the head only.
        """
        plan = self._plan(check, side, only=only, test_files=test_files, count=count)
        if isinstance(plan, Outcome):
            return plan
        cached = self._cached(plan)
        if cached is not None and not again:
            logger.debug("%s: cached result %s", check.id, plan.keys[-1][:12])
            return cached
        selection = None if only or test_files else self._selection(plan)
        reused = selection.reuse() if selection and not self._failed_last(plan) else None
        if reused is not None:
            logger.debug("%s: nothing that the tests look at is different", check.id)
            return reused
        if self._cancel.is_set():
            return Outcome(Unreadable("cancelled"), cancelled=True)
        progress()
        if warm and TOOLS[check.tool].cache_travels:
            plan = replace(plan, request=self._warmed(plan.request))
        # Select tests by file only if the result is recorded.
        by_file = selection if selection and not count and not again else None
        selected, outcome = self._run(plan, by_file, started)
        if selection and not selected.outcome:
            outcome = self._with_flaky(plan, selected, outcome)
            outcome = selection.whole_run(selected, outcome)
        if not outcome.cancelled and not again:
            self._store(plan, selection, selected, outcome)
        return self._explained(plan, outcome)

    def _plan(
        self,
        check: CheckSettings,
        side: CheckedTree,
        *,
        only: tuple[str, ...],
        test_files: tuple[str, ...],
        count: bool,
    ) -> _RunPlan | Outcome:
        """Plan the run, or return why it is impossible: there is no environment, or the tool isn't in it."""
        tool = TOOLS[check.tool]
        environment = self._context.environments.environment_for(side.top, side.folder)
        if environment.broken[0] and check.tool not in WITHOUT_ENVIRONMENT:
            return Outcome(Unreadable(*environment.broken), cancelled=self._cancel.is_set())
        names = (*INSTEAD.get(check.tool, ()), tool.distribution)
        installed = next(filter(None, (environment.tool(name) for name in names if name)), None)
        if tool.distribution and installed is None:
            return Outcome(Unreadable(f"{check.tool} is not installed", "pip install " + tool.distribution))
        away = str(environment.project) if environment.project else ""
        brought = tuple(brought_files(away, check.bring, side.top.entries)) if check.bring else ()
        changed = self._changed_on(side, check)
        inputs = (side.folder, *side.left_out, *stamps(away, brought))
        inputs += changed if _runs_over_changes(check) else ()
        limit = ("files", *test_files) if test_files else only
        variants = [(*inputs, *extra) for extra in [limit, ("count",)][: 1 + count]]
        request = RunRequest(
            check, side, installed, only, count, brought=brought, changed=changed, test_files=test_files
        )
        return _RunPlan(
            request,
            environment,
            away,
            variants[-1] if check.select in BY_FILE else inputs,
            tuple(result_key(check, side.deciding, environment, installed, extra) for extra in variants),
        )

    def _warmed(self, request: RunRequest) -> RunRequest:
        """Return the same run with the tool's fresh cache of the head."""
        head = self._head.top.path(runs_code=TOOLS[request.check.tool].runs_code)
        files = tuple(entry.path for entry in self._change.files if entry.status == "modified")
        return replace(request, cache=cache_name(request.check, head, request.side.folder), differing=files)

    def _run(
        self, plan: _RunPlan, selection: Selection | None, started: Callable[[], None]
    ) -> tuple[Selected, Outcome]:
        """Run the tool, or, for a suite, only the files that the selection can't skip."""
        request, environment = plan.request, plan.environment
        installed, check = request.installed, plan.check
        version = f"{installed.name} {installed.version}" if installed else check.tool
        logger.debug("%s: running %s in %s (%s)", check.id, version, environment.python, environment.origin)

        whole = request.check.tool == "pytest" and request.side is self._head and not request.only
        follow = self._context.watch if whole and not request.count else None
        watch = partial(follow, check.id) if follow else None

        def run(each: tuple[str, ...] = (), spared: float = 0.0) -> Outcome:
            proven = check.select == "auto"
            single = (
                replace(request, test_files=each, each=True, proven=proven, spared=spared)
                if each
                else request
            )
            return execute(
                single,
                environment,
                self._context.environments,
                self._context.state_dir,
                self._cancel,
                started,
                watch,
            )

        def count() -> tuple[Outcome, Mapping[str, str] | None]:
            outcome = self.ask(check, plan.side, count=True)
            counting = self._plan(check, plan.side, only=(), test_files=(), count=True)
            records = None if isinstance(counting, Outcome) else self._selection(counting)
            return outcome, records.recorded() if records else None

        selected = selection.by_file(count, request.changed, run) if selection else Selected()
        return selected, selected.outcome or run()

    def _with_flaky(self, plan: _RunPlan, selected: Selected, outcome: Outcome) -> Outcome:
        """Return the outcome of the whole suite, plus the tests that failed alone before it and now pass alone.

        A test that fails alone every time passes only together with others, which isn't a failure of the suite.
        """
        failed = {finding.test for finding in selected.findings if "::" in finding.test}
        report = outcome.report
        if not failed or not isinstance(report, Report) or report.findings:
            return outcome
        again = self.ask(plan.check, plan.side, only=tuple(sorted(failed)), again=True).report
        if not isinstance(again, Report):
            return outcome
        passed = failed - {finding.test for finding in again.findings}
        flaky = tuple(as_flaky(finding) for finding in selected.findings if finding.test in passed)
        return replace(outcome, report=replace(report, findings=flaky))

    def _store(
        self, plan: _RunPlan, selection: Selection | None, selected: Selected, outcome: Outcome
    ) -> None:
        """Cache the report of a run, and record the inputs of its tests. A broken run is cached only for display."""
        check, side, key = plan.check, plan.side, plan.keys[-1]
        if isinstance(outcome.report, Unreadable):
            broken = dump_broken(outcome.report, outcome.seconds)
            self._context.results.put(_key_of_broken(key), broken, share=False)
            return
        if TOOLS[check.tool].runs_code and side.running.history_was_read():
            key = key_of(key, side.history)
        elif selection and (check.select in BY_FILE or not plan.request.count):
            why_not = selection.record(selected, outcome)
            logger.debug(
                "%s: recorded what the tests look at%s", check.id, why_not and f"; in vain: {why_not}"
            )
            self._record_collection(plan, outcome)
        passed = not outcome.report.findings
        self._context.results.put(key, dump(outcome.report, outcome.seconds), share=passed)

    def _record_collection(self, plan: _RunPlan, outcome: Outcome) -> None:
        """Record which tests a run collected. The record is valid for each tree with the same inputs of the collection.

        So gate often doesn't have to collect the base's tests.
        """
        report, request = outcome.report, plan.request
        if outcome.collection is None or request.count or request.only or request.test_files:
            return
        if plan.check.select not in BY_FILE:
            # Then collecting shares the records of the suite, and what it reads isn't all that the tests read.
            return
        if not isinstance(report, Report) or any(item.rule == NOT_COLLECTED for item in report.findings):
            return
        counting = self._plan(plan.check, plan.side, only=(), test_files=(), count=True)
        records = None if isinstance(counting, Outcome) else self._selection(counting)
        if records:
            counted = Report((), "", report.seen, report.tests, skipped=report.skipped)
            records.record(Selected(), Outcome(counted, inputs=outcome.collection))

    def _explained(self, plan: _RunPlan, outcome: Outcome) -> Outcome:
        """Return the outcome of code that ran, with missing files of the working tree and its environment explained."""
        check, side, environment = plan.check, plan.side, plan.environment
        if not TOOLS[check.tool].runs_code or outcome.cancelled:
            return outcome
        roots = [item.folder for item in environment.editables if environment.in_project(item.folder)]
        report = explained(outcome.report, check.id, plan.away, side.top.entries, roots, side.running.absent)
        return replace(outcome, report=_with_note(report, environment.note))

    def _selection(self, plan: _RunPlan) -> Selection | None:
        """Return the records of a suite whose passes may be valid for other trees, or None if every tree runs it."""
        check, side, environment = plan.check, plan.side, plan.environment
        if check.tool != "pytest" or not self._context.select or check.select == "off":
            return None
        key = result_key(
            check, (), environment, environment.tool("pytest"), plan.inputs, leave_out=RECORDED_VARIABLES
        )
        about_head = side is self._head and not plan.request.count
        where = SuiteInTree(check, side.folder, side.top.tree.tree, self._context.state_dir, shown=about_head)
        tree = TreeState(side.top.entries, side.top.text, seen_by_check(os.environ, check.env))
        selection = Selection(
            self._context.results, key, where, tree, rerun=self._context.rerun or self._context.compare
        )
        if about_head:
            self.selections[check.id] = selection
        return selection

    def _failed_last(self, plan: _RunPlan) -> bool:
        """Return whether the newest run on this exact content failed, in which case an older pass means nothing."""
        names = [name for key in plan.keys for name in (key, key_of(key, plan.side.history))]
        results = (load(self._context.results.get(name)) for name in names)
        return any(result is not None and result[0].findings for result in results)

    def _cached(self, plan: _RunPlan) -> Outcome | None:
        """Return the cached result: of a run that read nothing of git's, else of one with the same history.

        A failing test may be flaky, so it runs again when requested again. At the base it only marks findings as old.
        With `cached_only`, nothing can run again, so failures and runs without a result count too.
        """
        if self._context.rerun:
            return None
        shown = self._context.cached_only
        with_findings = shown or not TOOLS[plan.check.tool].runs_code or plan.side is not self._head
        for key in plan.keys:
            for with_history in (False, True):
                name = key_of(key, plan.side.history) if with_history else key
                cached = load(self._context.results.get(name))
                if cached is not None and (with_findings or not cached[0].findings):
                    return Outcome(*cached, cached=True)
        for key in plan.keys if shown else ():
            broken = load_broken(self._context.results.get(_key_of_broken(key)))
            if broken is not None:
                return Outcome(*broken, cached=True)
        return None

    def _changed_on(self, side: CheckedTree, check: CheckSettings) -> tuple[str, ...]:
        """Return the files of one side that the change adds or modifies, or their versions at the base."""
        files = set(side.files)
        changed = {entry.path for entry in self._change.files} | set(self._change.renames.values())
        inside = f"{side.folder}/" if side.folder else ""
        return tuple(
            path
            for path in sorted(changed & files)
            if not check.paths or any_matches([inside + path], check.paths)
        )


def as_flaky(finding: Finding) -> Finding:
    """Return the failure of a test that has passed on the same content, marked as flaky."""
    return replace(finding, flaky=True, message=f"flaky, passed when run again: {finding.message}")


def _runs_over_changes(check: CheckSettings) -> bool:
    return check.tool == "pre-commit" or FILES in (*check.command, *check.args)


def _with_note(report: Report | Unreadable, note: str) -> Report | Unreadable:
    """Return `report` with a note about its environment, if that isn't the one that people expect."""
    if not note:
        return report
    if isinstance(report, Unreadable):
        return replace(report, reason=f"{report.reason} ({note})")
    if note in report.note:
        # The report already has the note, from the collection that it is based on.
        return report
    return replace(report, note=", ".join(filter(None, [report.note, note])))


def _key_of_broken(key: str) -> str:
    return key_of(key, "broken")
