"""Releasing: a commit goes into an environment if its gate lets it in, and the log says so from then on."""

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
from gate.model import Verdict
from gate.requirements.facts import Deployment
from gate.runner import Event

TRIES = 5


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """Release `rev` into the environment `into`, signed with `key` (the usual one).

    With `dry_run` nothing is recorded; it is only proven that it could be.
    """

    start: Path
    now: int
    rev: str
    into: str
    key: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Promoted:
    """It is recorded, or after a dry run it could be. `back` is True for a rollback.

    `recorded` is None where it was there already, and after a dry run; `notes` are lines to show. `unshared` says why
    a record that was there already has not been pushed.
    """

    verdict: Verdict
    recorded: StoredRecord | None
    back: bool = False
    notes: tuple[str, ...] = ()
    unshared: str = ""


@dataclass(frozen=True, slots=True)
class NotPromoted:
    """Nothing is recorded: the verdict forbids it."""

    verdict: Verdict


def promote(
    request: PromoteRequest, progress: Callable[[Event], None] = no_progress
) -> Promoted | NotPromoted:
    """Check and record. Raises UsageError, InvalidInput or CannotDecide; then nothing is recorded either."""
    repository = Repository.find(request.start)
    named = environment_named(repository, request.into)
    if named is None:
        raise UsageError(
            f"the policy of the default branch has no environment {request.into!r}",
            "`protect: {NAME: {kind: environment}}` in gate.yaml makes one: `gate explain environments`",
        )
    notes = bring(repository)
    environment = verified(repository, request.start, named)
    signer = find_signer(repository, environment.policy, request.key, request.now, environment.name)
    if signer.person.role == "junior":
        raise UsageError(
            f"{signer.person.name} is a junior, and juniors cannot release",
            f"ask {signer.person.senior or 'a senior'}",
        )
    verdict = _evaluated(repository, named, request, progress)
    if verdict.decision != "pass":
        return NotPromoted(verdict)
    deployments, previous = deployments_in(
        open_log(repository), environment.policy, environment.name, request.now
    )
    if deployments and deployments[-1].commit == verdict.change.head:
        # The remote may not have been there when it was recorded.
        unshared = "" if request.dry_run else share_rest(repository)
        return Promoted(verdict, None, notes=notes, unshared=unshared)
    back = is_way_back(repository, deployments, previous, verdict.change.head)
    record, files = _record(repository, verdict, signer, deployments, request.now)
    if request.dry_run:
        rehearse(repository, record, signer, files)
        return Promoted(verdict, None, back, notes)
    recorded = send(repository, put(repository, record, signer, files))
    return Promoted(verdict, recorded, back, notes)


def _evaluated(
    repository: Repository,
    environment: ProtectedEnvironment,
    request: PromoteRequest,
    progress: Callable[[Event], None],
) -> Verdict:
    """The verdict, by a log that did not change meanwhile."""
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
    """The record of the release, and the files that the log keeps with it."""
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
