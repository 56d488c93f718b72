"""Record a verdict in the log: its JSON, and the signed record that the checks passed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from gate.app.checking.request import Answer
from gate.app.recording.signing import (
    Signer,
    StoredRecord,
    changes_of,
    compose,
    find_signer_for,
    put,
    sealed,
    send,
)
from gate.approvals.record import Record
from gate.errors import InvalidInput, UsageError
from gate.finding import FEWER_TESTS
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.log.paths import change_path, verdict_path
from gate.log.sync import fetch, remote_of
from gate.log.trusted_verdicts import find_attestation
from gate.model import ENVIRONMENTS, Ran, Verdict, short_name
from gate.policy.types import Protection
from gate.reports.verdict_json import dump, to_data
from gate.rules import policy_at


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """Why there is nothing to sign. `needless` is True if the policy requires no verdict."""

    reason: str
    needless: bool = False


def bring_log(start: Path) -> None:
    """Fetch the log that a record will be added to. Raises CannotDecide if the remote can't be reached."""
    repository = Repository.find(start)
    remote = remote_of(repository)
    if remote:
        fetch(repository, remote)


@contextmanager
def invalid_rules_explained(head: str, into: str) -> Iterator[None]:
    """Add to errors about invalid rules at the base how to pass an audit: no verdict can be recorded under them."""
    try:
        yield
    except InvalidInput as error:
        raise InvalidInput(
            error.mistakes,
            "checks cannot run with invalid rules, so there is no verdict to record: fix the rules, then a guardian "
            f"accepts this commit by the last valid ones: `gate approve {head} --into {into} --waive --reason TEXT`",
        ) from error


def document_of(verdict: Verdict) -> bytes:
    """Return the verdict as the log stores it.

    The only findings in it are those that need a guardian's approval, and those of quarantined tests.
    """
    checks = tuple(
        replace(result, findings=tuple(f for f in result.findings if f.rule == FEWER_TESTS or f.quarantined))
        if isinstance(result, Ran)
        else result
        for result in verdict.checks
    )
    return dump(to_data(replace(verdict, checks=checks))).encode("ascii")


def files_of(repository: Repository, verdict: Verdict, document: bytes) -> dict[str, bytes]:
    """Return the files that the log needs in addition to a record about the verdict."""
    digest = verdict.change.digest
    return {
        verdict_path(sha256(document).hexdigest()): document,
        change_path(digest): changes_of(repository, verdict.change),
    }


def signed_verdict(verdict: Verdict, document: bytes, signer: Signer, now: int) -> dict[str, bytes]:
    """Return the signed record that attests the verdict, as files of the log."""
    return sealed(_record(verdict, document, signer, now), signer)


def record_verdict(start: Path, answer: Answer, key: str | None, now: int) -> StoredRecord | Unrecorded:
    """Sign the verdict and share it. Raises UsageError if nobody can sign.

    Only signs if all required checks passed, because nothing else can be attested. Approvals don't matter here.
    """
    repository, verdict = Repository.find(start), answer.verdict
    change = verdict.change
    if change.into.startswith(ENVIRONMENTS):
        raise UsageError(
            f"{short_name(change.into)} is an environment; its verdicts are recorded by a release",
            "run `gate promote`",
        )
    policy = policy_at(repository, change.base)
    protection = policy.protection(short_name(change.into))
    results = {result.id: result for result in verdict.checks}
    required = [results.get(name) for name in policy.enforced_checks(protection)]
    if not required:
        return Unrecorded("the policy requires no checks", needless=True)
    if not all(isinstance(result, Ran) and not result.blocking for result in required):
        return Unrecorded("not all of the required checks passed")
    signer = find_signer_for(repository, policy, key, now, change)
    own = Protection(protection.require, (signer.person.name,))
    log = open_log(repository)
    standing = find_attestation(repository, log, change, policy, own, now)
    if standing is not None:
        (entry,) = log.starting(standing.id)
        return send(repository, StoredRecord(entry.id, entry.record))
    document = document_of(verdict)
    record = _record(verdict, document, signer, now)
    return send(repository, put(repository, record, signer, files_of(repository, verdict, document)))


def _record(verdict: Verdict, document: bytes, signer: Signer, now: int) -> Record:
    good = {result.id for result in verdict.checks if isinstance(result, Ran) and not result.failed}
    waived = " ".join(sorted({result.id for result in verdict.checks} - good))
    reason = f"pass {' '.join(sorted(good))}".strip() + (f"; waived: {waived}" if waived else "")
    return compose("verdict", verdict.change, signer, now, reason=reason, of=sha256(document).hexdigest())
