"""Finish a merge: create the commit that was checked, prove it, and advance the branch to it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import assert_never

from gate.app.audit.audit import unproven
from gate.app.merging.commit import make_commit
from gate.app.recording.signing import Signer, find_signer
from gate.app.recording.verdict import document_of, files_of, signed_verdict
from gate.approvals.keys import holders
from gate.errors import GateError, UsageError
from gate.git.branch_history import read_onward
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.worktrees import advance, busy_worktree
from gate.log.admitted import log_at
from gate.log.store import LOG, add, contains, settle, tips
from gate.log.sync import Pushed, fetch, has_more, push, remember, remote_of, share
from gate.log.trailers import How, trailers_for
from gate.model import Change, Verdict, short_name
from gate.rules import policy_at


@dataclass(frozen=True, slots=True)
class MergeRequest:
    """Merge `rev` into `into`, in this repository or, with `push`, on the remote.

    With `force`, merge even a change whose rules lock people out.
    """

    start: Path
    now: int
    rev: str
    into: str | None = None
    push: bool = False
    how: How = "merge"
    message: str = ""
    key: str | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of a merge: the branch is at `commit`. `remote` is where it was pushed; `notes` are lines to show."""

    verdict: Verdict
    commit: str
    remote: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotMerged:
    """The result if nothing moved: the verdict forbids it, or `refused` says what does, and `help` what to do."""

    verdict: Verdict
    refused: str = ""
    help: str = ""


@dataclass(frozen=True, slots=True)
class LostRace:
    """Somebody else moved the branch first. `pushed` is the remote's answer to the push."""

    pushed: Pushed | None = None


def advance_branch(
    repository: Repository, request: MergeRequest, remote: str, verdict: Verdict, old: str
) -> Merged | NotMerged | LostRace:
    """Move the branch, which is at `old` in this repository, to the merge result of the verdict."""
    change = verdict.change
    branch = short_name(change.into)
    if change.merge_base == change.head:
        if remote:
            # A server that was stopped during a push may have moved the branch but not yet the log.
            share(repository, remote)
        return Merged(
            verdict,
            change.base,
            notes=(f"Nothing to merge: {branch} already has everything in {request.rev}",),
        )
    how = _way(repository, request, change)
    signer = signer_of(repository, request, change)
    if how == "ff-only" and signer is None:
        raise UsageError(
            "a fast-forward has no merge commit to record the verdict in, so the verdict must be signed",
            "add `--key FILE`, or remove `--ff-only`",
        )
    document, log_commit = _record(repository, verdict, signer, request.now)
    title = request.message or f"{'Squash' if how == 'squash' else 'Merge'} {request.rev} into {branch}"
    trailers = trailers_for(verdict, document, log_commit, how)
    commit = change.head if how == "ff-only" else make_commit(repository, change, how, title, trailers)
    if reason := _unproven(repository, change, commit, log_commit):
        return NotMerged(
            verdict,
            f"{branch} was not moved, because `gate audit` would fail: {reason}",
            f"get the current content approved: `gate approve {request.rev}`"
            + ("" if request.how == "squash" else ", or merge with `--squash`"),
        )
    notes = []
    if how != request.how:
        notes.append(f"{branch} accepts one commit per change, so the change was squashed")
    if signer is None and document:
        notes.append("the verdict is recorded without a signature, because the policy lists no key")
    if remote:
        return _push(repository, remote, branch, verdict, commit, tuple(notes))
    if not advance(repository, change.into, commit, old, f"gate merge {request.rev}"):
        return LostRace()
    if beyond := remote_of(repository):
        sends = f"to push it, run `git push --atomic {beyond} {branch}{f' {LOG}' if log_commit else ''}`"
        notes.append(f"{branch} has moved only in this clone; {sends}")
    return Merged(verdict, commit, notes=tuple(notes))


def signer_of(repository: Repository, request: MergeRequest, change: Change) -> Signer | None:
    """Return the person who merges, by their key. None if the policy doesn't list them, and no key was named."""
    try:
        return own_signer(repository, request, change)
    except UsageError:
        if request.key:
            raise
        return None


def own_signer(repository: Repository, request: MergeRequest, change: Change) -> Signer:
    """Return the person who merges, by their key. Raises UsageError if the policy doesn't list them."""
    policy = policy_at(repository, change.base)
    return find_signer(repository, policy, request.key, request.now, short_name(change.into))


