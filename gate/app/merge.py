"""Check, then move the branch to the very commit that was checked, by compare-and-swap."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal, assert_never

from gate.app.approve import head_named
from gate.app.check import Answer, CheckRequest, check, ignore
from gate.app.recording import document_of, files_of, signed_verdict
from gate.app.signing import Signer, find_signer
from gate.errors import CannotDecide, GateError, UsageError
from gate.gather import environment_named, policy_at
from gate.git.change import default_branch
from gate.git.index import IDENTITY_VARIABLES
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.worktrees import advance, busy_worktree
from gate.log.store import LOG, add, contains, settle, tips
from gate.log.sync import UNMOVED, Pushed, fetch, push, remember, remote_of, share, stuck
from gate.log.trailers import trailers_for
from gate.model import Change, Verdict
from gate.policy.people import members
from gate.runner import Event

How = Literal["merge", "squash", "ff-only"]
TRIES = 20
"""How often the branch may move away while gate checks, before somebody should look into it."""


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """What is asked: bring `rev` into `into`, here or (`push`) on the remote."""

    start: Path
    now: int
    rev: str
    into: str | None = None
    push: bool = False
    how: How = "merge"
    message: str = ""
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Merged:
    """The branch is at `commit` now. `remote` names where it was pushed to; `notes` are worth telling."""

    verdict: Verdict
    commit: str
    remote: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotMerged:
    """Nothing has moved: the verdict forbids it, or the remote's own gate did (`refused`)."""

    verdict: Verdict
    refused: str = ""


@dataclass(frozen=True, slots=True)
class _Moved:
    """Somebody else moved the branch meanwhile; so it seems, by what the remote said to the push."""

    pushed: Pushed | None = None


def merge(
    request: MergeRequest,
    progress: Callable[[Event], None] = ignore,
    tell: Callable[[str], None] = lambda _line: None,
) -> Merged | NotMerged:
    """Check and merge; where the branch moved meanwhile, say so (`tell`) and check again.

    Raises UsageError, InvalidInput or CannotDecide; then nothing has moved either.
    """
    repository = Repository.find(request.start)
    if environment_named(repository, request.into) is not None:
        raise UsageError(
            f"{request.into} is an environment: nothing is merged there",
            f"`gate promote {request.rev} --into {request.into}`",
        )
    branch = (request.into or default_branch(repository)).removeprefix("refs/heads/")
    remote = remote_of(repository) if request.push else ""
    if request.push and not remote:
        raise UsageError(
            "there is no remote to push to", "`git remote add origin URL`, or leave out `--push`"
        )
    head = head_named(repository, request.rev)
    before, unmoved = None, 0
    for _ in range(TRIES):
        if remote:
            fetch(repository, remote, branch)
        else:
            _refuse_if_busy(repository, branch)
        base, old = _sides(repository, branch, remote)
        log = settle(repository)
        answer = check(CheckRequest(request.start, into=branch, head=head, base=base), progress)
        if answer.verdict.decision != "pass":
            return NotMerged(answer.verdict)
        if tips(repository).own != log:
            tell("somebody has recorded a decision meanwhile: checking again")
            continue
        _refuse_unvouched(repository, request, answer)
        landed = _land(repository, request, branch, remote, answer.verdict, old)
        if not isinstance(landed, _Moved):
            return landed
        now = base, tips(repository).remote
        unmoved = unmoved + 1 if now == before else 0
        before = now
        if landed.pushed and unmoved == UNMOVED:
            raise stuck(remote, landed.pushed)
        if not unmoved:
            tell(f"{branch} or the log has moved meanwhile: checking again")
    raise CannotDecide(
        f"{branch} or the log moved {TRIES} times while gate was checking", "try again in a while"
    )


def _sides(repository: Repository, branch: str, remote: str) -> tuple[str, str]:
    """The commit to merge onto, and the own branch's tip ("" without one) that will have to move.

    Here that is whichever of the own branch and `origin`'s is ahead; on the remote it is the remote's.
    """
    ours, theirs = f"refs/heads/{branch}", f"refs/remotes/{remote or 'origin'}/{branch}"
    found = resolve(repository, [ours, theirs])
    own, tracking = found.get(ours, ""), found.get(theirs, "")
    if remote and not tracking:
        raise UsageError(f"{remote} has no branch {branch}", "push it there first")
    if remote or not own:
        return tracking or own or ours, own
    if not tracking or contains(repository, own, tracking):
        return own, own
    if contains(repository, tracking, own):
        return tracking, own
    raise UsageError(
        f"your {branch} has commits that origin's does not have, and the other way round",
        f"bring them together first, or merge on the remote with `gate merge REV --into {branch} --push`",
    )


def _refuse_unvouched(repository: Repository, request: MergeRequest, answer: Answer) -> None:
    """Raise CannotDecide where the policy wants somebody else's word for the checks, and it is not here.

    Neither the server nor the audit would take it otherwise.
    """
    change = answer.verdict.change
    policy = policy_at(repository, change.base)
    branch = change.into.removeprefix("refs/heads/")
    protection = policy.protection(branch)
    if answer.vouched or not protection.verdicts or not protection.require.checks:
        return
    if any(approval.counted and approval.kind == "waive" for approval in answer.verdict.approvals):
        return
    signer = _signer(repository, request, change)
    if signer is None or signer.person.name not in members(policy, protection.verdicts):
        raise CannotDecide(
            f"{branch} takes its checks from a verdict of {' or '.join(protection.verdicts)}, and none is here yet",
            "wait for it; `gate approvals --fetch` brings what has been recorded",
        )


