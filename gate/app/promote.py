"""Releasing: a commit goes into an environment if its gate lets it in, and the log says so from then on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gate.app.check import check
from gate.app.judge import CheckRequest, ignore
from gate.app.recording import document_of, files_of
from gate.app.signing import Recorded, compose, find_signer, put, send
from gate.errors import CannotDecide, UsageError
from gate.gather import environment_named
from gate.git.repository import Repository
from gate.log.decisions import open_log
from gate.log.releases import stays_in
from gate.log.store import settle
from gate.log.sync import fetch, remote_of
from gate.model import Verdict
from gate.runner import Event

TRIES = 5


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """What is asked: release `rev` into the environment `into`, signed with `key` (the usual one)."""

    start: Path
    now: int
    rev: str
    into: str
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Promoted:
    """It is recorded. `back` says that it takes the place of a release that came after it.

    `recorded` is None where it was there already; `notes` are lines to show.
    """

    verdict: Verdict
    recorded: Recorded | None
    back: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotPromoted:
    """Nothing is recorded: the verdict forbids it."""

    verdict: Verdict


def promote(request: PromoteRequest, progress: Callable[[Event], None] = ignore) -> Promoted | NotPromoted:
    """Check and record. Raises UsageError, InvalidInput or CannotDecide; then nothing is recorded either."""
    repository = Repository.find(request.start)
    environment = environment_named(repository, request.into)
    if environment is None:
        raise UsageError(
            f"the policy of the default branch has no environment {request.into!r}",
            "`protect: {NAME: {kind: environment}}` in gate.yaml makes one: `gate explain environments`",
        )
    notes = _bring(repository)
    signer = find_signer(repository, environment.policy, request.key, request.now, environment.name)
    if signer.person.role == "junior":
        raise UsageError(
            f"{signer.person.name} is a junior by the policy, and a junior cannot release anything",
            f"ask {signer.person.senior or 'a senior'}",
        )
    for _ in range(TRIES):
        log = settle(repository)
        answer = check(
            CheckRequest(request.start, into=environment.name, head=request.rev, key=request.key), progress
        )
        if answer.verdict.decision != "pass":
            return NotPromoted(answer.verdict)
        if settle(repository) == log:
            break
    else:
        raise CannotDecide("decisions are being recorded all the time", "try again in a while")
    change = answer.verdict.change
    stays, before = stays_in(
        repository, open_log(repository), environment.policy, environment.name, request.now
    )
    if stays and stays[-1].commit == change.head:
        return Promoted(answer.verdict, None, notes=notes)
    document = document_of(answer.verdict)
    files = files_of(repository, answer.verdict, document)
    record = compose(
        "verdict",
        change,
        signer,
        request.now,
        after=stays[-1].since if stays else 0,
        reason="released",
        of=sha256(document).hexdigest(),
    )
    recorded = send(repository, put(repository, record, signer, files))
    return Promoted(answer.verdict, recorded, before == change.head, notes)


def _bring(repository: Repository) -> tuple[str, ...]:
    """Fetch what others have recorded. A remote that does not answer is told, and stands in no way back."""
    remote = remote_of(repository)
    if not remote:
        return ()
    try:
        fetch(repository, remote)
    except CannotDecide as error:
        return (f"what others have recorded may be missing here: {error.message}",)
    return ()
