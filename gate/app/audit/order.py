"""Whether a record came after a move, by what the log and the branch prove. Clocks prove nothing: anyone can set one.

An objection or a revocation that came after a move undoes no merge. The person who made the move may want every
objection to have come after it, so nothing that they alone wrote counts as proof: neither a date nor a `Gate-Log` by
itself. There are two proofs:

- the author of the record signed that the branch was at the move or beyond it (`base`);
- the record was added on top of a state of the log that holds the verdict about the move, wherever it was added.

What neither proves counts as if it had been there: a doubt closes the gate, and its author can take it back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from gate.app.audit.moves import Move
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.index import Found
from gate.log.paths import record_path
from gate.log.store import contains


@dataclass(slots=True)
class RecordOrder:
    """Which records certainly came after a move, in the log `log`."""

    repository: Repository
    log: ApprovalLog
    _contained: dict[tuple[str, str], bool] = field(default_factory=dict)
    _added: dict[str, Collection[str]] = field(default_factory=dict)

    def is_later(self, move: Move, entry: Found, decided: Callable[[], bool]) -> bool:
        """Is it proven that the record came after the move?

        `decided` reports whether the log that the move refers to holds a verdict about it.
        """
        if self._contains(entry.record.base, move.new.oid):
            return True
        state = self.log.state(move.trailers.log)
        # A compacted log has the same states, but no longer says on top of which of them a record was added.
        if not state or state != move.trailers.log or not decided():
            return False
        additions = self._additions(entry)
        return bool(additions) and all(self._contains(commit, state) for commit in additions)

    def _additions(self, entry: Found) -> Collection[str]:
        """The commits of the log that added the record: several, where clones merged their logs."""
        if entry.id not in self._added:
            path = record_path(entry.id)
            command = ("rev-list", "--full-history", self.log.tip, "--", path)
            self._added[entry.id] = self.repository.text(*command).split()
        return self._added[entry.id]

    def _contains(self, tip: str, older: str) -> bool:
        if (tip, older) not in self._contained:
            self._contained[tip, older] = contains(self.repository, tip, older)
        return self._contained[tip, older]
