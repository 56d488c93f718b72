"""Replace a server's log with one that has only the admitted records, signed by an administrator."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gate.app.recording.signing import find_signer, sealed
from gate.approvals.record import Record
from gate.errors import CannotDecide, UsageError
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.log.compaction import (
    KIND,
    administrators,
    append,
    compaction_in,
    referred_by_merges,
    write_compacted,
)
from gate.log.store import LOG, replace_log
from gate.log.sync import remote_of
from gate.model import BRANCHES
from gate.rules import ProtectedBranches


@dataclass(frozen=True, slots=True)
class Compacted:
    """The log moved from `old` to `new`, with `records` records. `left_out` of the old log were not admitted."""

    old: str
    new: str
    records: int
    left_out: int


def compact(start: Path, now: int, *, key: str | None = None) -> Compacted:
    """Compact the log of this repository, which must be a server's.

    Raises UsageError, and changes nothing, if this is a clone, or if the signer isn't an administrator.
    """
    repository = Repository.find(start)
    if remote := remote_of(repository):
        raise UsageError(
            f"this clone shares its approval log with {remote}, which would reject a compacted one",
            "run it in the repository on the server",
        )
    branches = ProtectedBranches.of(repository)
    log = open_log(repository)
    if not log.tip:
        raise UsageError(
            "there is no approval log here", f"the approval log is at {LOG} on the server that people push to"
        )
    signer = find_signer(repository, branches.policy, key, now, branches.default)
    able = administrators(branches.policy, branches.default)
    if signer.person.name not in able:
        raise UsageError(
            f"{signer.person.name} is not a guardian of {branches.default}, so no clone would accept the compacted log",
            f"let one of {', '.join(sorted(able)) or 'the guardians'} sign it",
        )
    earlier = compaction_in(log)
    ids = sorted(entry.id for entry in log.all() if entry.record.kind != KIND)
    left_out = len({*log.rejected, *log.index.refusals()})
    head = write_compacted(log, referred_by_merges(repository))
    record = Record(
        kind=KIND,
        repository=branches.policy.repository,
        into=f"{BRANCHES}{branches.default}",
        base=log.tip,
        head=head,
        change=sha256("".join(ids).encode("ascii")).hexdigest(),
        by=signer.person.name,
        at=max(now, earlier.record.at + 1 if earlier else 0),
        nonce=secrets.token_hex(16),
    )
    new = append(repository, head, sealed(record, signer), f"compact by {record.by}")
    if not replace_log(repository, new, log.tip):
        raise CannotDecide("the approval log changed in the meantime", "run the command again")
    return Compacted(log.tip, new, len(ids), left_out)
