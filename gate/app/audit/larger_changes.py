"""Find approvals of a larger change, such as the last branch of a stack, of which a move may be the remaining part.

If the branch was rebased since, its commits don't lead to these approvals, but the changed files do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gate.app.audit.moves import Move
from gate.approvals.content import parse_contents
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.history import read_list_blobs
from gate.log.index import LoggedRecord

LATEST = 200
"""The maximum number of larger changes considered for a file: the latest that somebody approved."""


@dataclass(frozen=True, slots=True)
class LargerChanges:
    """The log's records about larger changes, found by the files that these touch."""

    changes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    records: Mapping[str, Sequence[LoggedRecord]] = field(default_factory=dict)

    @classmethod
    def read(
        cls, repository: Repository, log: ApprovalLog, ref: str, moves: Collection[Move]
    ) -> LargerChanges:
        """Read the changes approved for the branch `ref` that touch a file of the moves."""
        paths = {file.path for move in moves for file in move.files}
        if not paths or not log.tip:
            return cls()
        about = [entry for entry in log.select(log.touching(paths), ()) if entry.record.into == ref]
        approved = {entry.record.change: entry.record.at for entry in about if entry.record.kind == "approve"}
        blobs = log.lists_of(approved)
        contents = read_list_blobs(repository, blobs.values())
        changes: dict[str, list[str]] = {}
        for digest in sorted(approved, key=lambda digest: approved[digest], reverse=True):
            if blobs.get(digest) in contents:
                for path in parse_contents(contents[blobs[digest]]).keys() & paths:
                    changes.setdefault(path, []).append(digest)
        records: dict[str, list[LoggedRecord]] = {}
        for entry in about:
            records.setdefault(entry.record.change, []).append(entry)
        return cls({path: digests[:LATEST] for path, digests in changes.items()}, records)

    def about(self, move: Move) -> list[LoggedRecord]:
        """Return the records about other changes that touch every file of the move."""
        if not move.files:
            return []
        first, *others = (self.changes.get(file.path, ()) for file in move.files)
        shared = set(first).intersection(*others) - {move.digest}
        return [entry for digest in shared for entry in self.records.get(digest, ())]


def still_about(
    records: Iterable[LoggedRecord], own: Collection[str], earlier: Collection[str]
) -> list[LoggedRecord]:
    """Return the records that are about the move: its `own`, and those about a larger change that includes it.

    A larger change includes it if an approval of that change is about an `earlier` form of the move. Its objections and
    revocations then count as well.
    """
    records = list(records)
    covering = {entry.record.change for entry in records if entry.id not in own and entry.id in earlier}
    return [entry for entry in records if entry.id in own or entry.record.change in covering]
