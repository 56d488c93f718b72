"""Answer whether a change can merge: run its checks, read the evidence in the meantime, and decide."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING

from gate.app.checking.check_results import CheckResults, check_results, with_fewer_tests
from gate.app.checking.evidence import Evidence, EvidenceReader
from gate.app.checking.request import Answer, CheckRequest, no_progress
from gate.app.checking.rules_at_base import Rules
from gate.finding import Finding
from gate.git.repository import Repository
from gate.model import Change

# Modules that decide are imported where they're used: by then the tools are running.
if TYPE_CHECKING:
    from gate.app.lock_outs import LockOut
    from gate.forges.places import PullRequestRef
    from gate.forges.wire import Wire
    from gate.log.admitted import ApprovalLog
    from gate.requirements.facts import Facts
    from gate.runner import Event

logger = logging.getLogger(__name__)


def evaluate(
    repository: Repository,
    change: Change,
    rules: Rules,
    request: CheckRequest,
    *,
    log: ApprovalLog | None = None,
    progress: Callable[[Event], None] = no_progress,
) -> Answer:
    """Decide about `change` by its rules and by `log` (the current approval log)."""
    change = rules.apply_to(change)
    now = int(time())
    forge = _connect(request.reviews) if request.reviews else None
    with EvidenceReader(repository, change, rules, log, now) as reader:
        checked = check_results(repository, change, rules, request, reader, progress, now)
        evidence = reader.result()
    lock_out = _lock_out(repository, change, rules)
    facts, decisions = facts_of(change, rules, checked, evidence), evidence.decisions
    facts = replace(facts, locked=() if request.allow_lock_out else lock_out.branches)
    if forge and change.digest:
        from gate.app.checking.reviews import with_reviews

        # Ask the forge last: an approval withdrawn while the checks ran must not count.
        facts, decisions = with_reviews(repository, facts, reader.log, forge, int(time()))
    from gate.app.checking.notes import notes_about
    from gate.approvals.quarantine import quarantined
    from gate.requirements.not_required import discount_unrequired
    from gate.verdict import decide

    _log_facts(facts)
    notes = tuple(f"Failed, but does not block: {text}" for text in quarantined(facts.checks))
    notes += notes_about(repository, change, rules, request, checked, now, lock_out.sentences)
    verdict = decide(discount_unrequired(facts), notes)
    descriptions = dict.fromkeys(environment.description for environment in checked.environments)
    return Answer(
        replace(verdict, environments=tuple(descriptions), partial=bool(request.only)),
        repository,
        checked.environments,
        min(filter(None, (decisions.until, evidence.until)), default=None),
        checked.attestation,
        rules.protection.verdicts,
        checked.settings,
        shard_tests=checked.shard_tests,
        deferred=rules.deferred,
        locked_out=lock_out.sentences,
    )


def _lock_out(repository: Repository, change: Change, rules: Rules) -> LockOut:
    """Return who would be locked out by the rules in the change."""
    from gate.app.lock_outs import LockOut, lock_out_by

    if rules.release is not None or change.merge_blocker:
        return LockOut()
    return lock_out_by(repository, change)


def facts_of(change: Change, rules: Rules, checked: CheckResults, evidence: Evidence) -> Facts:
    """Return the facts on which the requirements decide."""
    from gate.requirements.facts import Facts

    policy, protection = rules.policy, rules.protection
    return Facts(
        change,
        policy,
        protection,
        codeowners_file=rules.ownership.file,
        ownership=rules.ownership.rules,
        approvals=evidence.decisions.approvals,
        checks=tuple(
            replace(result, enforced=policy.enforces_check(protection, result.id))
            for result in checked.results
        ),
        weakenings=(
            *with_fewer_tests(evidence.weakenings, checked.results),
            *_by_authors(change, checked, evidence),
        ),
        log_gap=evidence.decisions.gap,
        release=rules.release,
    )


def _by_authors(change: Change, checked: CheckResults, evidence: Evidence) -> tuple[Finding, ...]:
    """Return the failures that only a quarantine by an author of the change lets pass."""
    if not evidence.quarantines:
        return ()
    from gate.approvals.quarantine import by_authors

    return by_authors(checked.results, evidence.quarantines, change)


def _log_facts(facts: Facts) -> None:
    logger.debug("CODEOWNERS: %s", facts.codeowners_file or "none at the base")
    logger.debug("approvals that bear on the change: %d", len(facts.approvals))
    for result in facts.checks:
        logger.debug("check %s: %s", result.id, "failed" if result.failed else "passed")


def _connect(request: PullRequestRef) -> Wire:
    from gate.forges import connect

    return connect(request)
