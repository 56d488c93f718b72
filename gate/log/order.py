"""Decide in which order records were added to the log. Its commits prove that; the clocks of signers don't."""

from __future__ import annotations

from collections.abc import Collection

from gate.git.branch_history import existing
from gate.log.admitted import ApprovalLog
from gate.log.paths import record_path


def added_after(log: ApprovalLog, records: Collection[str], earlier: Collection[str]) -> frozenset[str]:
    """Return the records that were certainly added to the log after all of `earlier`, by id.

    Every commit that added such a record has a parent with all of `earlier`. Records that two clones made at once, or
    that a compaction combined, have no order.
    """
    if not records or not earlier or not log.tip:
        return frozenset(records)
    paths = [record_path(identity) for identity in records]
    listed = log.repository.text("log", "--full-history", "--format=%H %P", log.tip, "--", *paths)
    commits = {commit: parents for commit, *parents in map(str.split, listed.splitlines())}
    states = {state for commit, parents in commits.items() for state in (commit, *parents)}
    questions = [(state, identity) for state in states for identity in {*records, *earlier}]
    blobs = existing(log.repository, (f"{state}:{record_path(identity)}" for state, identity in questions))
    held = {question for question, blob in zip(questions, blobs, strict=True) if blob}
    unproven = {
        identity
        for commit, parents in commits.items()
        for identity in records
        if (commit, identity) in held
        and not any((parent, identity) in held for parent in parents)
        and not any(all((parent, old) in held for old in earlier) for parent in parents)
    }
    return frozenset(records) - unproven
