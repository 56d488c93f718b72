"""The admitted part of the approval log. Outside `gate.log`, the log is read only through this module.

A record is admitted if someone whom the policy lists, or has listed, signed it in their own name (see
`gate.log.signers`). Everything else is treated as absent and decides nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gate.approvals.decisions import Decision, RecordedReview, Signed
from gate.approvals.keys import holders
from gate.approvals.record import review_of
from gate.git.repository import Repository
from gate.log.index import Index, LoggedRecord, open_index
from gate.log.signature_cache import valid_keys
from gate.log.signers import Signers, read_signers, signers_in
from gate.log.store import contains, settle
from gate.policy.types import Policy

FEW = 8
"""The number of commits to look up individually in the log's history before listing all of it."""


@dataclass(slots=True)
class ApprovalLog:
    """The admitted part of the log at one commit.

    `rejected` collects, by id, why requested records aren't admitted.
    """

    repository: Repository
    index: Index
    signers: Signers = field(default_factory=Signers)
    rejected: dict[str, str] = field(default_factory=dict)
    _admitted: dict[str, LoggedRecord | None] = field(default_factory=dict)
    _contained: dict[str, bool] = field(default_factory=dict)
    _history: frozenset[str] | None = None
    _replaced: dict[str, str] | None = None

    @property
    def tip(self) -> str:
        """The commit of the log, or ""."""
        return self.index.tip

    def trusting(self, policy: Policy) -> ApprovalLog:
        """Return the same log, in which people of this policy can sign too."""
        signers = self.signers | signers_in(policy)
        return self if signers == self.signers else replace(self, signers=signers, _admitted={})

    def select(self, changes: Collection[str], heads: Collection[str]) -> list[LoggedRecord]:
        """Return the records about one of the changes or given for one of the heads, and revocations of any of them."""
        return self.admit(self.index.select(changes, heads))

    def all(self) -> list[LoggedRecord]:
        """Return all records."""
        return self.admit(self.index.all())

    def with_ids(self, ids: Collection[str]) -> list[LoggedRecord]:
        """Return the records with these ids."""
        return self.admit(self.index.with_ids(ids))

    def referring_to(self, names: Collection[str]) -> list[LoggedRecord]:
        """Return the records that refer to one of these record ids or names of verdicts."""
        return self.admit(self.index.referring_to(names))

    def given_for(self, into: str, *kinds: str) -> list[LoggedRecord]:
        """Return the records of these kinds for a branch or environment (a full ref name)."""
        candidates = (entry for kind in kinds for entry in self.index.of_kind(kind))
        return self.admit([entry for entry in candidates if entry.record.into == into])

    def latest_by(self, person: str, into: str, since: int) -> int:
        """Return the latest date of a person's records about `into`, or 0 if none is from `since` or later."""
        later = [
            entry
            for entry in self.index.by_person(person)
            if entry.record.into == into and entry.record.at >= since
        ]
        return max((entry.record.at for entry in self.admit(later)), default=0)

    def starting(self, start: str) -> list[LoggedRecord]:
        """Return the records whose id has this prefix."""
        return self.admit(self.index.starting(start))

    def touching(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the lists of changes that may touch one of the paths, as blobs by digest."""
        return self.index.touching(paths)

    def lists_of(self, digests: Collection[str]) -> dict[str, str]:
        """Return the lists of these changes that the log has, as blobs by digest."""
        return self.index.lists_of(digests)

    def state(self, commit: str) -> str:
        """Return the commit of this log with the records that the log had at `commit`, or "".

        It differs from `commit` if the log has been compacted since.
        """
        if self._contains(commit):
            return commit
        if self._replaced is None:
            from gate.log.compaction import replaced_states

            self._replaced = replaced_states(self) if self.tip else {}
        return self._replaced.get(commit, "")

    def _contains(self, commit: str) -> bool:
        """Return whether the commit is part of this log. After many questions, git lists all commits once."""
        if commit not in self._contained and len(self._contained) < FEW:
            self._contained[commit] = bool(commit) and contains(self.repository, self.tip, commit)
        if commit in self._contained:
            return self._contained[commit]
        if self._history is None:
            self._history = frozenset(self.repository.text("rev-list", self.tip).split() if self.tip else ())
        return commit in self._history

    def admit(self, records: Collection[LoggedRecord]) -> list[LoggedRecord]:
        """Return the admitted records, with the keys that signed them."""
        unknown = [record for record in records if record.id not in self._admitted]
        for record, keys, reason in valid_keys(self.repository, unknown, self.signers):
            self._admitted[record.id] = replace(record, keys=keys) if keys else None
            if reason:
                self.rejected[record.id] = reason
        cached = (self._admitted[record.id] for record in records)
        return [record for record in cached if record is not None]


def open_log(repository: Repository, commits: Iterable[str] = ()) -> ApprovalLog:
    """Return the log of this repository after merging everything that was fetched.

    People listed by policies in the history of `commits` can sign too.
    """
    return log_at(repository, settle(repository), commits)


def log_at(
    repository: Repository, tip: str, commits: Iterable[str] = (), *, lasting: str | None = None
) -> ApprovalLog:
    """Return the log at the commit `tip` ("" for none).

    `lasting` is the log's commit that stays if `tip` may not, as in a push: only what that one has is cached.
    """
    if not tip:
        return ApprovalLog(repository, Index(""))
    index = open_index(repository, tip, lasting=lasting)
    return ApprovalLog(repository, index, read_signers(repository, commits))


def decisions_of(records: Iterable[LoggedRecord], policy: Policy) -> list[Decision]:
    """Return the records as decisions, each with its signature by a key that the policy lists, if there is one.

    Other signatures are by people who were listed once, which admission has verified.
    """
    key_holders = holders(policy)
    decisions = []
    for record in records:
        key = _best(record, key_holders)
        if record.record.source != "ssh":
            decisions.append(_review(record, key, former=key not in key_holders))
            continue
        holder = key_holders.get(key)
        former = "" if holder and holder.person == record.record.by else record.record.by
        decisions.append(Decision(record.id, record.record, Signed(key, former)))
    return decisions


def _review(entry: LoggedRecord, key: str, *, former: bool) -> Decision:
    """Return a recorded review in the name of the reviewer on the forge."""
    login, _, reason = review_of(entry.record)
    record = replace(entry.record, by=f"@{login}", reason=reason)
    return Decision(entry.id, record, RecordedReview(login, entry.record.by, key, former))


def _best(record: LoggedRecord, key_holders: Mapping[str, object]) -> str:
    return next((key for key in record.keys if key in key_holders), record.keys[0])
