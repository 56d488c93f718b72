"""Approve, object to, or waive exactly the change that was reviewed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gate.app.approving.late import UNDO, check_not_merged, hint_of_unshared, send_objection
from gate.app.approving.outdated import Outdated, find_outdated
from gate.app.audit.moves import change_of, read_moves
from gate.app.check import check
from gate.app.checking.current_people import with_listed_people
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
from gate.errors import InvalidInput, UsageError
from gate.gather.environments import environment_named
from gate.gather.ownership import ownership_at
from gate.git.branch_history import read_onward
from gate.git.change import read_change
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.log.admitted import open_log
from gate.log.decisions import Decisions, decisions_about
from gate.log.order import added_after
from gate.log.paths import change_path
from gate.log.releases import deployments_in, rolled_back_in
from gate.log.sync import bring
from gate.model import Approval, Change, CheckResult, short_name
from gate.policy.people import members, people_by_emails, person_by_email
from gate.policy.types import Policy, Protection
from gate.requirements.owners import people_of
from gate.rules import last_valid_policy, policy_at
from gate.wording import listed

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


def propose(wish: ApprovalRequest) -> ApprovalPreview:
    """Return a preview of the decision. Raises UsageError, with a hint, if this person can't make it."""
    repository = Repository.find(wish.start)
    if environment_named(repository, wish.into) is not None:
        # What a release changes depends on the current deployment, which others may have recorded.
        bring(repository)
    elif wish.kind == "block":
        fetch_branch(repository, wish.into or default_branch(repository))
    change, policy, rules = the_change(repository, wish.start, wish.rev, wish.into, wish.now)
    branch = short_name(change.into)
    protection = policy.protection(branch)
    if not change.tree:
        raise UsageError(
            f"nothing to approve: {change.merge_blocker}", "`gate check` shows what to do about it"
        )
    if not change.files:
        raise UsageError(
            f"nothing to approve: {wish.rev or 'HEAD'} has no changes for {branch}",
            "; ".join(filter(None, (UNDO, hint_of_unshared(repository, change))))
            if wish.kind == "block"
            else "name the branch to approve; `gate inbox` lists the branches that need your approval",
        )
    signer = find_signer_for(repository, policy, wish.key, wish.now, change)
    evidence = decisions_about(repository, change, policy, protection, wish.now)
    _may(signer, wish, change, policy, protection, evidence)
    if change.merged_commits:
        wish = replace(wish, reason=": ".join(filter(None, [AFTERWARDS, wish.reason.strip()])))
    elif claims_afterwards(wish.reason.strip()):
        raise UsageError(
            f"a reason cannot start with `{AFTERWARDS}`: that marks decisions about merged commits",
            "reword the reason",
        )
    released_at, earlier = _releases_before(repository, change, policy, wish.now)
    standing = next(
        (
            approval
            for approval in evidence.approvals
            if approval.counted
            and approval.by == signer.person.name
            and approval.kind == wish.kind
            and (wish.kind != "block" or approval.why == wish.reason.strip())
            and len(approval.files) == len(change.files)
            and approval.id not in earlier
        ),
        None,
    )
    owned = _answers_for(repository, change, policy, rules, signer)
    return ApprovalPreview(
        repository,
        change,
        wish.kind,
        wish.reason,
        wish.now,
        signer,
        evidence,
        owned,
        _checks_so_far(repository, wish, change, policy),
        standing,
        find_outdated(repository, wish.rev),
        released_at,
        protection.verdicts,
    )


def _checks_so_far(
    repository: Repository, wish: ApprovalRequest, change: Change, policy: Policy
) -> tuple[CheckResult, ...]:
    """Return the results of earlier checks; none for a change that has merged while the rules were invalid."""
    branch = short_name(change.into)
    base = None if policy.is_environment(branch) else change.base
    request = CheckRequest(wish.start, into=branch, head=change.head, base=base, cached_only=True)
    try:
        return check(request, repository=repository).verdict.checks
    except InvalidInput:
        if change.merged_commits:
            return ()
        raise


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


def approve(proposal: ApprovalPreview) -> StoredRecord:
    """Sign the decision, add it to the log, and share it. If it is already recorded, only share it."""
    if proposal.standing is not None:
        entry = next(entry for entry in proposal.evidence.records if entry.id == proposal.standing.id)
        return send(proposal.repository, StoredRecord(entry.id, entry.record))
    change, name = proposal.change, proposal.signer.person.name
    if proposal.kind == "block":
        check_not_merged(proposal.repository, change)
    # The clocks of a person's machines may differ; a later decision must still have a later time.
    latest = open_log(proposal.repository).latest_by(name, change.into, proposal.now)
    record = compose(
        proposal.kind,
        change,
        proposal.signer,
        proposal.now,
        latest=max(latest, proposal.after),
        reason=proposal.reason,
    )
    lists = {change_path(change.digest): changes_of(proposal.repository, change)}
    recorded = put(proposal.repository, record, proposal.signer, lists)
    if proposal.kind == "block":
        return send_objection(proposal.repository, change, proposal.signer, recorded)
    return send(proposal.repository, recorded)