def _land(
    repository: Repository, request: MergeRequest, branch: str, remote: str, verdict: Verdict, old: str
) -> Merged | NotMerged | _Moved:
    change = verdict.change
    if change.merge_base == change.head:
        if remote:
            # A server that was ended within the push may have moved the branch, and not yet the log.
            share(repository, remote)
        return Merged(verdict, change.base, notes=(f"{request.rev} is in {branch} already",))
    if request.how == "ff-only" and change.merge_base != change.base:
        raise UsageError(
            f"{branch} cannot be fast-forwarded: it has commits that {request.rev} does not have",
            f"rebase {request.rev} onto {branch}, or leave out `--ff-only`",
        )
    document = document_of(verdict)
    witness, signed = _record(repository, request, verdict, document)
    if request.how == "ff-only" and not signed:
        raise UsageError(
            "a fast-forward leaves no place for the verdict but the log, and there it has to be signed",
            "name your key with `--key FILE`, or leave out `--ff-only`",
        )
    commit = _commit(repository, request, branch, verdict, document, witness)
    notes = (
        () if signed else ("the verdict is recorded without a signature: no key of yours is in the policy",)
    )
    if remote:
        return _push(repository, remote, branch, verdict, commit, notes)
    if not advance(repository, change.into, commit, old, f"gate merge {request.rev}"):
        return _Moved()
    return Merged(verdict, commit, notes=notes)


def _push(
    repository: Repository, remote: str, branch: str, verdict: Verdict, commit: str, notes: tuple[str, ...]
) -> Merged | NotMerged | _Moved:
    """Push the branch and the log, both or neither."""
    ref = f"refs/heads/{branch}"
    log = tips(repository).own
    lease = f"--force-with-lease={ref}:{verdict.change.base}"
    pushed = push(repository, remote, [f"{commit}:{ref}", f"{log}:{LOG}"], "--atomic", lease)
    match pushed.state:
        case "refused":
            return NotMerged(verdict, pushed.said)
        case "behind":
            # Be it the branch or the log that others moved: what they recorded may be an objection.
            return _Moved(pushed)
        case "done":
            remember(repository, remote, log)
            return Merged(verdict, commit, remote, notes + _follow(repository, ref, commit))
        case other:
            assert_never(other)


def _follow(repository: Repository, ref: str, commit: str) -> tuple[str, ...]:
    """Let the own branch follow the remote's, where that harms nothing."""
    branch = ref.removeprefix("refs/heads/")
    old = resolve(repository, [ref]).get(ref, "")
    if not old or not contains(repository, commit, old):
        return ()
    try:
        if not busy_worktree(repository, ref) and advance(repository, ref, commit, old, "gate merge --push"):
            return ()
    except GateError as error:
        # The remote has it, and that is what was asked for.
        return (f"your own {branch} stays where it was: {error.message}",)
    return (f"your own {branch} stays where it was: `git pull` when your work there is committed",)


def _refuse_if_busy(repository: Repository, branch: str) -> None:
    busy = busy_worktree(repository, f"refs/heads/{branch}")
    if busy:
        raise UsageError(
            f"{branch} is checked out in {busy}, with changes that are not committed",
            "commit or stash them there, or check out another branch",
        )


def _record(
    repository: Repository, request: MergeRequest, verdict: Verdict, document: bytes
) -> tuple[str, bool]:
    """Put the verdict into the log, signed where the person has a key; the tip after that, and whether signed."""
    change = verdict.change
    files = files_of(repository, verdict, document)
    signer = _signer(repository, request, change)
    if signer is not None:
        files |= signed_verdict(verdict, document, signer, request.now)
    return add(repository, files, f"verdict for {change.head[:12]}"), signer is not None


def _signer(repository: Repository, request: MergeRequest, change: Change) -> Signer | None:
    policy = policy_at(repository, change.base)
    try:
        return find_signer(repository, policy, request.key, request.now, change.into)
    except UsageError:
        if request.key:
            raise
        return None


def _commit(
    repository: Repository,
    request: MergeRequest,
    branch: str,
    verdict: Verdict,
    document: bytes,
    witness: str,
) -> str:
    """The commit that carries the verified tree."""
    change = verdict.change
    if request.how == "ff-only":
        return change.head
    identity = {name: os.environ[name] for name in IDENTITY_VARIABLES if os.environ.get(name)}
    parents = ["-p", change.base]
    if request.how == "squash":
        title = request.message or f"Squash {request.rev} into {branch}"
        if change.authors:
            author = change.authors[0]
            identity |= {"GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email}
    else:
        title = request.message or f"Merge {request.rev} into {branch}"
        parents += ["-p", change.head]
    message = f"{title}\n\n{trailers_for(verdict, sha256(document).hexdigest(), witness, request.how)}"
    done = repository.attempt(
        "commit-tree",
        change.tree,
        *parents,
        "-F",
        "-",
        stdin=message.encode("utf-8", "replace"),
        env=identity,
    )
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(
            f"git cannot make the merge commit: {said[-1] if said else 'it did not say why'}",
            "does it know you? `git config user.name NAME` and `git config user.email ADDRESS`",
        )
    return done.stdout.decode("ascii").strip()
