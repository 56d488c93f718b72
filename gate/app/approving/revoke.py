"""Revoke a recorded decision. Only its author can, or a guardian if it is an objection of somebody who left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from gate.app.recording.signing import Signer, StoredRecord, fetch_branch, find_signer, put, revocation, send
from gate.approvals.count import who_settles
from gate.approvals.decisions import name_today
from gate.approvals.keys import holders
from gate.approvals.record import review_of
from gate.errors import UsageError
from gate.gather.environments import environment_named
from gate.git.branches import known_tip
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, open_log
from gate.log.index import LoggedRecord
from gate.model import ENVIRONMENTS, short_name
from gate.policy.people import person_by_login
from gate.policy.types import Policy
from gate.rules import policy_at


@dataclass(frozen=True, slots=True)
class Taken:
    """A revoked decision, and the record that revokes it."""

    revoked: LoggedRecord
    recorded: StoredRecord


def revoke(start: Path, identity: str, now: int, *, key: str | None = None, reason: str = "") -> Taken:
    """Revoke the decision whose ID starts with `identity`, and share the revocation.

    Raises UsageError if there is no such decision, or if it is somebody else's.
    """
    repository = Repository.find(start)
    log = open_log(repository)
    entry = _find(log, identity)
    branch = short_name(entry.record.into)
    if not entry.record.into.startswith(ENVIRONMENTS):
        fetch_branch(repository, branch)
        log = open_log(repository)
    policy = _policy_of(repository, entry.record.into)
    signer = find_signer(repository, policy, key, now, branch)
    authors = {entry.record.by, _author(entry, policy)}
    if entry.record.kind == "block" and authors.isdisjoint(policy.people):
        _may_settle(signer, entry, policy, reason)
    elif signer.person.name not in authors:
        raise UsageError(
            f"{entry.id[:12]} was recorded by {entry.record.by}, and only they can withdraw it",
            f"you are {signer.person.name} by your key; to object yourself, use `gate approve --block`"
            if entry.record.kind == "approve"
            else f"ask {entry.record.by}",
        )
    listed = holders(policy)
    # A revocation by a key that is no longer listed may have no effect: make it again with the current key.
    earlier = [
        candidate
        for candidate in log.select((), (entry.record.head,))
        if candidate.record.of == entry.id
        and candidate.record.by == signer.person.name
        and not listed.keys().isdisjoint(candidate.keys)
    ]
    if earlier:
        return Taken(entry, send(repository, StoredRecord(earlier[0].id, earlier[0].record)))
    base = known_tip(repository, branch) or entry.record.base
    latest = log.latest_by(signer.person.name, entry.record.into, now)
    record = revocation(entry, signer, now, base, reason, latest)
    return Taken(entry, send(repository, put(repository, record, signer)))


def _author(entry: LoggedRecord, policy: Policy) -> str:
    """Return the current name of the person who made the decision. A recorded review is by its author on the forge."""
    if entry.record.source == "ssh":
        listed = holders(policy)
        holder = next((listed[key] for key in entry.keys if key in listed), None)
        return name_today(entry.record.by, holder, policy)
    person = person_by_login(policy, entry.record.source, review_of(entry.record)[0])
    return person.name if person else ""


def _may_settle(signer: Signer, entry: LoggedRecord, policy: Policy, reason: str) -> None:
    """Raise UsageError if the signer can't revoke the objection of somebody who is no longer in the policy."""
    author, name = entry.record.by, signer.person.name
    settlers = who_settles(policy, policy.protection(short_name(entry.record.into)))
    if name not in settlers:
        raise UsageError(
            f"{author} is no longer in the policy, and {name} cannot settle their objection",
            f"ask one of {', '.join(sorted(settlers)) or 'the guardians, once the policy names some'}",
        )
    if not reason.strip():
        raise UsageError(
            f"{author} is no longer in the policy: settling their objection needs a reason",
            "`--reason TEXT` says why it no longer matters",
        )


def _policy_of(repository: Repository, into: str) -> Policy:
    environment = environment_named(repository, into) if into.startswith(ENVIRONMENTS) else None
    if environment is not None:
        return environment.policy
    branch = short_name(into)
    tip = known_tip(repository, branch)
    if not tip:
        raise UsageError(
            f"{branch} is not in this clone, and its policy lists the people", "`git fetch origin`"
        )
    return policy_at(repository, tip)


def _find(log: ApprovalLog, identity: str) -> LoggedRecord:
    if not re.fullmatch(r"[0-9a-f]{4,64}", identity):
        raise UsageError(f"{identity!r} is not the ID of a record", "`gate approvals` lists the ids")
    entries = [
        entry for entry in log.starting(identity) if entry.record.kind in {"approve", "block", "waive"}
    ]
    if not entries:
        raise UsageError(
            f"no record {identity} in the approval log", "run `gate approvals --fetch` to list them"
        )
    if len(entries) > 1:
        raise UsageError(f"{len(entries)} records start with {identity}", "give more characters of the ID")
    return entries[0]
