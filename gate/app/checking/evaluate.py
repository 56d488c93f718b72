"""From a change to an answer: read the rules, run the checks while evidence is gathered, and decide."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING

from gate.app.checking.check_results import CheckResults, check_results, fewer_tests
from gate.app.checking.evidence import Gathered, Gathering
from gate.app.checking.request import Answer, CheckRequest, ignore
from gate.app.checking.rules_at_base import Rules, read_rules
from gate.gather import touches_rules
from gate.git.repository import Repository
from gate.model import Change, short_name
from gate.policy.types import Policy
from gate.rules import absent_branches
from gate.runner import Event

# What serves to decide, and not to start the tools, is imported where it is used: the tools run by then.
if TYPE_CHECKING:
    from gate.forges.places import Place
    from gate.forges.wire import Wire
    from gate.log.admitted import ApprovalLog
    from gate.requirements.facts import Facts, Release

logger = logging.getLogger(__name__)


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
    change, base_rules = read_rules(repository, change, policy, request, release=release, owners_at=rules)
    now = int(time())
    forge = _connect(request.reviews) if request.reviews else None
    with Gathering(repository, change, base_rules, log, now) as gathering:
        checked = check_results(repository, change, base_rules, request, gathering, progress, now)
        gathered = gathering.result()
    facts, decisions = _facts(change, base_rules, checked, gathered), gathered.decisions
    if forge and change.digest:
        from gate.app.checking.reviews import with_reviews

        # The last thing that is asked: who takes an approval back while the checks run has taken it back.
        facts, decisions = with_reviews(repository, facts, gathering.log, forge, int(time()))
    from gate.requirements.not_required import mark_unasked
    from gate.verdict import decide

    _log(facts, len(decisions.approvals))
    approvals = mark_unasked(
        decisions.approvals, facts.policy, facts.protection.require, facts.ownership, release
    )
    notes = _notes(repository, change, base_rules, request, checked, now)
    verdict = decide(replace(facts, approvals=approvals), notes)
    descriptions = dict.fromkeys(environment.description for environment in checked.environments)
    return Answer(
        replace(verdict, environments=tuple(descriptions)),
        repository,
        checked.environments,
        decisions.until,
        checked.attestation,
        base_rules.protection.verdicts,
        checked.settings,
        pieces=checked.pieces,
    )


def _facts(change: Change, rules: Rules, checked: CheckResults, gathered: Gathered) -> Facts:
    from gate.requirements.facts import Facts

    policy, protection = rules.policy, rules.protection
    return Facts(
        change,
        policy,
        protection,
        codeowners_file=gathered.ownership.file,
        ownership=gathered.ownership.rules,
        checks=tuple(
            replace(result, enforced=policy.enforces_check(protection, result.id))
            for result in checked.results
        ),
        weakenings=(*gathered.weakenings, *fewer_tests(checked.results)),
        log_gap=gathered.decisions.gap,
        release=rules.release,
    )


def _log(facts: Facts, approvals: int) -> None:
    logger.debug("CODEOWNERS: %s", facts.codeowners_file or "none at the base")
    logger.debug("approvals that bear on the change: %d", approvals)
    for result in facts.checks:
        logger.debug("check %s: %s", result.id, "failed" if result.failed else "passed")


def _notes(
    repository: Repository,
    change: Change,
    rules: Rules,
    request: CheckRequest,
    checked: CheckResults,
    now: int,
) -> tuple[str, ...]:
    """What is said beside the verdict."""
    notes = _about_checks(request, rules, checked)
    if request.parts:
        from gate.app.checking.shares import unsigned_note

        notes += (unsigned_note(rules.policy, now),)
    if rules.release is None and change.tree and not change.obstacle:
        notes += _lock_out(repository, change)
        notes += (absent_branches(repository, rules.policy, short_name(change.into)),)
    return tuple(filter(None, notes))


def _about_checks(request: CheckRequest, rules: Rules, checked: CheckResults) -> tuple[str, ...]:
    protection = rules.protection
    if request.only:
        return (f"Partial run (`--only {' '.join(request.only)}`): not a merge decision.",)
    if checked.attestation is not None:
        return (f"Checks were run by {checked.attestation.by} (verdict {checked.attestation.id[:12]}).",)
    if protection.verdicts and rules.policy.enforced_checks(protection) and not request.staged:
        return (
            f"To merge, it also needs a verdict signed by {' or '.join(protection.verdicts)}; there is none yet.",
        )
    return ()


def _lock_out(repository: Repository, change: Change) -> tuple[str, ...]:
    """A warning if the change brings rules that lock people out: it can be merged, and nothing after it."""
    if not touches_rules(change):
        return ()
    # Few changes touch the rules, and only they wait for what the simulation takes.
    from gate.app.lock_outs import warning_of

    return warning_of(repository, change)


def _connect(request: Place) -> Wire:
    from gate.forges import connect

    return connect(request)
