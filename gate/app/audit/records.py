"""Read the records in the approval log about the moves of a branch, for all of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gate.app.audit.granted import Granted
from gate.app.audit.larger_changes import LargerChanges
from gate.app.audit.moves import Move
from gate.approvals.content import Contents, parse_contents
from gate.approvals.record import Record, is_afterwards
from gate.git.branch_history import existing
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.history import read_list_blobs
from gate.log.index import LoggedRecord
from gate.log.paths import record_path
from gate.log.spent import SPENDABLE
from gate.log.store import contains
from gate.log.trusted_verdicts import read_documents

CLOSING = frozenset({"block", "revoke"})


class MoveRecords:
    """The records about each move, the content they refer to, and which of them the log had when the move was made.

    `grants` decides whose records count, `documents` has the verdicts by ID, and `lists` has the contents of earlier
    forms of the changes by digest.
    """

    def __init__(self, repository: Repository, ref: str, log: ApprovalLog, moves: Sequence[Move]) -> None:
        """Read the records in `log` about `moves` of the branch `ref`."""
        self._repository, self._log = repository, log
        self._contained: dict[tuple[str, str], bool] = {}
        self._by_change: dict[str, list[LoggedRecord]] = {}
        self._by_head: dict[str, list[LoggedRecord]] = {}
        digests, heads = {move.digest for move in moves}, {oid for move in moves for oid in move.brought}
        for entry in log.select(digests, heads) if moves else ():
            self._by_change.setdefault(entry.record.change, []).append(entry)
            if entry.record.kind != "verdict":
                self._by_head.setdefault(entry.record.head, []).append(entry)
        self._of_larger = LargerChanges.read(repository, log, ref, self._without_approval(moves))
        bearing = [(move, self.bearing(move)) for move in moves]
        self.grants = Granted.read(
            repository,
            log,
            ref,
            lambda: {entry.id: entry for _, records in bearing for entry in records}.values(),
        )
        self._seen = self._witnessed(bearing)
        self.documents = self._read_documents(bearing)
        self.lists = self._read_lists(bearing)

    def about(self, move: Move) -> Sequence[LoggedRecord]:
        """Return the records about exactly this change."""
        return self._by_change.get(move.digest, ())

    def own(self, move: Move) -> dict[str, LoggedRecord]:
        """Return the records about the change and about earlier forms of it, by ID."""
        entries = {entry.id: entry for entry in self.about(move)}
        for oid in move.brought & self._by_head.keys():
            entries |= {entry.id: entry for entry in self._by_head[oid]}
        return entries

    def bearing(self, move: Move) -> list[LoggedRecord]:
        """Return the same records, and those about a larger change of which this may be the remaining part."""
        entries = self.own(move)
        entries |= {entry.id: entry for entry in self._of_larger.about(move)}
        return list(entries.values())

    def _without_approval(self, moves: Iterable[Move]) -> list[Move]:
        """Return the moves that nobody approved or waived in exactly this form."""
        return [
            move for move in moves if not any(entry.record.kind in SPENDABLE for entry in self.about(move))
        ]

    def _witnessed(self, bearing: Sequence[tuple[Move, list[LoggedRecord]]]) -> set[tuple[str, str]]:
        """Return which records were in the log that a move refers to, as pairs of its commit and the record's ID."""
        questions = [
            (move, state, entry)
            for move, records in bearing
            if move.trailers.log and (state := self._log.state(move.trailers.log))
            for entry in records
        ]
        answers = existing(
            self._repository, (f"{state}:{record_path(entry.id)}" for _, state, entry in questions)
        )
        return {
            (move.new.oid, entry.id)
            for (move, _, entry), blob in zip(questions, answers, strict=True)
            if blob
        }

    def for_move(self, move: Move, records: Sequence[LoggedRecord]) -> list[LoggedRecord]:
        """Return the records that count for the move, without those that came later.

        If the move was made despite an objection, a revocation settles it, no matter when it was made.
        """
        late = {entry.id for entry in records if is_afterwards(entry.record)}
        there = {entry.id for entry in records if entry.record.of in late or self._was_there(move, entry)}
        objections = {entry.id for entry in records if entry.record.kind == "block"} & there
        return [entry for entry in records if entry.id in there or entry.record.of in objections]

    def withdrawn_later(self, move: Move) -> list[LoggedRecord]:
        """Return the objections despite which the move was made, and which were revoked afterwards."""
        bearing = self.bearing(move)
        later = {
            entry.record.of
            for entry in bearing
            if entry.record.kind == "revoke" and not self._was_there(move, entry)
        }
        return [
            entry
            for entry in bearing
            if entry.record.kind == "block" and entry.id in later and self._was_there(move, entry)
        ]

    def late_objections(self, move: Move) -> list[LoggedRecord]:
        """Return the objections to the move that say themselves that they came after it, and that nobody revoked."""
        about = self.about(move)
        revoked = {entry.record.of for entry in about if entry.record.kind == "revoke"}
        return [
            entry
            for entry in about
            if entry.record.kind == "block"
            and entry.id not in revoked
            and self._is_afterwards(move, entry.record)
        ]

    def _was_there(self, move: Move, entry: LoggedRecord) -> bool:
        """Return whether the record was made before the move. Later objections and revocations don't undo a merge."""
        record = entry.record
        if (move.new.oid, entry.id) in self._seen:
            return True
        if self._is_afterwards(move, record):
            # It is shown as such.
            return True
        if record.kind in CLOSING:
            return not self._is_later(move, record)
        return not move.trailers.log

    @staticmethod
    def _is_afterwards(move: Move, record: Record) -> bool:
        """Return whether the record says that its author knew of the move."""
        return is_afterwards(record) and (record.base, record.change) == (move.old.oid, move.digest)

    def _is_later(self, move: Move, record: Record) -> bool:
        """Return whether it is proven that the record came after the move: its signed base already contains the move.

        The person who made the move may want every objection to have come after it. So anything that they alone choose
        proves nothing: neither a date nor the state of the log that the move refers to. Without proof, it counts.
        """
        key = (record.base, move.new.oid)
        if key not in self._contained:
            self._contained[key] = contains(self._repository, *key)
        return self._contained[key]

    def _read_documents(
        self, bearing: Sequence[tuple[Move, list[LoggedRecord]]]
    ) -> dict[str, dict[str, Any]]:
        """Return the verdicts that the moves and the records refer to."""
        names = {move.trailers.verdict for move, _ in bearing if len(move.trailers.verdict) == 64}
        names |= {
            entry.record.of for _, records in bearing for entry in records if entry.record.kind == "verdict"
        }
        tip = self._log.tip
        return read_documents(self._repository, tip, names) if tip else {}

    def _read_lists(self, bearing: Sequence[tuple[Move, list[LoggedRecord]]]) -> dict[str, Contents]:
        """Return the contents of earlier forms of the changes: an approval of one may still count for some files."""
        digests = {
            entry.record.change
            for move, records in bearing
            for entry in records
            if entry.record.change != move.digest
        }
        blobs = self._log.lists_of(digests)
        read = read_list_blobs(self._repository, blobs.values())
        return {digest: parse_contents(read[blob]) for digest, blob in blobs.items() if blob in read}