def _record(repository: Repository, verdict: Verdict, signer: Signer | None, now: int) -> tuple[str, str]:
    """Record the verdict in the log. Return the SHA-256 of its JSON, and the log's commit.

    If the policy lists keys, what nobody signed is not admitted, and a server would reject every log that has it:
    then nothing is recorded, and the first value is "".
    """
    if signer is None and holders(policy_at(repository, verdict.change.base)):
        return "", settle(repository)
    document = document_of(verdict)
    files = files_of(repository, verdict, document)
    if signer is not None:
        files |= signed_verdict(verdict, document, signer, now)
    return sha256(document).hexdigest(), add(repository, files, f"verdict for {verdict.change.head[:12]}")


def _way(repository: Repository, request: MergeRequest, change: Change) -> How:
    """Return how to merge: as requested, or as one commit if the policy accepts nothing else.

    Raises UsageError if a fast-forward isn't possible, or if the server and the audit would reject it.
    """
    branch = short_name(change.into)
    squashed = policy_at(repository, change.base).protection(branch).require.history == "squash"
    if request.how == "merge" and squashed:
        return "squash"
    if request.how != "ff-only":
        return request.how
    if change.merge_base != change.base:
        raise UsageError(
            f"{branch} cannot be fast-forwarded: it has commits that {request.rev} does not have",
            f"rebase {request.rev} onto {branch}, or remove `--ff-only`",
        )
    history = read_onward(repository, change.base, change.head)
    if history.chain[:1] != [change.base]:
        raise UsageError(
            f"{request.rev} has merged {branch}: a fast-forward would put its history in place of {branch}'s",
            f"rebase {request.rev} onto {branch}, or remove `--ff-only`",
        )
    brought = len(history.commits) - 1
    if squashed and brought > 1:
        raise UsageError(
            f"{branch} accepts one commit per change, and {request.rev} has {brought}",
            "remove `--ff-only` to squash them",
        )
    return "ff-only"


def _unproven(repository: Repository, change: Change, commit: str, log_commit: str) -> str:
    """Return why an audit would fail the step to `commit`, with the log at `log_commit`, or "" if it would pass."""
    history = read_onward(repository, change.base, commit)
    step = unproven(repository, change.into, log_at(repository, log_commit, [change.base]), history)
    return step.reason if step else ""


def _push(
    repository: Repository, remote: str, branch: str, verdict: Verdict, commit: str, notes: tuple[str, ...]
) -> Merged | NotMerged | LostRace:
    """Push the branch and the log atomically."""
    ref = f"refs/heads/{branch}"
    log = tips(repository).own
    lease = f"--force-with-lease={ref}:{verdict.change.base}"
    specs = [f"{commit}:{ref}", *([f"{log}:{LOG}"] if log else [])]
    pushed = push(repository, remote, specs, "--atomic", lease)
    match pushed.state:
        case "refused":
            # Behind a server's hook, only the remote's current state distinguishes a refusal from a lost race.
            fetch(repository, remote, branch)
            moved = resolve(repository, [f"refs/remotes/{remote}/{branch}"])
            if verdict.change.base in moved.values() and not has_more(repository, remote, log):
                return NotMerged(verdict, f"the remote refused it: {pushed.output}")
            return LostRace(pushed)
        case "behind":
            # Others have moved the branch or the log, and what they recorded may be an objection.
            return LostRace(pushed)
        case "done":
            if log:
                remember(repository, remote, log)
            return Merged(verdict, commit, remote, notes + _follow(repository, ref, commit))
        case other:
            assert_never(other)


def _follow(repository: Repository, ref: str, commit: str) -> tuple[str, ...]:
    """Fast-forward the local branch to the remote's if that is harmless. Return notes about it."""
    branch = ref.removeprefix("refs/heads/")
    old = resolve(repository, [ref]).get(ref, "")
    if not old or not contains(repository, commit, old):
        return ()
    try:
        if not busy_worktree(repository, ref) and advance(repository, ref, commit, old, "gate merge --push"):
            return ()
    except GateError as error:
        # The remote has it, which is what was requested.
        return (f"your local {branch} was not updated: {error.message}",)
    return (f"your local {branch} was not updated: commit your work there, then run `git pull`",)
