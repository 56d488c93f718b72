"""The admitted part of the approval log: the only way to read it outside of `gate.log`.

A record is admitted if somebody whom the policy lists, or has listed, signed it in their own name (see
`gate.log.signers`). Everything else is treated as absent, whatever it says: it decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gate.approvals.entries import Entry, RecordedReview, Signed
from gate.approvals.keys import holders
from gate.approvals.record import review_of
from gate.git.repository import Repository
from gate.log.index import Found, Index, open_index
from gate.log.signature_cache import valid_keys
from gate.log.signers import Signers, read_signers, signers_in
from gate.log.store import contains, settle
from gate.policy.types import Policy

FEW = 8
"""So many commits are looked for one by one in the history of the log."""


@dataclass(slots=True)
class ApprovalLog:
    """The admitted records of a repository's log at one commit.

    `rejected` collects, by ID, the reason why a requested record is not admitted.
    """

    repository: Repository
    index: Index
    signers: Signers = field(default_factory=Signers)
    rejected: dict[str, str] = field(default_factory=dict)
    _admitted: dict[str, Found | None] = field(default_factory=dict)
    _contained: dict[str, bool] = field(default_factory=dict)
    _history: frozenset[str] | None = None
    _replaced: dict[str, str] | None = None

    @property
    def tip(self) -> str:
        """The commit of the log; "" where there is none."""
        return self.index.tip

    def trusting(self, policy: Policy) -> ApprovalLog:
        """The same log, where the people of this policy can sign as well."""
        signers = self.signers | signers_in(policy)
        return self if signers == self.signers else replace(self, signers=signers, _admitted={})

    def select(self, changes: Collection[str], heads: Collection[str]) -> list[Found]:
        """The records about one of the changes, or given for one of the heads; and what revokes any of them."""
        return self.admit(self.index.select(changes, heads))

    def all(self) -> list[Found]:
        """Every record."""
        return self.admit(self.index.all())

    def with_ids(self, ids: Collection[str]) -> list[Found]:
        """The records with these ids."""
        return self.admit(self.index.with_ids(ids))

    def referring_to(self, names: Collection[str]) -> list[Found]:
        """The records that refer to one of these, which are ids of records or the names of verdicts."""
        return self.admit(self.index.referring_to(names))

    def given_for(self, into: str, *kinds: str) -> list[Found]:
        """The records of these kinds about changes of this branch or environment (a full ref name)."""
        candidates = (entry for kind in kinds for entry in self.index.of_kind(kind))
        return self.admit([entry for entry in candidates if entry.record.into == into])

    def latest_by(self, person: str, into: str, since: int) -> int:
        """The latest date that a person gave a record about `into`; 0 if none has one of `since` or later."""
        later = [
            entry
            for entry in self.index.by_person(person)
            if entry.record.into == into and entry.record.at >= since
        ]
        return max((entry.record.at for entry in self.admit(later)), default=0)

    def starting(self, start: str) -> list[Found]:
        """The records whose ID starts with this prefix."""
        return self.admit(self.index.starting(start))

    def touching(self, paths: Iterable[str]) -> dict[str, str]:
        """The lists of the changes that may touch one of the paths: blobs by digest."""
        return self.index.touching(paths)

    def lists_of(self, digests: Collection[str]) -> dict[str, str]:
        """The lists of these changes, as far as the log has them: blobs by digest."""
        return self.index.lists_of(digests)

    def state(self, commit: str) -> str:
        """The commit of this log that has what the log had at `commit`, to which a merge refers; "" for none.

        That is another commit where the log was compacted since.
        """
        if self._contains(commit):
            return commit
        if self._replaced is None:
            from gate.log.compaction import replaced_states

            self._replaced = replaced_states(self) if self.tip else {}
        return self._replaced.get(commit, "")

    def _contains(self, commit: str) -> bool:
        """Is the commit part of this log? Asked about many, git lists them all once."""
        if commit not in self._contained and len(self._contained) < FEW:
            self._contained[commit] = bool(commit) and contains(self.repository, self.tip, commit)
        if commit in self._contained:
            return self._contained[commit]
        if self._history is None:
            self._history = frozenset(self.repository.text("rev-list", self.tip).split() if self.tip else ())
        return commit in self._history

    def admit(self, records: Collection[Found]) -> list[Found]:
        """The admitted records among these, with the keys that signed them."""
        unknown = [record for record in records if record.id not in self._admitted]
        for record, keys, reason in valid_keys(self.repository, unknown, self.signers):
            self._admitted[record.id] = replace(record, keys=keys) if keys else None
            if reason:
                self.rejected[record.id] = reason
        cached = (self._admitted[record.id] for record in records)
        return [record for record in cached if record is not None]


def open_log(repository: Repository, commits: Iterable[str] = ()) -> ApprovalLog:
    """The log of this repository, after everything that was fetched has been taken in.

    Those whom the policies in the history of `commits` list can sign as well.
    """
    return log_at(repository, settle(repository), commits)


def log_at(
    repository: Repository, tip: str, commits: Iterable[str] = (), *, lasting: str | None = None
) -> ApprovalLog:
    """The log at the commit `tip` ("" for none), cached up to the commit `lasting` of it: see `open_index`."""
    if not tip:
        return ApprovalLog(repository, Index(""))
    index = open_index(repository, tip, lasting=lasting)
    return ApprovalLog(repository, index, read_signers(repository, commits))


def entries_of(records: Iterable[Found], policy: Policy) -> list[Entry]:
    """The records as decisions to count: each with its signature by a key that the policy lists, if one is.

    One by another key is by somebody who was listed with it once, as admission has made sure.
    """
    key_holders = holders(policy)
    entries = []
    for record in records:
        key = _best(record, key_holders)
        if record.record.source != "ssh":
            entries.append(_review(record, key, former=key not in key_holders))
            continue
        holder = key_holders.get(key)
        former = "" if holder and holder.person == record.record.by else record.record.by
        entries.append(Entry(record.id, record.record, Signed(key, former)))
    return entries


def _review(entry: Found, key: str, *, former: bool) -> Entry:
    """A recorded review, in the name of the person who gave it on the forge."""
    login, _, reason = review_of(entry.record)
    record = replace(entry.record, by=f"@{login}", reason=reason)
    return Entry(entry.id, record, RecordedReview(login, entry.record.by, key, former))


def _best(record: Found, key_holders: Mapping[str, object]) -> str:
    return next((key for key in record.keys if key in key_holders), record.keys[0])
