"""Record reviews on a forge in the log, signed by the person or bot that read them there, usually in CI.

From then on, they count offline: for audits, on the server, and for environments.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.checking.reviews import read_reviews
from gate.app.recording.signing import Signer, StoredRecord, changes_of, find_signer, put, revocation, send
from gate.app.recording.verdict import bring_log
from gate.approvals.decisions import Decision, Reviewed
from gate.approvals.record import LONGEST_REASON, Record, review_of
from gate.errors import UsageError
from gate.forges import connect
from gate.forges.places import PullRequestRef
from gate.git.change import read_change
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, open_log
from gate.log.index import LoggedRecord
from gate.log.paths import change_path
from gate.model import Change, short_name
from gate.rules import policy_at


@dataclass(frozen=True, slots=True)
class RecordedReviews:
    """The new records: reviews that count, and revocations of those that no longer do.

    `unchanged` is the number of reviews that were already recorded.
    """

    request: str
    reviews: tuple[Record, ...]
    revoked: tuple[Record, ...]
    unchanged: int
    last: StoredRecord | None = None


def record_reviews(
    start: Path,
    request: PullRequestRef,
    now: int,
    *,
    rev: str | None = None,
    into: str | None = None,
    base: str | None = None,
    key: str | None = None,
) -> RecordedReviews:
    """Sign what the forge currently reports about the reviews of a pull request, and share the records.

    If the pull request is merged, `base` is the commit of the branch before the merge. Raises UsageError if the policy
    doesn't let this person record reviews, and CannotDecide if the forge doesn't answer.
    """
    bring_log(start)
    repository = Repository.find(start)
    change = read_change(repository, into=into, head=rev, base=base)
    policy = policy_at(repository, change.base)
    change = replace(change, repository=policy.repository)
    branch = short_name(change.into)
    signer = find_signer(repository, policy, key, now, branch)
    if not signer.person.records:
        raise UsageError(
            f"{signer.person.name} is not allowed to record reviews on {branch}",
            f'set `records: true` for "{signer.person.name}" under `people` in gate.yaml',
        )
    reviewed = read_reviews(repository, change, policy, policy.protection(branch), {}, connect(request))
    log = open_log(repository).trusting(policy)
    entries = _recorded(log, change, signer)
    wanted = {
        (decision.record.kind, decision.record.head, _name(decision)): decision
        for decision in reviewed.decisions.decisions
        if _stands(decision) and decision.record.change
    }
    # Two jobs at once may have recorded the same review twice.
    named = [((item.record.kind, item.record.head, review_of(item.record)[:2]), item) for item in entries]
    recorded = {name for name, _ in named}
    fresh = [_record(decision, signer, now) for name, decision in wanted.items() if name not in recorded]
    # The signer can't know whether a review was dismissed before the merge: the review's own base implies no order.
    gone = [
        revocation(item, signer, now, item.record.base, f"no longer valid on {item.record.source}")
        for name, item in named
        if name not in wanted
    ]
    last = None
    for record in (*fresh, *gone):
        lists = (
            {change_path(change.digest): changes_of(repository, change)}
            if record.change == change.digest
            else {}
        )
        last = put(repository, record, signer, lists)
    unchanged = len(wanted.keys() & recorded)
    last = send(repository, last) if last else None
    return RecordedReviews(reviewed.decisions.request.name, tuple(fresh), tuple(gone), unchanged, last)


def _recorded(log: ApprovalLog, change: Change, signer: Signer) -> Sequence[LoggedRecord]:
    """Return the reviews of this change that the signer has recorded and not revoked."""
    records = log.select({change.digest}, {change.head})
    revoked = {entry.record.of for entry in records if entry.record.kind == "revoke"}
    return [
        entry
        for entry in records
        if entry.record.source != "ssh" and entry.record.by == signer.person.name and entry.id not in revoked
    ]


def _stands(decision: Decision) -> bool:
    """Return whether the review is its author's latest decision and wasn't dismissed."""
    return (
        isinstance(decision.signature, Reviewed)
        and not decision.signature.void
        and not decision.signature.dismissed
    )


def _name(decision: Decision) -> tuple[str, str]:
    login = decision.signature.login if isinstance(decision.signature, Reviewed) else ""
    return login, "".join(decision.id.split())


def _record(decision: Decision, signer: Signer, now: int) -> Record:
    login, identity = _name(decision)
    reason = f"{login} {identity} {decision.record.reason}".strip()[:LONGEST_REASON]
    at = decision.record.at if decision.record.at > 0 else now
    nonce = secrets.token_hex(16)
    return replace(decision.record, by=signer.person.name, reason=reason, nonce=nonce, at=at)
