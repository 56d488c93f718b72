"""List the whole approval log, including what isn't admitted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gate.approvals.record import Record
from gate.git.repository import Repository
from gate.log.admission import UNREFERENCED, unreferenced
from gate.log.admitted import open_log
from gate.log.history import read_stretch
from gate.log.sync import fetch_log
from gate.policy.keys import fingerprint


@dataclass(frozen=True, slots=True)
class LogEntry:
    """A record with its ID. `keys` are the fingerprints of the keys that signed it."""

    id: str
    record: Record
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LogListing:
    """The admitted records, latest first, and by ID or name why the rest was rejected. `tip` is the log's commit."""

    tip: str
    entries: tuple[LogEntry, ...]
    rejected: dict[str, str]


def list_log(start: Path, *, bring: bool = False) -> LogListing:
    """Return the content of this repository's log. With `bring`, fetch the remote's log first."""
    repository = Repository.find(start)
    if bring:
        fetch_log(repository)
    log = open_log(repository)
    admitted = log.all()
    entries = sorted(admitted, key=lambda entry: (-entry.record.at, entry.id))
    rejected = {**log.index.refusals(), **log.rejected}
    if log.signers.names and (stretch := read_stretch(repository, "", log.tip)):
        rejected |= {name: f"{kind}: {UNREFERENCED}" for kind, name in unreferenced(stretch, log)}
    return LogListing(
        log.tip,
        tuple(LogEntry(entry.id, entry.record, tuple(map(fingerprint, entry.keys))) for entry in entries),
        rejected,
    )
