"""From a change to an answer: gather the facts about it, run the checks on the tree it would make, and decide."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from gate.app.checking.current_people import with_listed_people
from gate.checks import TOOLS
from gate.environment import Environment, Environments
from gate.errors import UsageError
from gate.gather import ownership_at, refuse_misnamed, spoilt_rules, touches_rules, weakenings_in
from gate.git.as_cloned import History
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.model import Change, CheckResult, Finding, Ran, Verdict, short_name
from gate.policy.types import CheckSettings, Policy, Protection
from gate.process import Cancel
from gate.result_cache import ResultCache, Shared
from gate.rules import absent_branches
from gate.runner import FEWER_TESTS, Event, RunContext, Runner, Side
from gate.runner.shares import Piece, Share
from gate.workspace import Workspace

# What serves to decide, and not to start the tools, is imported where it is used: the tools run by then.
if TYPE_CHECKING:
    from gate.forges.places import Place
    from gate.forges.wire import Wire
    from gate.log.admitted import ApprovalLog
    from gate.log.decisions import Evidence
    from gate.log.trusted_verdicts import Voucher
    from gate.requirements.facts import Release

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What is asked: may `head` (HEAD) enter `into` (the default branch)?

    `staged` asks about the index instead, `index_file` naming the one that git prepared for a hook. `base`
    stands in for the branch's tip. `only` runs no other checks than these; `kept_only` starts none at all, and
    takes what earlier runs have left. With `trust_only` the checks are taken from a verdict that the policy
    trusts, or not at all. `key` is the SSH key of whoever would release something, if not the usual one.
    `reviews` names the request on a forge whose reviews count as well. With `rerun` no cached result is used.
    Only the `share` of the checks runs; or none, and what they found is in the `parts` that all shares have left.
    """

    start: Path
    into: str | None = None
    head: str | None = None
    base: str | None = None
    staged: bool = False
    index_file: str | None = None
    only: tuple[str, ...] = ()
    fail_fast: bool = False
    kept_only: bool = False
    trust_only: bool = False
    key: str | None = None
    reviews: Place | None = None
    rerun: bool = False
    share: Share | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The verdict, and what it rests on outside of git: the environments in which the checks ran, by `settings`.

    There are none where no check was asked for, or a verdict was taken over.

    `until` is the second since the epoch at which it stops to hold by itself, as a key expires. `vouched` is the
    verdict that the checks were taken from, where they did not have to run; `trusted` says whose that can be.
    `warnings` are to be shown even where the verdict passes in silence.
    """

    verdict: Verdict
    repository: Repository
    environments: tuple[Environment, ...]
    until: int | None = None
    vouched: Voucher | None = None
    trusted: tuple[str, ...] = ()
    settings: tuple[CheckSettings, ...] = ()
    warnings: tuple[str, ...] = ()
    pieces: Mapping[tuple[str, str], Piece] = field(default_factory=dict)
    """What of which tests ran, in a share."""

    @property
    def repeatable(self) -> bool:
        """Whether the same answer holds next time: every check ran, and no test or command failed.

        A failing test may be flaky, so that asking again has to run it again.
        """
        running = {check.id for check in self.settings if TOOLS[check.tool].runs_code}
        return all(
            isinstance(result, Ran) and not (result.findings and result.id in running)
            for result in self.verdict.checks
        )


def ignore(_event: Event) -> None:
    """Nobody watches."""


def judge(
    repository: Repository,
    change: Change,
    policy: Policy,
    request: CheckRequest,
    *,
    log: ApprovalLog | None = None,
    progress: Callable[[Event], None] = ignore,
    rules: str = "",
    release: Release | None = None,
) -> Answer:
    """Decide about `change` by the policy at its base, and by this state of the log (what is here).

    Of a `release` the rules are those at the commit `rules`.
    """
    policy = with_listed_people(repository, policy, change.into)
    change = replace(change, repository=policy.repository)
    if release is None and change.tree and not change.obstacle:
        # Whoever may approve it: nothing else could enter afterwards, and least of all what mends it.
        change = replace(change, obstacle=spoilt_rules(repository, change))
    if release is None:
        refuse_misnamed(repository, policy, short_name(change.into))
    protection = policy.protection(short_name(change.into))
    _log_question(change, policy, protection)
    settings = _chosen(policy, protection, request.only)
    if request.only:
        protection = replace(protection, require=replace(protection.require, checks=request.only))
    now = int(time())
    wire = _connect(request.reviews) if request.reviews else None
    asks_verdicts = bool(protection.verdicts) and not request.only
    # What git and the log can tell is gathered while the checks run, and does not hold up their start.
    under_way = threading.Event()
    with ThreadPoolExecutor(1) as side, ExitStack() as finally_:
        finally_.callback(under_way.set)
        if not asks_verdicts:
            side.submit(under_way.wait)
        log_future = side.submit(lambda: log or _open_log(repository, change.base))
        ownership = side.submit(ownership_at, repository, change, policy, rules)
        recorded = side.submit(
            lambda: _decisions(repository, log_future.result(), change, policy, protection, now)
        )
        weakened = side.submit(weakenings_in, repository, change, policy)
        side.submit(_load_what_decides)
        environments: tuple[Environment, ...] = ()
        checks: tuple[CheckResult, ...] = ()
        pieces: Mapping[tuple[str, str], Piece] = {}
        vouched = None
        if asks_verdicts:
            from gate.log.trusted_verdicts import find_voucher

            vouched = find_voucher(repository, log_future.result(), change, policy, protection, now)
        if vouched is not None:
            checks = vouched.results
        elif request.parts:
            from gate.app.checking.shares import join, part_files, read_parts

            checks = join(read_parts(part_files(request.parts), change, policy, now), settings)
        elif change.tree and not request.trust_only:
            trees = (change.base_tree, change.tree, change.head)
            chosen = Environments(repository, policy.python, trees, policy.environment)
            settings = [
                check
                for index, check in enumerate(settings)
                if request.share is None or check.tool == "pytest" or request.share.has(index)
            ]
            shared = _shared(policy, now)
            checks, pieces = _run(
                repository, change, settings, chosen, request, progress, under_way.set, shared
            )
            environments = chosen.used
        under_way.set()
        from gate.requirements.facts import Facts
        from gate.requirements.not_required import mark_unasked
        from gate.verdict import decide

        owned, evidence = ownership.result(), recorded.result()
        facts = Facts(
            change,
            policy,
            protection,
            codeowners_file=owned.file,
            ownership=owned.rules,
            checks=tuple(
                replace(result, enforced=policy.enforces_check(protection, result.id)) for result in checks
            ),
            weakenings=(*weakened.result(), *fewer_tests(checks)),
            log_gap=evidence.gap,
            release=release,
        )
    if wire and change.digest:
        from gate.app.checking.reviews import with_reviews

        # The last thing that is asked: who takes an approval back while the checks run has taken it back.
        facts, evidence = with_reviews(repository, facts, log_future.result(), wire, int(time()))
    logger.debug("CODEOWNERS: %s", facts.codeowners_file or "none at the base")
    logger.debug("approvals that bear on the change: %d", len(evidence.approvals))
    approvals = mark_unasked(evidence.approvals, facts.policy, protection.require, facts.ownership, release)
    for result in facts.checks:
        logger.debug("check %s: %s", result.id, "failed" if result.failed else "passed")
    notes = _notes(request, policy, protection, vouched)
    if request.parts:
        from gate.app.checking.shares import unsigned_note

        notes += tuple(filter(None, [unsigned_note(policy, now)]))
    if release is None and change.tree and not change.obstacle:
        notes += _lock_out(repository, change)
        notes += tuple(filter(None, [absent_branches(repository, policy, short_name(change.into))]))
    verdict = decide(replace(facts, approvals=approvals), notes)
    verdict = replace(verdict, environments=tuple(dict.fromkeys(e.description for e in environments)))
    until = evidence.until
    trusted = protection.verdicts
    return Answer(verdict, repository, environments, until, vouched, trusted, tuple(settings), pieces=pieces)


def _log_question(change: Change, policy: Policy, protection: Protection) -> None:
    logger.debug(
        "change: %s into %s at %s, %d files",
        change.head[:12],
        change.into,
        change.base[:12],
        len(change.files),
    )
    logger.debug(
        "merge base %s, merge result %s",
        change.merge_base[:12] or "none",
        change.tree[:12] or change.obstacle,
    )
    logger.debug("authors: %s", ", ".join(author.email for author in change.authors) or "none")
    logger.debug(
        "policy: %s",
        f"{policy.file} at {change.base[:12]}" if policy.file else "none at the base: the defaults",
    )
    logger.debug("required: %s", ", ".join(protection.require.names) or "nothing")


def _lock_out(repository: Repository, change: Change) -> tuple[str, ...]:
    """A warning if the change brings rules that lock people out: it can be merged, and nothing after it."""
    if not touches_rules(change):
        return ()
    # Few changes touch the rules, and only they wait for what the simulation takes.
    from gate.app.setup.rules import warning_of

    return warning_of(repository, change)


def _open_log(repository: Repository, base: str) -> ApprovalLog:
    from gate.log.decisions import complete_log

    return complete_log(repository, base)


def _decisions(
    repository: Repository, log: ApprovalLog, change: Change, policy: Policy, protection: Protection, now: int
) -> Evidence:
    from gate.log.decisions import decisions_in

    return decisions_in(repository, log, change, policy, protection, now)


def _load_what_decides() -> None:
    """Import what comes after the tools while they run."""
    import gate.requirements.not_required
    import gate.verdict  # noqa: F401  it is the loading that counts


def _connect(request: Place) -> Wire:
    from gate.forges import connect

    return connect(request)


def _notes(
    request: CheckRequest, policy: Policy, protection: Protection, vouched: Voucher | None
) -> tuple[str, ...]:
    if request.only:
        return (f"Partial run (`--only {' '.join(request.only)}`): not a merge decision.",)
    if vouched is not None:
        return (f"Checks were run by {vouched.by} (verdict {vouched.id[:12]}).",)
    if protection.verdicts and policy.enforced_checks(protection) and not request.staged:
        return (
            f"To merge, it also needs a verdict signed by {' or '.join(protection.verdicts)}; there is none yet.",
        )
    return ()


def fewer_tests(checks: Iterable[CheckResult]) -> list[Finding]:
    """What the checks have found of the kind that a guardian has to answer for."""
    return [
        finding
        for result in checks
        if isinstance(result, Ran)
        for finding in result.findings
        if finding.rule == FEWER_TESTS
    ]


def _chosen(policy: Policy, protection: Protection, only: tuple[str, ...]) -> list[CheckSettings]:
    names = only or protection.require.checks
    unknown = [name for name in names if name not in policy.checks]
    if unknown:
        defined = ", ".join(policy.checks)
        raise UsageError(f"unknown check {unknown[0]!r}; the policy on the base branch has {defined}")
    return [policy.checks[name] for name in names]


def _history(change: Change) -> History:
    """What the merge result descends from, and whose work it is."""
    author = change.authors[0] if change.authors else None
    parents = (change.head,) if change.staged else (change.base, change.head)
    return History(parents, author.name if author else "", author.email if author else "")


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
    settings: list[CheckSettings],
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
        environments.base = Side(repository, base, base, entries, packages)
        context = RunContext(
            change=change,
            head=Side(repository, head, head_run, entries, packages),
            base=environments.base,
            environments=environments,
            results=ResultCache(state / "results", shared=shared),
            state_dir=state,
            rerun=request.rerun,
            # On a server, a record left by one person's change must not decide about another's.
            select=repository.work_tree is not None,
            cancel=Cancel(),
            share=request.share,
        )
        checks = Runner(context).run(
            settings,
            progress,
            under_way=under_way,
            fail_fast=request.fail_fast,
            kept_only=request.kept_only,
        )
        return checks, context.pieces
