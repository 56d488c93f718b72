"""Run the checks of a change in checkouts of its trees, in the environments that they declare."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from gate.app.checking.evidence import EvidenceReader
from gate.app.checking.request import CheckRequest, no_progress
from gate.environment import Environment, Environments
from gate.git.as_cloned import History
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.model import Change, CheckResult
from gate.policy.types import CheckSettings, Policy
from gate.process import Cancel
from gate.result_cache import ResultCache, Shared
from gate.runner import CheckedTree, Event, RunContext, Runner
from gate.runner.shards import ShardTests
from gate.workspace import Workspace


def open_results(repository: Repository, policy: Policy, now: int, head: str = "") -> Shared | None:
    """Return the shared results that GATE_CACHE and, for the commit `head`, GATE_COMMIT_CACHE name, or None.

    Their modules are only imported if one of these is set.
    """
    if not os.environ.get("GATE_CACHE") and not os.environ.get("GATE_COMMIT_CACHE"):
        return None
    from gate.approvals.keys import bots
    from gate.log.sync import remote_of
    from gate.shared_results.opening import open_shared, with_results_of_commit

    trusted = {blob: holder.key for blob, holder in bots(policy, now).items()}
    shared = open_shared(policy.repository, trusted, repository, remote_of(repository))
    return with_results_of_commit(shared, head)


def run_checks(
    repository: Repository,
    change: Change,
    policy: Policy,
    settings: Sequence[CheckSettings],
    request: CheckRequest,
    progress: Callable[[Event], None],
    evidence: EvidenceReader,
    now: int,
) -> tuple[tuple[CheckResult, ...], tuple[Environment, ...], Mapping[tuple[str, str], ShardTests]]:
    """Return the results of these checks, the environments in which they ran, and the tests that ran in a shard."""
    trees = (change.base_tree, change.tree, change.head)
    environments = Environments(repository, policy.python, trees, policy.environment)
    workspace = Workspace(repository)
    state = repository.state_dir
    results = ResultCache(state / "results", shared=open_results(repository, policy, now, change.head))
    with (
        workspace.tree(change.tree, role="head") as head,
        workspace.tree(change.tree, role="head-run", history=_history(change)) as head_run,
        workspace.tree(change.base_tree, role="base", history=History((change.base,))) as base,
    ):
        entries = partial(list_tree, repository)
        packages = environments.found_for().packages
        environments.base = CheckedTree(repository, base, base, entries, packages)
        context = RunContext(
            change=change,
            head=CheckedTree(repository, head, head_run, entries, packages),
            base=environments.base,
            environments=environments,
            results=results,
            state_dir=state,
            rerun=request.rerun,
            compare=request.compare,
            # On a server, a record left by one person's change must not decide about another's.
            select=repository.work_tree is not None,
            cancel=Cancel(),
            cached_only=request.cached_only,
            shard=request.shard,
            watch=None if progress is no_progress else partial(_report_tests, progress),
        )
        checks = Runner(context).run(
            settings,
            progress,
            under_way=evidence.begin,
            fail_fast=request.fail_fast,
            judge=evidence.judge,
        )
        results.close()
        return checks, environments.used, context.shard_tests


def _report_tests(progress: Callable[[Event], None], check: str, done: int, total: int, failed: str) -> None:
    progress(Event(check, "tests", done=done, total=total, failed=failed))


def _history(change: Change) -> History:
    """Return the parents of the merge result, and its author."""
    author = change.authors[0] if change.authors else None
    parents = (change.head,) if change.staged else (change.base, change.head)
    return History(parents, author.name if author else "", author.email if author else "")
