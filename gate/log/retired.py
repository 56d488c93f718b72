"""Decisions signed with a key that the policy no longer lists: which of them predate its removal.

An objection stands whatever becomes of the key. Withdrawing one removes a block, so a key that is no longer listed can
do that only if the log had the record before: a key is often replaced because somebody else may have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gate.approvals.decisions import Decision, Signed
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


def mark_earlier(log: ApprovalLog, base: str, decisions: Sequence[Decision]) -> list[Decision]:
    """Return the decisions, with revocations by a former key marked if the log had them before `base` dropped that
    key.
    """
    repository = log.repository
    marked = list(decisions)
    doubtful = [number for number, decision in enumerate(decisions) if _is_doubtful(decision)]
    if not doubtful:
        return marked
    tips = {
        key: log.state(_referred_to(repository, drop))
        for key, drop in _dropped(repository, base, _keys(decisions)).items()
    }
    for number in doubtful:
        signature = decisions[number].signature
        assert isinstance(signature, Signed)  # noqa: S101 - only signed decisions are doubtful
        tip = tips.get(signature.key, "")
        if tip and existing(repository, [f"{tip}:{record_path(decisions[number].id)}"]) != [""]:
            marked[number] = replace(decisions[number], signature=replace(signature, before=True))
    return marked


def _referred_to(repository: Repository, commit: str) -> str:
    """Return the commit of the log to which the branch last referred at this commit, or "" if not recently.

    A commit can't name what was created after it, so nothing added to the log later can be part of that.
    """
    command = ("log", "--first-parent", f"-{SEARCHED}", f"--format={LOG_TRAILER}", commit)
    lines = repository.once(command, lambda: repository.text(*command)).split("\n")
    return next((line for line in lines if OID.fullmatch(line)), "")


def _is_doubtful(decision: Decision) -> bool:
    return (
        decision.record.kind == "revoke"
        and isinstance(decision.signature, Signed)
        and bool(decision.signature.former)
    )


def _keys(decisions: Iterable[Decision]) -> set[str]:
    return {decision.signature.key for decision in decisions if isinstance(decision.signature, Signed)}


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
