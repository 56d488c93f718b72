"""Recorded verdicts: who attests that the checks passed on the merge result, and their results.

A `verdict` record binds the signer to repository, branch, base, and change, which together determine the tree. `of` is
the SHA-256 of the JSON verdict in the log, `verdicts/<sha256>.json`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

from gate.approvals.decisions import Decision, Signed
from gate.approvals.keys import holders
from gate.approvals.record import Record
from gate.git.repository import Repository
from gate.json_input import parse_json
from gate.log.admitted import ApprovalLog, decisions_of
from gate.log.history import read_verdicts
from gate.model import Change, Ran
from gate.policy.people import members
from gate.policy.types import Policy, Protection
from gate.reports.verdict_reading import read_check


@dataclass(frozen=True, slots=True)
class VerdictSubject:
    """What a verdict is about. It doesn't apply to another repository, branch, base, or content."""

    repository: str
    into: str
    base: str
    digest: str

    @classmethod
    def of(cls, change: Change) -> VerdictSubject:
        """Return the subject of a change."""
        return cls(change.repository, change.into, change.base, change.digest)

    def fits(self, record: Record) -> bool:
        """Return whether the record is a verdict about exactly this."""
        recorded = (record.repository, record.into, record.base, record.change)
        return record.kind == "verdict" and recorded == (self.repository, self.into, self.base, self.digest)


@dataclass(frozen=True, slots=True)
class Attestation:
    """A signed statement that checks passed. `id` is the record's id; `results` are the recorded checks."""

    id: str
    by: str
    results: tuple[Ran, ...]


def find_attestation(
    repository: Repository, log: ApprovalLog, change: Change, policy: Policy, protection: Protection, now: int
) -> Attestation | None:
    """Return a verdict on all required checks by someone whom `protection.verdicts` trusts, or None."""
    target = VerdictSubject.of(change)
    log = log.trusting(policy)
    candidates = [item for item in log.select({change.digest}, ()) if target.fits(item.record)]
    required = policy.enforced_checks(protection)
    if not candidates or not protection.verdicts or not required:
        return None
    decisions = trusted(decisions_of(candidates, policy), policy, protection, now)
    documents = read_documents(repository, log.tip, (decision.record.of for decision in decisions))
    for decision in sorted(decisions, key=lambda decision: (decision.record.at, decision.id)):
        results = passed(documents.get(decision.record.of), target, required)
        if results is not None:
            return Attestation(decision.id, decision.record.by, results)
    return None


def recorders(policy: Policy, protection: Protection) -> Collection[str]:
    """Return whose verdicts count: the people and bots in `verdicts`, or everyone in the policy without it."""
    return members(policy, protection.verdicts) if protection.verdicts else policy.people.keys()


def trusted(
    decisions: Iterable[Decision], policy: Policy, protection: Protection, now: int
) -> list[Decision]:
    """Return the verdicts that count: validly signed, in the signer's own name, by someone the policy trusts.

    If the policy names nobody for that, anyone in the policy counts; callers decide whether that suffices.
    """
    key_holders = holders(policy)
    people = recorders(policy, protection)
    trusted_records = []
    for decision in decisions:
        holder = key_holders.get(decision.signature.key) if isinstance(decision.signature, Signed) else None
        if holder is None or holder.person != decision.record.by or holder.person not in people:
            continue
        if holder.key.validity(now) == "valid":
            trusted_records.append(decision)
    return trusted_records


def read_documents(repository: Repository, tip: str, names: Iterable[str]) -> dict[str, Any]:
    """Return the JSON verdicts with these names in the log at `tip` that exist and can be parsed."""
    wanted = set(names)
    documents = {}
    for name, data in read_verdicts(repository, tip, wanted).items() if wanted else ():
        try:
            documents[name] = parse_json(data)
        except (ValueError, RecursionError):
            continue
    return documents


def passed(document: Any, target: VerdictSubject, required: Collection[str]) -> tuple[Ran, ...] | None:
    """Return the required checks in the JSON verdict if all passed on exactly this subject, else None.

    Whether the whole change could be merged then doesn't matter, because approvals are counted again.
    """
    try:
        change = document["change"]
        if (change["base"], change["digest"]) != (target.base, target.digest):
            return None
        reported = {
            check["id"]: check for check in document["checks"] if check["outcome"] in {"passed", "empty"}
        }
        results = tuple(_result(reported[name]) for name in required)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    return results


def _result(document: dict[str, Any]) -> Ran:
    """Return the recorded check. Whether a finding blocked was decided then. Raises ValueError for anything else."""
    result = read_check(document)
    if not isinstance(result, Ran):
        raise ValueError(f"the check {document['id']} did not run")
    return replace(result, blocking=(), seconds=float(result.seconds), cached=True)
