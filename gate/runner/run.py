"""All the checks of one change, side by side: each on the head, and on the base where that is needed to judge."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gate.checks import TOOLS, Report, Unreadable
from gate.checks.baseline import mark_new
from gate.checks.checkers import chosen
from gate.checks.command import FILES
from gate.checks.paths import any_matches
from gate.checks.projects import TOP, Project
from gate.checks.pytest import NOT_COLLECTED, decides_tests
from gate.environment import Environment, Environments
from gate.git.objects import read_objects
from gate.model import Broken, Change, CheckResult, Finding, Ran, Skipped
from gate.policy.types import BUILT_IN_CHECKS, CheckSettings
from gate.process import Cancel
from gate.result_cache import ResultCache, key_of
from gate.runner.brought import brought_files, explained, stamps
from gate.runner.by_file import Selected
from gate.runner.execute import Asked, Outcome, cache_name, execute
from gate.runner.flaky import record_run
from gate.runner.inputs import TreeState
from gate.runner.keep import dump, load, result_key
from gate.runner.projects import Projects, change_in, joined_results
from gate.runner.selection import Place, Selection
from gate.runner.side import Side, part_of
from gate.runner.turns import Turns

NOT_STARTED = "not-started"
"""The rule of a finding about a check that the change keeps from running, where the base does not."""
FEWER_TESTS = "fewer-tests"
"""The rule of a finding that blocks nothing by itself: the change lets fewer tests run, which is a weakening."""
INSTEAD = {"pre-commit": ("prek",)}
"""Programs that are used instead of a tool where they are installed."""
HOOKS = re.compile(rb"\bpytest_\w|\bcollect_ignore|\b__test__\b")
"""What in a Python file may decide which tests are collected."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell while the checks run."""

    id: str
    kind: Literal["started", "finished"]
    result: CheckResult | None = None


