"""Release a commit into an environment if its gate allows it, and record the release in the log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gate.app.audit.verified_policy import verified
from gate.app.checking.request import CheckRequest, no_progress
from gate.app.recording.signing import (
    Signer,
    StoredRecord,
    compose,
    find_signer,
    put,
    rehearse,
    send,
    share_rest,
)
from gate.app.recording.verdict import document_of, files_of
from gate.app.releases.release import check_release, is_way_back
from gate.approvals.record import Record
from gate.errors import CannotDecide, UsageError
from gate.gather.environments import ProtectedEnvironment, environment_named
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.log.releases import deployments_in
from gate.log.store import settle
from gate.log.sync import bring
from gate.log.trusted_verdicts import recorders
from gate.model import Verdict
from gate.requirements.facts import Deployment
from gate.runner import Event

TRIES = 5


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """Release `rev` into the environment `into`, signed with `key` (the usual one).

    With `dry_run`, record nothing; only prove that it would work.
    """

    start: Path
    now: int
    rev: str
    into: str
    key: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """The release is recorded or, after a dry run, could be. `back` is True for a rollback.

    `recorded` is None if the release was already recorded, and after a dry run; `notes` are lines to show. `unshared`
    says why an existing record has not been pushed.
    """

    verdict: Verdict
    recorded: StoredRecord | None
    back: bool = False
    notes: tuple[str, ...] = ()
    unshared: str = ""


@dataclass(frozen=True, slots=True)
class NotPromoted:
    """The result if the verdict forbids the release: nothing is recorded."""

    verdict: Verdict


def promote(
    request: PromoteRequest, progress: Callable[[Event], None] = no_progress
) -> Promoted | NotPromoted:
    """Check and record a release. Raises UsageError, InvalidInput, or CannotDecide; then nothing is recorded either."""
    repository = Repository.find(request.start)
    named = environment_named(repository, request.into)
    if named is None:
        raise UsageError(
            f"the policy of the default branch has no environment {request.into!r}",
            "add one with `protect: {NAME: {kind: environment}}` in gate.yaml; see `gate explain environments`",
        )
    notes = bring(repository)
    environment = verified(repository, request.start, named)
    signer = _signer(repository, environment, request)
    verdict = _evaluated(repository, named, request, progress)
    if verdict.decision != "pass":
        return NotPromoted(verdict)
    deployments, previous = deployments_in(
        open_log(repository), environment.policy, environment.name, request.now
    )
    if deployments and deployments[-1].commit == verdict.change.head:
        # The remote may have been missing or unreachable when it was recorded.
        unshared = "" if request.dry_run else share_rest(repository)
        return Promoted(verdict, None, notes=notes, unshared=unshared)
    back = is_way_back(repository, deployments, previous, verdict.change.head)
    record, files = _record(repository, verdict, signer, deployments, request.now)
    if request.dry_run:
        rehearse(repository, record, signer, files)
        return Promoted(verdict, None, back, notes)
    recorded = send(repository, put(repository, record, signer, files))
    return Promoted(verdict, recorded, back, notes)


def _signer(repository: Repository, environment: ProtectedEnvironment, request: PromoteRequest) -> Signer:
    """Return who signs the record. Raises UsageError if a record by them wouldn't count."""
    signer = find_signer(repository, environment.policy, request.key, request.now, environment.name)
    name = signer.person.name
    if signer.person.role == "junior":
        raise UsageError(
            f"{name} is a junior, and juniors cannot release", f"ask {signer.person.senior or 'a senior'}"
        )
    allowed = recorders(environment.policy, environment.protection)
    if name not in allowed:
        listed = f"`protect.{environment.name}.verdicts`"
        raise UsageError(
            f"{name} cannot release into {environment.name}: only records by people in {listed} count",
            f"ask one of them to release it: {', '.join(sorted(allowed))}",
        )
    return signer


def _evaluated(
    repository: Repository,
    environment: ProtectedEnvironment,
    request: PromoteRequest,
    progress: Callable[[Event], None],
) -> Verdict:
    """Return the verdict, by a log that didn't change in the meantime."""
    for _ in range(TRIES):
        log = settle(repository)
        wish = CheckRequest(request.start, into=environment.name, head=request.rev, key=request.key)
        answer = check_release(repository, environment, wish, progress)
        if answer.verdict.decision != "pass" or settle(repository) == log:
            return answer.verdict
    raise CannotDecide("the approval log keeps changing", "try again later")


def _record(
    repository: Repository, verdict: Verdict, signer: Signer, deployments: tuple[Deployment, ...], now: int
) -> tuple[Record, dict[str, bytes]]:
    """Return the record of the release, and the files that the log stores with it."""
    document = document_of(verdict)
    files = dict(files_of(repository, verdict, document))
    record = compose(
        "verdict",
        verdict.change,
        signer,
        now,
        latest=deployments[-1].since if deployments else 0,
        reason="released",
        of=sha256(document).hexdigest(),
    )
    return record, files
