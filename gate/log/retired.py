"""Decisions signed with a key that the policy no longer lists: which of them predate its removal.

An objection stands whatever becomes of the key. Withdrawing one removes a block, so a key that is no longer listed can
do that only if the log had the record before: a key is often replaced because somebody else may have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gate.approvals.entries import Entry, Signed
from gate.approvals.keys import holders
from gate.errors import InvalidInput
from gate.git.branch_history import existing
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.paths import LOG_TRAILER, record_path
from gate.model import OID
from gate.policy.files import POLICY_FILE
from gate.rules import policy_at

SEARCHED = 20
"""The number of commits of the branch to search for one that names a commit of the log."""


def mark_earlier(log: ApprovalLog, base: str, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries, with revocations by a former key marked if the log had them before `base` dropped that
    key.
    """
    repository = log.repository
    marked = list(entries)
    doubtful = [number for number, entry in enumerate(entries) if _is_doubtful(entry)]
    if not doubtful:
        return marked
    tips = {
        key: log.state(_referred_to(repository, drop))
        for key, drop in _dropped(repository, base, _keys(entries)).items()
    }
    for number in doubtful:
        signature = entries[number].signature
        assert isinstance(signature, Signed)  # noqa: S101 - only signed entries are doubtful
        tip = tips.get(signature.key, "")
        if tip and existing(repository, [f"{tip}:{record_path(entries[number].id)}"]) != [""]:
            marked[number] = replace(entries[number], signature=replace(signature, before=True))
    return marked


def _referred_to(repository: Repository, commit: str) -> str:
    """Return the commit of the log to which the branch last referred at this commit, or "" if not recently.

    A commit can't name what was created after it, so nothing added to the log later can be part of that.
    """
    command = ("log", "--first-parent", f"-{SEARCHED}", f"--format={LOG_TRAILER}", commit)
    lines = repository.once(command, lambda: repository.text(*command)).split("\n")
    return next((line for line in lines if OID.fullmatch(line)), "")


def _is_doubtful(entry: Entry) -> bool:
    return (
        entry.record.kind == "revoke" and isinstance(entry.signature, Signed) and bool(entry.signature.former)
    )


def _keys(entries: Iterable[Entry]) -> set[str]:
    return {entry.signature.key for entry in entries if isinstance(entry.signature, Signed)}


def _dropped(repository: Repository, base: str, keys: set[str]) -> dict[str, str]:
    """Return, by key, the first-parent commit with which the policy stopped listing it."""
    dropped: dict[str, str] = {}
    later = ""
    open_keys = set(keys)
    for commit in repository.text("rev-list", "--first-parent", base, "--", POLICY_FILE).split():
        try:
            listed = open_keys & holders(policy_at(repository, commit)).keys()
        except InvalidInput:
            continue
        if later:
            dropped |= dict.fromkeys(listed, later)
        open_keys -= listed
        if not open_keys:
            break
        later = commit
    return dropped