def _first(names: Sequence[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


WITHOUT_ENVIRONMENT = frozenset({"names", "ruff"})
"""Tools that read source alone, and have an answer where the project's environment cannot be had."""


logger = logging.getLogger(__name__)
MOST_RETRIED = 25
"""If more tests fail, they are not run again: that many are hardly flaky."""


class Runner:
    """Runs checks over the head and, where it matters, over the base."""

    def __init__(
        self,
        *,
        change: Change,
        head: Side,
        base: Side,
        environments: Environments,
        results: ResultCache,
        state_dir: Path,
        rerun: bool = False,
        cancel: Cancel | None = None,
        why_not: str = "not run: another check had already said no",
        select: bool = True,
    ) -> None:
        """`state_dir` is where the tools' own caches are kept. With `rerun` no cached result is used.

        `cancel` ends what runs, and `why_not` is then the reason of checks that did not. With `select`, a pass
        of the tests also holds for a tree that differs only in what they did not look at.
        """
        self._change = change
        self._head, self._base = head, base
        self._environments = environments
        self._results = results
        self._state = state_dir
        self._rerun = rerun
        self._select = select
        self._projects = Projects(head)
        self._selections: dict[str, Selection] = {}
        # A build of an environment ends with the run that waits for it.
        self._cancel = environments.cancel = cancel or Cancel()
        self._why_not = why_not

    def run(
        self,
        settings: Sequence[CheckSettings],
        progress: Callable[[Event], None],
        *,
        under_way: Callable[[], None] = lambda: None,
        fail_fast: bool = False,
        kept_only: bool = False,
    ) -> tuple[CheckResult, ...]:
        """Run every check and return the results in the order of `settings`.

        Tests start first, being the slowest; `under_way` is called when every check has started or ended. With
        `fail_fast`, the first result that blocks ends the rest, which are then Skipped; with `kept_only`, so is
        every check that would have to start. Interrupted, every program that was started is ended before this
        returns.
        """
        results: dict[str, CheckResult] = {}
        if kept_only:
            self._why_not = "not run yet"
            self._cancel.set()
        order = sorted(settings, key=lambda check: check.tool != "pytest")
        turns = Turns(len(order), under_way)
        with ThreadPoolExecutor(max(len(order), 1)) as pool:
            running: dict[Future[CheckResult], CheckSettings] = {
                pool.submit(self._check_projects, check, progress, turns): check for check in order
            }
            try:
                while running:
                    done, _ = wait(running, return_when="FIRST_COMPLETED")
                    for future in done:
                        result = results[running.pop(future).id] = future.result()
                        if not isinstance(result, Skipped):
                            progress(Event(result.id, "finished", result))
                        if fail_fast and isinstance(result, Ran) and result.blocking:
                            self._cancel.set()
            except BaseException:
                self._cancel.set()
                raise
        return tuple(results[check.id] for check in settings)

    def _check_projects(
        self, check: CheckSettings, progress: Callable[[Event], None], turns: Turns
    ) -> CheckResult:
        """Run a check in each project that the change can affect, and join the results."""
        changed = [entry.path for entry in self._change.files]
        if check.paths and not any_matches([*changed, *self._change.renames.values()], check.paths):
            with turns.taken():
                return Ran(check.id, (), (), 0.0, note="no changed file matches `paths`", seen=0)
        folder = check.working_directory
        projects = (Project(folder),) if folder else self._projects.of(check.tool)
        if projects == (TOP,):
            return self.check(check, progress, turns)
        results = []
        for project in projects:
            own = self._within(project)
            if folder or own.is_affected(check):
                results.append((project.folder, own.check(check, progress, turns)))
                turns, progress = Turns(1, lambda: None), lambda _event: None
        if not results:
            with turns.taken():
                return Ran(check.id, (), (), 0.0, note="no project is affected by this change", seen=0)
        return joined_results(check.id, results)

    def _within(self, project: Project) -> Runner:
        """The same for one project."""
        return Runner(
            change=change_in(self._change, project),
            head=part_of(self._head, project),
            base=part_of(self._base, project),
            environments=self._environments,
            results=self._results,
            state_dir=self._state,
            rerun=self._rerun,
            cancel=self._cancel,
            why_not=self._why_not,
        )

    def is_affected(self, check: CheckSettings) -> bool:
        """Whether the change can make a difference: a file that decides what `check` reports is another one."""
        tool = TOOLS[check.tool]
        sides = [
            {(entry.path, entry.mode, entry.oid) for entry in side.deciding if tool.reads(entry.path)}
            for side in (self._head, self._base)
        ]
        return sides[0] != sides[1] or self._change.base_tree == self._change.tree

    def check(self, check: CheckSettings, progress: Callable[[Event], None], turns: Turns) -> CheckResult:
        """What one check says of the head, with what the base has as well marked as old."""
        check = self._with_own_checker(check)
        with turns.taken() as started:
            outcome = self._ask(check, self._head, progress, started)
        if outcome.cancelled:
            return Skipped(check.id, self._why_not)
        report = outcome.report
        if isinstance(report, Unreadable):
            return self._stopped_by_change(check, report, outcome)
        findings = report.findings
        if findings:
            at_base = self._before(check, findings, warm=not outcome.cached)
            if isinstance(at_base, Broken | Skipped):
                return at_base
            findings = mark_new(self._name_flaky(check, findings), at_base, self._change.renames)
            if check.id in self._selections:
                self._selections[check.id].judge(outcome, findings)
        if not outcome.cached:
            self._record_run(check, findings)
        blocking = tuple(finding for finding in findings if check.block == "all" or finding.new)
        if findings and all(finding.rule == NOT_COLLECTED and not finding.new for finding in findings):
            return _not_collected(check, findings, outcome)
        if report.unparsed and not blocking:
            return _stopped(check, min(report.unparsed), outcome.seconds)
        seen = self._seen_less(check, report)
        if isinstance(seen, Broken) and blocking:
            # Tests that cannot be imported any more are failures, and the answer is clear.
            seen = ()
        if isinstance(seen, Broken | Skipped):
            return seen
        return Ran(
            check.id, findings + seen, blocking, outcome.seconds, outcome.cached, report.note, report.seen
        )

    def _stopped_by_change(
        self, check: CheckSettings, report: Unreadable, outcome: Outcome
    ) -> Ran | Broken | Skipped:
        """A run without an answer: a failure if the same run of the base has one, since then the change is why.

        That holds only in an environment that has what the tree declares.
        """
        broken = Broken(check.id, report.reason, report.hint, outcome.seconds, outcome.output)
        comparable = report.by_tree and self._environments.is_declared
        if not comparable or self._change.base_tree == self._change.tree:
            return broken
        base = self._ask(check, self._base, count=check.tool == "pytest")
        if base.cancelled:
            return Skipped(check.id, self._why_not)
        if not isinstance(base.report, Report) or base.report.findings or not base.report.seen:
            return broken
        finding = Finding("", 0, 0, 0, NOT_STARTED, "error", report.reason, hint=report.hint, new=True)
        return Ran(check.id, (finding,), (finding,), outcome.seconds)

    def _with_own_checker(self, check: CheckSettings) -> CheckSettings:
        """The check of types with the type checker that the project has settings for, if it is installed.

        The settings at the base say which: a change could choose the one that finds less.
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
        """Say of each failed test that passes when the failed ones run again by themselves that it is flaky."""
        failed = {finding.test for finding in findings if "::" in finding.test}
        if check.tool != "pytest" or not failed or len(failed) > MOST_RETRIED:
            return findings
        flaky: set[str] = set()
        for _ in range(check.retries):
            report = self._ask(check, self._head, only=tuple(sorted(failed - flaky)), again=True).report
            if not isinstance(report, Report):
                break
            flaky |= (failed - flaky) - {finding.test for finding in report.findings}
            if flaky == failed:
                break
        return tuple(
            replace(finding, flaky=True, message=f"flaky, passed when run again: {finding.message}")
            if finding.test in flaky
            else finding
            for finding in findings
        )

    def _record_run(self, check: CheckSettings, findings: tuple[Finding, ...]) -> None:
        """Remember a run of a suite and its flaky tests, for `gate flaky`; a server has nobody to show them to."""
        if check.tool == "pytest" and self._head.repository.work_tree is not None:
            flaky = {finding.test for finding in findings if finding.flaky}
            record_run(self._state, check.id, self._head.folder, self._head.top.tree.tree, flaky)

    def _before(
        self, check: CheckSettings, findings: tuple[Finding, ...], *, warm: bool
    ) -> tuple[Finding, ...] | Broken | Skipped:
        """What the same check says of the base: of all of it, or of the tests that failed.

        `warm` if the check has just run over the head.
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
        outcome = self._ask(check, self._base, only=only, warm=warm)
        if outcome.cancelled:
            return Skipped(check.id, self._why_not)
        if isinstance(outcome.report, Report):
            return outcome.report.findings
        if check.block == "all":
            return ()
        return Broken(
            check.id,
            f"at the base, {outcome.report.reason}, so new findings cannot be separated from existing ones",
            outcome.report.hint,
            outcome.seconds,
            outcome.output,
        )

    def _seen_less(self, check: CheckSettings, report: Report) -> tuple[Finding, ...] | Broken | Skipped:
        """Findings if the check looks at less than it does at the base.

        Nothing at all where there was something is no pass. The tests that are collected are always compared with
        those of the base, whichever file made the difference; fewer are a finding that does not block by itself.
        """
        if report.seen is None or self._change.base_tree == self._change.tree:
            return ()
        tests = check.tool == "pytest"
        if report.seen > 0 and not tests:
            return ()
        outcome = self._ask(check, self._base, count=tests)
        if outcome.cancelled:
            return Skipped(check.id, self._why_not)
        base = outcome.report if isinstance(outcome.report, Report) else Report(())
        if report.seen == 0 and base.seen != 0:
            what = "test" if tests else "file"
            return Broken(
                check.id,
                f"it has no {what} to look at, where the base has {'some' if base.seen is None else base.seen}",
                "if that is meant, take the check out of gate.yaml first",
                outcome.seconds,
            )
        return self._fewer_tests(report, base) if base.seen is not None else ()

    def _fewer_tests(self, report: Report, base: Report) -> tuple[Finding, ...]:
        """Tests of the base that are not collected any more, or are skipped now, though their code is still there."""
        missing = self._moved(base.tests) - report.tests
        removed = self._removed_in_sight(missing)
        gone = sorted(missing - removed)
        skipped = sorted((report.skipped - base.skipped) & base.tests)
        fewer = report.seen is not None and base.seen is not None and report.seen < base.seen and not removed
        messages = []
        if gone or fewer:
            message = f"{report.seen} tests are collected, where the base has {base.seen}"
            messages.append(message + (f"; not among them: {_first(gone)}" if gone else ""))
        if skipped:
            messages.append(f"skipped now, and not at the base: {_first(skipped)}")
        touched = self._touches_tests() if messages else ""
        return tuple(Finding(touched, 0, 0, 0, FEWER_TESTS, "warning", message) for message in messages)

    def _moved(self, tests: frozenset[str]) -> frozenset[str]:
        """Tests of the base by the names that they have where their files were renamed."""
        new_path = {old: new for new, old in self._change.renames.items()}
        parts = (test.partition("::") for test in tests)
        return frozenset(f"{new_path.get(path, path)}{mark}{name}" for path, mark, name in parts)

    def _removed_in_sight(self, tests: frozenset[str]) -> frozenset[str]:
        """Those of `tests` whose code the change takes away: the deleted test is reported where that is read."""
        changed = {entry.path: entry.new for entry in self._change.files}
        files = {entry.path: entry.new for entry in self._change.files if entry.new_mode.startswith("100")}
        wanted = {test.partition("::")[0] for test in tests}
        contents = read_objects(
            self._head.repository, [files[path] for path in sorted(wanted & files.keys())]
        )
        removed = set()
        for test in (test for test in tests if test.partition("::")[0] in changed):
            path, _, name = test.partition("::")
            function = re.escape(name.rpartition("::")[2]).encode("utf-8", "surrogateescape")
            if not re.search(rb"\b" + function + rb"\b", contents.get(changed[path], b"")):
                removed.add(test)
        return frozenset(removed)

    def _touches_tests(self) -> str:
        """The first changed file that may decide which tests are collected; empty if there is none."""
        oids: dict[str, str] = {}
        for entry in self._change.files:
            if decides_tests(entry.path):
                return entry.path
            if entry.path.endswith(".py"):
                modes = ((entry.old_mode, entry.old), (entry.new_mode, entry.new))
                oids |= {oid: entry.path for mode, oid in modes if mode.startswith("100")}
        contents = read_objects(self._head.repository, oids)
        return next((path for oid, path in oids.items() if HOOKS.search(contents[oid])), "")

    def _changed_on(self, side: Side, check: CheckSettings) -> tuple[str, ...]:
        """The files of one side that the change is about: what it adds or modifies, or what that was at the base."""
        files = set(side.files)
        changed = {entry.path for entry in self._change.files} | set(self._change.renames.values())
        inside = f"{side.folder}/" if side.folder else ""
        return tuple(
            path
            for path in sorted(changed & files)
            if not check.paths or any_matches([inside + path], check.paths)
        )

    def _ask(
        self,
        check: CheckSettings,
        side: Side,
        progress: Callable[[Event], None] = lambda _event: None,
        started: Callable[[], None] = lambda: None,
        *,
        only: tuple[str, ...] = (),
        count: bool = False,
        warm: bool = False,
        again: bool = False,
    ) -> Outcome:
        """What the check says of a side: what is kept, else what comes of a run, which is then kept.

        With `warm` the tool may use what it has just cached of the head; with `again` it runs whatever is cached, and
        nothing is cached of it. `progress` and `started` (once a tool is under way) are for the head only.
        """
        tool = TOOLS[check.tool]
        environment = self._environments.environment_for(side.top, side.folder)
        if environment.broken[0] and check.tool not in WITHOUT_ENVIRONMENT:
            return Outcome(Unreadable(*environment.broken), cancelled=self._cancel.is_set())
        names = (*INSTEAD.get(check.tool, ()), tool.distribution)
        installed = next(filter(None, (environment.tool(name) for name in names if name)), None)
        if tool.distribution and installed is None:
            return Outcome(Unreadable(f"{check.tool} is not installed", "pip install " + tool.distribution))
        away = str(environment.project) if environment.project else ""
        brought = tuple(brought_files(away, check.bring, side.top.entries)) if check.bring else ()
        changed = self._changed_on(side, check)
        request = Asked(check, side, installed, only, count, brought=brought, changed=changed)
        inputs = (side.folder, *side.left_out, *stamps(away, brought))
        inputs += changed if _runs_over_changes(check) else ()
        wanted = [(*inputs, *extra) for extra in [only, ("count",)][: 1 + count]]
        keys = [result_key(check, side.deciding, environment, installed, extra) for extra in wanted]
        cached = self._cached(keys, side, keep_findings=not tool.runs_code or side is not self._head)
        if cached is not None and not again:
            logger.debug("%s: cached result %s", check.id, keys[-1][:12])
            return cached
        by_file = check.select == "file"
        inputs = wanted[-1] if by_file else inputs
        selection = self._selection(check, side, environment, inputs, count=count) if not only else None
        reused = selection.reuse() if selection and not self._failed_last(keys, side) else None
        if reused is not None:
            logger.debug("%s: nothing that the tests look at is different", check.id)
            return reused
        if self._cancel.is_set():
            return Outcome(Unreadable("cancelled"), cancelled=True)
        version = f"{installed.name} {installed.version}" if installed else check.tool
        logger.debug("%s: running %s in %s (%s)", check.id, version, environment.python, environment.origin)
        progress(Event(check.id, "started"))
        if warm and tool.cache_travels:
            name = cache_name(check, self._head.top.path(runs_code=tool.runs_code), side.folder)
            files = tuple(entry.path for entry in self._change.files if entry.status == "modified")
            request = replace(request, cache=name, differing=files)

        def run(each: tuple[str, ...] = ()) -> Outcome:
            new = replace(request, each=each)
            return execute(new, environment, self._environments, self._state, self._cancel, started)

        selected = Selected()
        if selection and not count and not again:
            selected = selection.by_file(lambda: self._ask(check, side, count=True), changed, run)
        outcome = selected.outcome or run()
        if selection and not selected.outcome:
            outcome = selection.whole_run(selected, outcome)
        if isinstance(outcome.report, Report) and not outcome.cancelled and not again:
            key = keys[-1]
            if tool.runs_code and side.running.history_was_read():
                key = key_of(key, side.history)
            elif selection and (by_file or not count):
                why_not = selection.record(selected, outcome)
                logger.debug(
                    "%s: recorded what the tests look at%s", check.id, why_not and f"; in vain: {why_not}"
                )
            self._results.put(key, dump(outcome.report, outcome.seconds))
        if not tool.runs_code or outcome.cancelled:
            return outcome
        roots = [item.folder for item in environment.editables if environment.in_project(item.folder)]
        report = explained(outcome.report, check.id, away, side.top.entries, roots, side.running.absent)
        return replace(outcome, report=_with_note(report, environment.note))

    def _selection(
        self,
        check: CheckSettings,
        side: Side,
        environment: Environment,
        inputs: tuple[str, ...],
        *,
        count: bool,
    ) -> Selection | None:
        """The records of a suite whose pass may hold for other trees; None if every tree is to run it."""
        if check.tool != "pytest" or not self._select or check.select == "off":
            return None
        key = result_key(check, (), environment, environment.tool("pytest"), inputs)
        about_head = side is self._head and not count
        where = Place(check, side.folder, side.top.tree.tree, self._state, shown=about_head)
        tree = TreeState(side.top.entries, side.top.text)
        selection = Selection(self._results, key, where, tree, rerun=self._rerun)
        if about_head:
            self._selections[check.id] = selection
        return selection

    def _failed_last(self, keys: Sequence[str], side: Side) -> bool:
        """Whether the newest run over this very content failed: then no older pass says anything about it."""
        names = [name for key in keys for name in (key, key_of(key, side.history))]
        results = (load(self._results.get(name)) for name in names)
        return any(result is not None and result[0].findings for result in results)

    def _cached(self, keys: Sequence[str], side: Side, *, keep_findings: bool) -> Outcome | None:
        """The cached result: of a run that has read nothing of git's, else of one with the same history.

        A failing test may be flaky: asked again, it runs again. At the base it only marks findings as old.
        """
        if self._rerun:
            return None
        for key in keys:
            for with_history in (False, True):
                name = key_of(key, side.history) if with_history else key
                cached = load(self._results.get(name))
                if cached is not None and (keep_findings or not cached[0].findings):
                    return Outcome(*cached, cached=True)
        return None


def _runs_over_changes(check: CheckSettings) -> bool:
    return check.tool == "pre-commit" or FILES in (*check.command, *check.args)


def _with_note(report: Report | Unreadable, note: str) -> Report | Unreadable:
    """`report`, with which environment it comes from where that is not the one that people expect."""
    if not note:
        return report
    if isinstance(report, Unreadable):
        return replace(report, reason=f"{report.reason} ({note})")
    return replace(report, note=", ".join(filter(None, [report.note, note])))


def _not_collected(check: CheckSettings, findings: tuple[Finding, ...], outcome: Outcome) -> Broken:
    """Tests that cannot be imported, at the base neither, say nothing about the change: one reason for all."""
    reasons = Counter(finding.message.partition(": ")[2] for finding in findings)
    (reason, _), *other_reasons = reasons.most_common()
    number = f"{len(findings)} test files" if findings[1:] else findings[0].path
    more = f" (and {len(other_reasons)} other reasons)" if other_reasons else ""
    note = outcome.report.note if isinstance(outcome.report, Report) else ""
    missing = f"; {note}" if note else ""
    return Broken(
        check.id,
        f"{number} cannot be imported, at the base neither: {reason}{more}{missing}",
        f"`{findings[0].hint}` shows it; see that a fresh clone can run the tests, or name the command that does: "
        f"`checks: {{{check.id}: {{command: […]}}}}`",
        outcome.seconds,
    )


def _stopped(check: CheckSettings, path: str, seconds: float) -> Broken:
    """A tool that has looked at nothing because of one file is no pass."""
    return Broken(
        check.id,
        f"{check.tool} cannot parse {path}, and stops there: other files import it",
        f"fix {path}, or exclude it in the settings of {check.tool}",
        seconds,
    )
