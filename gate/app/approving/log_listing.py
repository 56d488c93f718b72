"""The approval log as a whole: what is in it, and what of it is not admitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gate.approvals.record import Record
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.log.sync import fetch_log


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A record under its id."""

    id: str
    record: Record


@dataclass(frozen=True, slots=True)
class LogListing:
    """The admitted records, the latest first; and why others are not, by id. `tip` is the commit of the log."""

    tip: str
    entries: tuple[LogEntry, ...]
    rejected: dict[str, str]


def list_log(start: Path, *, bring: bool = False) -> LogListing:
    """What is in the log of this repository; with `bring` that of the remote is fetched first."""
    repository = Repository.find(start)
    if bring:
        fetch_log(repository)
    log = open_log(repository)
    admitted = log.all()
    entries = sorted(admitted, key=lambda entry: (-entry.record.at, entry.id))
    rejected = {**log.index.refusals(), **log.rejected}
    return LogListing(log.tip, tuple(LogEntry(record.id, record.record) for record in entries), rejected)
