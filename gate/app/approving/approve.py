"""Approve, object to, or waive exactly the change that was reviewed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gate.app.approving.eligible import refuse_ineligible
from gate.app.approving.late import UNDO, check_not_merged, hint_of_unshared, send_objection
from gate.app.approving.outdated import Outdated, find_outdated
from gate.app.approving.proposed_change import ProposedChange, read_proposed_change
from gate.app.check import check
from gate.app.checking.request import CheckRequest
from gate.app.recording.signing import (
    Signer,
    StoredRecord,
    changes_of,
    compose,
    fetch_branch,
    find_signer_for,
    put,
    send,
)
from gate.approvals.record import AFTERWARDS, claims_afterwards
from gate.errors import GateError, InvalidInput, UsageError
from gate.gather.environments import environment_named
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.log.admitted import open_log
from gate.log.decisions import Decisions, decisions_about
from gate.log.order import added_after
from gate.log.paths import change_path
from gate.log.releases import deployments_in, rolled_back_in
from gate.log.sync import bring
from gate.model import ENVIRONMENTS, Approval, Change, CheckResult, Verdict, short_name
from gate.policy.types import Policy
from gate.requirements.owners import people_of

Kind = Literal["approve", "block", "waive"]


@dataclass(frozen=True, slots=True)
class ApprovalRequest:
    """A person's decision about merging `rev` (HEAD) into `into` (the default branch)."""

    start: Path
    now: int
    rev: str | None = None
    into: str | None = None
    kind: Kind = "approve"
    key: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ApprovalPreview:
    """The decision to sign, and what to look at first. `owned` are the files that the signer is a code owner of.

    `checks` are the results available without running any check. `standing` is the same decision by the same person, if
    it is already recorded. `outdated` is set if the remote branch has newer commits. The record will be dated later
    than `after`. `verdicts` are those whose verdict replaces running the checks, if the policy names any.
    """

    repository: Repository
    change: Change
    kind: Kind
    reason: str
    now: int
    signer: Signer
    evidence: Decisions
    owned: tuple[str, ...]
    checks: tuple[CheckResult, ...] = ()
    standing: Approval | None = None
    outdated: Outdated | None = None
    after: int = 0
    verdicts: tuple[str, ...] = ()


def preview_approval(request: ApprovalRequest) -> ApprovalPreview:
    """Return a preview of the decision. Raises UsageError, with a hint, if this person can't make it."""
    repository = Repository.find(request.start)
    if environment_named(repository, request.into) is not None:
        # What a release changes depends on the current deployment, which others may have recorded.
        bring(repository)
    elif request.kind == "block":
        fetch_branch(repository, request.into or default_branch(repository))
    proposed = read_proposed_change(repository, request.start, request.rev, request.into, request.now)
    change, policy, protection = proposed.change, proposed.policy, proposed.protection
    _refuse_nothing_to_decide(repository, request, change)
    signer = find_signer_for(repository, policy, request.key, request.now, change)
    evidence = decisions_about(repository, change, policy, protection, request.now)
    refuse_ineligible(signer.person, request.kind, request.reason, proposed, evidence.approvals)
    if change.merged_commits:
        request = replace(request, reason=": ".join(filter(None, [AFTERWARDS, request.reason.strip()])))
    elif claims_afterwards(request.reason.strip()):
        raise UsageError(
            f"a reason cannot start with `{AFTERWARDS}`: that marks decisions about merged commits",
            "reword the reason",
        )
    released_at, superseded = _releases_before(repository, change, policy, request.now)
    return ApprovalPreview(
        repository,
        change,
        request.kind,
        request.reason,
        request.now,
        signer,
        evidence,
        _owned_files(repository, proposed, signer.person.name),
        _checks_so_far(repository, request, change, policy),
        _standing_decision(evidence.approvals, signer.person.name, request, change, superseded),
        find_outdated(repository, request.rev),
        released_at,
        protection.verdicts,
    )


def _refuse_nothing_to_decide(repository: Repository, request: ApprovalRequest, change: Change) -> None:
    """Raise UsageError, with a hint, if the change can't merge at all or is empty."""
    if not change.tree:
        raise UsageError(
            f"nothing to approve: {change.merge_blocker}", "`gate check` shows what to do about it"
        )
    if not change.files:
        raise UsageError(
            f"nothing to approve: {request.rev or 'HEAD'} has no changes for {short_name(change.into)}",
            "; ".join(filter(None, (UNDO, hint_of_unshared(repository, change))))
            if request.kind == "block"
            else "name the branch to approve; `gate inbox` lists the branches that need your approval",
        )


