"""Find approvals that have been used, in the history of the protected branch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gate.approvals.content import Contents
from gate.approvals.record import Record
from gate.approvals.spent import Timeline, files_of
from gate.git.merging import FIRST_PARENTS, RAW_LOG
from gate.git.objects import LONGEST_COMMAND, resolve
from gate.git.repository import Repository
from gate.log.index import LoggedRecord
from gate.log.store import contains
from gate.model import FileChange, encode_path
from gate.raw_diff import parse_log

SPENDABLE = frozenset({"approve", "waive"})
"""Kinds of records that a merge uses up. Objections remain; a verdict is bound to its base and never fits another."""


def spent_on(
    repository: Repository,
    base: str,
    records: Iterable[LoggedRecord],
    contents: Contents,
    lists: Mapping[str, Contents],
) -> dict[str, str]:
    """Return the records that are spent for a branch at `base`, by id, each with the commit that used it.

    `contents` are those of the change in question, `lists` those of others by digest.
    """
    spent = {}
    for record in records:
        if record.record.kind in SPENDABLE and record.record.base != base:
            files = files_of(lists, record.record.change, contents)
            if commit := _merged(repository, base, record.record) or _had(
                repository, base, record.record, files
            ):
                spent[record.id] = commit
    return spent


def _merged(repository: Repository, base: str, record: Record) -> str:
    """Return the commit that the record was given for if it is part of the branch, else ""."""
    return record.head if contains(repository, base, record.head) else ""


def _had(repository: Repository, base: str, record: Record, files: Contents) -> str:
    """Return the first commit after the record's base that gave a file of the branch its new content, or ""."""
    if not files:
        return ""
    span = f"{record.base}..{base}" if resolve(repository, [record.base]) else base
    steps = _changes_of(repository, span, files)
    number = Timeline(changed for _, changed in steps).first_with(files, 0, len(steps))
    return steps[number - 1][0] if number else ""


def _changes_of(
    repository: Repository, span: str, paths: Iterable[str]
) -> list[tuple[str, list[FileChange]]]:
    """Return the first-parent commits, oldest first, that changed one of the paths, with their changes to them."""
    encoded = [encode_path(path) for path in paths]
    # With very many paths, ask git about all paths: there are more commits to examine, but the answer is the same.
    limited = encoded if sum(map(len, encoded)) < LONGEST_COMMAND else []
    raw = repository.run(*RAW_LOG, *FIRST_PARENTS, "--root", "--reverse", "--format=%H", span, "--", *limited)
    return [(commit.header, commit.files) for commit in parse_log(raw)]
