"""Run all the checks of one change in parallel, in each project that it affects."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from gate.checks.paths import any_matches
from gate.checks.projects import TOP, Project
from gate.model import CheckResult, Ran, Skipped
from gate.policy.types import CheckSettings
from gate.runner.checked_tree import part_of
from gate.runner.one_check import ProjectChecks
from gate.runner.projects import Projects, change_in, joined_results
from gate.runner.tool_runs import RunContext
from gate.runner.turns import Turns

INTERRUPTIBLE = 0.5
"""Seconds after which waiting looks for an interrupt again."""


@dataclass(frozen=True, slots=True)
class Event:
    """Progress to report while the checks run."""

    id: str
    kind: Literal["started", "tests", "finished"]
    result: CheckResult | None = None
    done: int = 0
    """How many of a running suite's `total` tests are done; `total` is 0 if unknown."""
    total: int = 0
    failed: str = ""
    """The first test that failed, if any."""


class Runner:
    """Runs checks on the head and, where it matters, on the base."""

    def __init__(
        self, context: RunContext, why_not: str = "not run: another check had already failed"
    ) -> None:
        """Prepare the checks. `why_not` is the reason given for checks that didn't run because of another one."""
        self._context = context
        self._projects = Projects(context.head)
        # Cancel the build of an environment together with the run that waits for it.
        self._cancel = context.environments.cancel = context.cancel
        self._why_not = why_not

    def run(
        self,
        settings: Sequence[CheckSettings],
        progress: Callable[[Event], None],
        *,
        under_way: Callable[[], None] = lambda: None,
        fail_fast: bool = False,
        judge: Callable[[CheckResult], CheckResult] = lambda result: result,
    ) -> tuple[CheckResult, ...]:
        """Run every check and return the results in the order of `settings`.

        Tests start first because they are the slowest. `under_way` is called when every check has started or ended.
        With `fail_fast`, the first blocking result ends the remaining checks, which are then Skipped; if the context is
        `cached_only`, so is every check that would have to start. `judge` has the last word about each result. If
        interrupted, all started programs are ended before this returns.
        """
        results: dict[str, CheckResult] = {}
        if self._context.cached_only:
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
                    # A signal that arrives just before the main thread begins to wait doesn't wake it.
                    done, _ = wait(running, timeout=INTERRUPTIBLE, return_when="FIRST_COMPLETED")
                    for future in done:
                        result = results[running.pop(future).id] = judge(future.result())
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
        changed = [entry.path for entry in self._context.change.files]
        if check.paths and not any_matches([*changed, *self._context.change.renames.values()], check.paths):
            with turns.taken():
                return Ran(check.id, (), (), 0.0, note="no changed file matches `paths`", seen=0)
        started: Callable[[], None] = partial(progress, Event(check.id, "started"))
        folder = check.working_directory
        projects = (Project(folder),) if folder else self._projects.of(check.tool)
        if projects == (TOP,):
            return ProjectChecks(self._context, self._why_not).run(check, started, turns)
        results = []
        for project in projects:
            own = self._within(project)
            if folder or own.is_affected(check):
                results.append((project.folder, own.run(check, started, turns)))
                turns, started = Turns(1, lambda: None), lambda: None
        if not results:
            with turns.taken():
                return Ran(check.id, (), (), 0.0, note="no project is affected by this change", seen=0)
        return joined_results(check.id, results)

    def _within(self, project: Project) -> ProjectChecks:
        """Return the checks of one project."""
        context = self._context
        part = replace(
            context,
            change=change_in(context.change, project),
            head=part_of(context.head, project),
            base=part_of(context.base, project),
        )
        return ProjectChecks(part, self._why_not)
