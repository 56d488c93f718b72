"""Approvals of other content that still count: of a stack whose first part was merged, and of the same hunks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gate.approvals.content import Contents, contents_of, covers
from gate.approvals.count import CountContext
from gate.approvals.record import Record
from gate.git.hunks import HunkComparison, entered_since
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.model import Change


def carry(
    repository: Repository, question: CountContext, records: Iterable[tuple[str, Record]]
) -> CountContext:
    """Return the context extended by what these records (by id), which are about other content, mean for the change.

    Records that cover everything still to be merged are about an earlier version of the change.
    """
    change, lists, now = question.change, question.lists, contents_of(question.change.files)
    candidates = {
        identity: (record, lists[record.change])
        for identity, record in records
        if record.kind == "approve" and record.change != change.digest and record.change in lists
    }
    if not candidates:
        return question
    gone = sorted({path for _, approved in candidates.values() for path in approved.keys() - now.keys()})
    tree = change.base_tree or change.base
    base = {e.path: (e.mode, e.oid) for e in list_tree(repository, tree, gone)} if gone else {}
    hunks: dict[str, frozenset[str]] = {}
    if question.stale == "hunks":
        comparison = HunkComparison(repository)
        for identity, (record, approved) in candidates.items():
            if now.keys() <= approved.keys() and not covers(approved, now, base):
                hunks[identity] = _same_hunks(repository, comparison, change, record, approved, now)
    ids = {
        i for i, (_, approved) in candidates.items() if covers(approved, now, base, hunks.get(i, frozenset()))
    }
    return replace(
        question,
        earlier=question.earlier | ids,
        at_base={**question.at_base, **base},
        hunks={**question.hunks, **hunks},
    )


def _same_hunks(
    repository: Repository,
    comparison: HunkComparison,
    change: Change,
    record: Record,
    approved: Contents,
    now: Contents,
) -> frozenset[str]:
    """Return the files whose change is the approved one and wasn't on the branch before, which would have used it."""
    paths = comparison.equivalent(approved, now)
    if not paths or not resolve(repository, [record.base]):
        return frozenset()
    entered = entered_since(repository, record.base, change.base, sorted(paths))
    return paths - {path for path, content in entered if comparison.same_hunks(approved[path], content)}