def _standing_decision(
    approvals: Iterable[Approval],
    name: str,
    request: ApprovalRequest,
    change: Change,
    superseded: Collection[str],
) -> Approval | None:
    """Return the same decision by the same person if it is recorded and counts, unless its id is `superseded`."""
    return next(
        (
            approval
            for approval in approvals
            if approval.counted
            and approval.by == name
            and approval.kind == request.kind
            and (request.kind != "block" or approval.why == request.reason.strip())
            and len(approval.files) == len(change.files)
            and approval.id not in superseded
        ),
        None,
    )


def _owned_files(repository: Repository, proposed: ProposedChange, name: str) -> tuple[str, ...]:
    """Return the changed files that this person is a code owner of."""
    try:
        ownership = proposed.ownership(repository)
    except InvalidInput:
        if proposed.change.merged_commits:
            return ()
        raise
    return tuple(
        path
        for path, rules in ownership.rules.items()
        if any(name in people_of(proposed.policy, rule.owners) for rule in rules)
    )


def _checks_so_far(
    repository: Repository, request: ApprovalRequest, change: Change, policy: Policy
) -> tuple[CheckResult, ...]:
    """Return the results of earlier checks; none for a change that has merged while the rules were invalid."""
    branch = short_name(change.into)
    base = None if policy.is_environment(branch) else change.base
    cached = CheckRequest(request.start, into=branch, head=change.head, base=base, cached_only=True)
    try:
        return check(cached, repository=repository).verdict.checks
    except InvalidInput:
        if change.merged_commits:
            return ()
        raise


def verdict_after(preview: ApprovalPreview) -> Verdict | None:
    """Return the verdict now that the decision is recorded, without running checks or asking a forge.

    None for a change that has merged, or if there is no verdict: the decision is recorded in any case.
    """
    repository, change = preview.repository, preview.change
    if change.merged_commits or change.into.startswith(ENVIRONMENTS):
        return None
    start = repository.work_tree or repository.git_dir
    request = CheckRequest(
        start, into=short_name(change.into), head=change.head, base=change.base, cached_only=True
    )
    try:
        return check(request, repository=repository).verdict
    except GateError:
        return None


def _releases_before(
    repository: Repository, change: Change, policy: Policy, now: int
) -> tuple[int, frozenset[str]]:
    """Return when the latest release into the environment was recorded, and the records from before it or a rollback.

    After a rollback, approvals have to be given again, so an earlier one must not keep a new one from being recorded.
    """
    if not policy.is_environment(short_name(change.into)):
        return 0, frozenset()
    log = open_log(repository)
    deployments, _ = deployments_in(log, policy, short_name(change.into), now)
    latest = deployments[-1:]
    before = {deployment.record for deployment in latest}
    for name in filter(policy.is_environment, policy.protect):
        before |= rolled_back_in(log, policy, name, now, change.head)
    records = {record.id for record in log.given_for(change.into, "approve", "block", "waive")}
    return latest[0].since if latest else 0, frozenset(records) - added_after(log, records, before)


def approve(preview: ApprovalPreview) -> StoredRecord:
    """Sign the decision, add it to the log, and share it. If it is already recorded, only share it."""
    if preview.standing is not None:
        entry = next(entry for entry in preview.evidence.records if entry.id == preview.standing.id)
        return send(preview.repository, StoredRecord(entry.id, entry.record))
    change, name = preview.change, preview.signer.person.name
    if preview.kind == "block":
        check_not_merged(preview.repository, change)
    # The clocks of a person's machines may differ; a later decision must still have a later time.
    latest = open_log(preview.repository).latest_by(name, change.into, preview.now)
    record = compose(
        preview.kind,
        change,
        preview.signer,
        preview.now,
        latest=max(latest, preview.after),
        reason=preview.reason,
    )
    lists = {change_path(change.digest): changes_of(preview.repository, change)}
    recorded = put(preview.repository, record, preview.signer, lists)
    if preview.kind == "block":
        return send_objection(preview.repository, change, preview.signer, recorded)
    return send(preview.repository, recorded)
