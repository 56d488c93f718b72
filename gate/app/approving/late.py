"""Prevent an objection that came after a merge from being recorded as one from before it.

An audit can't distinguish the two, because those who might want to ignore the objection choose the dates and the state
of the log. Only the objector knows, so their own clone makes sure. An objection is late if the remote already has the
merge, but not the objection.
"""

from __future__ import annotations

from itertools import zip_longest

from gate.app.audit.moves import read_moves
from gate.app.recording.signing import Signer, StoredRecord, fetch_branch, put, revocation, send
from gate.errors import UsageError
from gate.git.branch_history import existing, read_onward
from gate.git.branches import known_tip
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.log.paths import record_path
from gate.log.store import tips, tracking_ref
from gate.log.sync import remote_of
from gate.model import ENVIRONMENTS, Change, short_name

UNDO = "to undo the merged change, use `git revert`"


def check_not_merged(repository: Repository, change: Change) -> None:
    """Raise UsageError if the branch on the remote has merged the change since its base."""
    if change.merged_commits or change.into.startswith(ENVIRONMENTS):
        return
    branch = short_name(change.into)
    fetch_branch(repository, branch)
    if commit := _merged_as(repository, change):
        raise UsageError(f"too late to object: this change was merged into {branch}, as {commit[:12]}", UNDO)


def send_objection(
    repository: Repository, change: Change, signer: Signer, recorded: StoredRecord
) -> StoredRecord:
    """Share an objection. If the change was merged before that, withdraw the objection and raise UsageError."""
    branch, commits = short_name(change.into), list[str]()

    def withdraw_if_late() -> None:
        fetch_branch(repository, branch)
        if not commits and (commit := _merged_as(repository, change)):
            commits.append(commit)
            (entry,) = open_log(repository).starting(recorded.id)
            tip, why = known_tip(repository, branch), f"came after the merge {commit[:12]}"
            put(repository, revocation(entry, signer, recorded.record.at, tip, why), signer)

    sent = send(repository, recorded, withdraw_if_late)
    if not commits:
        return sent
    remote = remote_of(repository)
    withdrawn = (
        f"; your withdrawal is not on {remote} yet: {sent.unshared}"
        if sent.unshared
        else ", so it was withdrawn"
    )
    raise UsageError(
        f"this change was merged into {branch}, as {commits[0][:12]}, before your objection was on {remote}"
        f"{withdrawn}",
        UNDO,
    )


def hint_of_unshared(repository: Repository, change: Change) -> str:
    """Return how to withdraw objections to this head that were recorded here but never shared, or ""."""
    log = open_log(repository)
    about = log.select((), (change.head,))
    entries = [entry for entry in about if entry.record.kind == "block"]
    revoked = {entry.record.of for entry in about if entry.record.kind == "revoke"}
    theirs = tips(repository).remote.get(tracking_ref(remote_of(repository)), "")
    shared = (
        existing(repository, (f"{theirs}:{record_path(entry.id)}" for entry in entries)) if theirs else ()
    )
    return "; ".join(
        f"the objection by {entry.record.by} was never pushed; withdraw it with `gate revoke {entry.id[:12]}`"
        for entry, blob in zip_longest(entries, shared)
        if not blob and entry.id not in revoked
    )


def _merged_as(repository: Repository, change: Change) -> str:
    """Return the commit after the base that brought the change to the branch, as last fetched, or ""."""
    tip = known_tip(repository, short_name(change.into))
    if not tip or tip == change.base:
        return ""
    history = read_onward(repository, change.base, tip)
    moves = read_moves(repository, history, history.chain, open_log(repository), change.into)
    return next(
        (move.new.oid for move in moves if change.digest == move.digest or change.head in move.brought), ""
    )
