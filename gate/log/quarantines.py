"""The quarantined tests of a branch, from the admitted records of the log."""

from __future__ import annotations

from gate.approvals.quarantine import Quarantine, quarantines
from gate.log.admitted import ApprovalLog, decisions_of
from gate.model import Change
from gate.policy.people import people_by_emails
from gate.policy.types import Policy, Protection


def quarantines_in(
    log: ApprovalLog,
    into: str,
    policy: Policy,
    protection: Protection,
    now: int,
    authors: frozenset[str] = frozenset(),
) -> tuple[Quarantine, ...]:
    """Return every quarantine for a branch (a full ref name), also those that don't count."""
    if not log.tip:
        return ()
    log = log.trusting(policy)
    records = log.given_for(into, "quarantine")
    if not records:
        return ()
    ended = log.referring_to({record.id for record in records})
    return quarantines(decisions_of([*records, *ended], policy), policy, protection, into, now, authors)


def quarantines_for(
    log: ApprovalLog, change: Change, policy: Policy, protection: Protection, now: int
) -> tuple[Quarantine, ...]:
    """Return the quarantines for the branch of a change, none of which covers the work of its signer."""
    authors = people_by_emails(policy, (author.email for author in change.authors))
    return quarantines_in(log, change.into, policy, protection, now, authors)
