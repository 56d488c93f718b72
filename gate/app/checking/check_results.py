"""What the checks of a change report: taken from a trusted verdict, joined from shares, or run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from gate.app.checking.evidence import EvidenceReader
from gate.app.checking.request import CheckRequest, ignore
from gate.app.checking.rules_at_base import Rules
from gate.environment import Environment, Environments
from gate.finding import Finding
from gate.git.as_cloned import History
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.model import Change, CheckResult, Ran
from gate.policy.types import CheckSettings, Policy
from gate.process import Cancel
from gate.result_cache import ResultCache, Shared
from gate.runner import FEWER_TESTS, CheckedTree, Event, RunContext, Runner
from gate.runner.shares import Piece
from gate.workspace import Workspace

if TYPE_CHECKING:
    from gate.log.trusted_verdicts import Attestation


@dataclass(frozen=True, slots=True)
class CheckResults:
    """The results, of which checks they are, and where they come from."""

    results: tuple[CheckResult, ...]
    settings: tuple[CheckSettings, ...]
    environments: tuple[Environment, ...] = ()
    attestation: Attestation | None = None
    pieces: Mapping[tuple[str, str], Piece] = field(default_factory=dict)


def check_results(
    repository: Repository,
    change: Change,
    rules: Rules,
    request: CheckRequest,
    evidence: EvidenceReader,
    progress: Callable[[Event], None],
    now: int,
) -> CheckResults:
    """Have the checks of the change, by the cheapest way that the policy and the request allow."""
    if rules.takes_verdicts:
        from gate.log.trusted_verdicts import find_attestation

        attestation = find_attestation(repository, evidence.log, change, rules.policy, rules.protection, now)
        if attestation is not None:
            return CheckResults(attestation.results, rules.checks, attestation=attestation)
    if request.parts:
        from gate.app.checking.shares import join, part_files, read_parts

        parts = read_parts(part_files(request.parts), change, rules.policy, now)
        return CheckResults(join(parts, rules.checks), rules.checks)
    if not change.tree or request.trust_only:
        return CheckResults((), rules.checks)
    trees = (change.base_tree, change.tree, change.head)
    environments = Environments(repository, rules.policy.python, trees, rules.policy.environment)
    settings = tuple(
        check
        for index, check in enumerate(rules.checks)
        if request.share is None or check.tool == "pytest" or request.share.has(index)
    )
    results, pieces = _run(
        repository,
        change,
        settings,
        environments,
        request,
        progress,
        evidence.begin,
        _shared(rules.policy, now),
    )
    return CheckResults(results, settings, environments.used, pieces=pieces)


def _shared(policy: Policy, now: int) -> Shared | None:
    """The results of others, if GATE_CACHE says where they are. Few say so, and only they wait for what it takes."""
    if not os.environ.get("GATE_CACHE"):
        return None
    from gate.approvals.keys import bots
    from gate.shared_results import open_shared

    trusted = {blob: holder.key for blob, holder in bots(policy, now).items()}
    return open_shared(policy.repository, trusted)


def _run(
    repository: Repository,
    change: Change,
    settings: Sequence[CheckSettings],
    environments: Environments,
    request: CheckRequest,
    progress: Callable[[Event], None],
    under_way: Callable[[], None],
    shared: Shared | None,
) -> tuple[tuple[CheckResult, ...], Mapping[tuple[str, str], Piece]]:
    workspace = Workspace(repository)
    state = repository.state_dir
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
            results=ResultCache(state / "results", shared=shared),
            state_dir=state,
            rerun=request.rerun,
            compare=request.compare,
            # On a server, a record left by one person's change must not decide about another's.
            select=repository.work_tree is not None,
            cancel=Cancel(),
            share=request.share,
            watch=None if progress is ignore else partial(_report_tests, progress),
        )
        checks = Runner(context).run(
            settings,
            progress,
            under_way=under_way,
            fail_fast=request.fail_fast,
            cached_only=request.cached_only,
        )
        return checks, context.pieces


def _report_tests(progress: Callable[[Event], None], check: str, done: int, total: int) -> None:
    progress(Event(check, "tests", done=done, total=total))


def _history(change: Change) -> History:
    """What the merge result descends from, and whose work it is."""
    author = change.authors[0] if change.authors else None
    parents = (change.head,) if change.staged else (change.base, change.head)
    return History(parents, author.name if author else "", author.email if author else "")


def fewer_tests(checks: Iterable[CheckResult]) -> list[Finding]:
    """What the checks have found of the kind that a guardian has to answer for."""
    return [
        finding
        for result in checks
        if isinstance(result, Ran)
        for finding in result.findings
        if finding.rule == FEWER_TESTS
    ]