def the_change(
    repository: Repository, start: Path, rev: str | None, into: str | None, now: int
) -> tuple[Change, Policy, str]:
    """Return the change that merges `rev` into `into`, the policy for it, and the commit that has this policy."""
    environment = environment_named(repository, into)
    if environment is not None:
        from gate.app.audit.verified_policy import verified
        from gate.app.releases.release import release_change

        environment = verified(repository, start, environment)
        release = release_change(repository, environment, rev, open_log(repository), now)
        return release, environment.policy, environment.rules
    change = read_change(repository, into=into, head=rev)
    change = _step_of(repository, change) or change
    # A merged change is evaluated as in an audit: where the rules were invalid, by the last valid ones.
    policy = (change.merged_commits and last_valid_policy(repository, change.base)) or policy_at(
        repository, change.base
    )
    policy = with_listed_people(repository, policy, change.into)
    return replace(change, repository=policy.repository), policy, change.base


def _step_of(repository: Repository, change: Change) -> Change | None:
    """Return the change that the branch made with its commit `change.head`, or None if it was never at that commit."""
    if change.files or change.merge_base != change.head:
        return None
    parents = repository.text("rev-list", "--max-count=1", "--parents", change.head).split()[1:]
    if not parents or change.head not in repository.text("rev-list", "--first-parent", change.base).split():
        return None
    history = read_onward(repository, parents[0], change.head)
    (move,) = read_moves(repository, history, history.chain, open_log(repository), change.into)
    policy = last_valid_policy(repository, move.old.oid) or policy_at(repository, move.old.oid)
    return change_of(repository, move, change.into, policy)


def _may(
    signer: Signer,
    wish: ApprovalRequest,
    change: Change,
    policy: Policy,
    protection: Protection,
    evidence: Decisions,
) -> None:
    """Raise UsageError if this person's decision would not count."""
    name = signer.person.name
    match wish.kind:
        case "block":
            return
        case "waive":
            may_waive(name, wish.reason, policy, protection)
        case "approve":
            if signer.person.role == "bot":
                raise UsageError(f"{name} is a bot, and bots cannot approve")
            if signer.person.role == "junior" and protection.kind == "environment":
                raise UsageError(
                    f"{name} is a junior, and juniors cannot approve a release",
                    "`gate check` lists whom to ask",
                )
            if name in people_by_emails(policy, (author.email for author in change.authors)):
                raise UsageError(
                    f"{name} is an author of this change and cannot approve it",
                    "`gate check` lists whom to ask",
                )
            strangers = [a.email for a in change.authors if person_by_email(policy, a.email) is None]
            if signer.person.role == "junior" and strangers:
                raise UsageError(
                    f"{strangers[0]} wrote part of this change and is not in the policy; that could be you",
                    "if it is you, add the address to your `emails`; ask somebody else to approve",
                )
    for approval in evidence.approvals:
        if approval.counted and approval.kind == "block" and approval.by == name:
            raise UsageError(
                f"{name} has objected to this change and must withdraw the objection first",
                f"`gate revoke {approval.id[:12]}`, then approve",
            )


def may_waive(
    name: str,
    reason: str,
    policy: Policy,
    protection: Protection,
    what: str = "waive",
    noun: str = "a waiver",
) -> None:
    """Raise UsageError unless this person can `what` (such as waive), with this reason."""
    guardians = members(policy, protection.require.guarded)
    if not guardians:
        raise UsageError(
            f"only guardians (policy administrators) can {what}, and the policy lists none",
            "ask an administrator of the branch to merge it, and name guardians under `guarded` in gate.yaml before "
            "the next emergency",
        )
    if name not in guardians:
        raise UsageError(
            f"{name} is not one of the guardians ({', '.join(sorted(guardians))})",
            f"ask {listed(sorted(guardians), 'or')}",
        )
    if not reason.strip():
        raise UsageError(f"{noun} needs a reason", "add `--reason TEXT`")


def _answers_for(
    repository: Repository, change: Change, policy: Policy, rules: str, signer: Signer
) -> tuple[str, ...]:
    try:
        ownership = ownership_at(repository, change, policy, rules)
    except InvalidInput:
        if change.merged_commits:
            return ()
        raise
    name = signer.person.name
    return tuple(
        path
        for path, rules in ownership.rules.items()
        if any(name in people_of(policy, rule.owners) for rule in rules)
    )
