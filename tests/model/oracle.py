"""Who may merge what, written from the documentation alone: a model that the real command line is compared with.

Nothing here imports gate. Contents, authors, and history are facts from git; everything that gate decides from
them is decided here a second time, in the plainest way, by the rules of docs/approvals.md and docs/policy.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal

Tree = Mapping[str, str]
Difference = frozenset[tuple[str, str | None, str | None]]
Kind = Literal["approve", "block", "waive"]

SENIORS = frozenset({"nehemiah", "ada"})
GUARDIANS = frozenset({"nehemiah", "ada"})
ASSIGNED_SENIOR = {"newhire": "nehemiah"}
OWNERS = {"docs/": frozenset({"bob"}), "web/": frozenset({"bob", "ada"}), "": frozenset({"nehemiah"})}
GUARDED = ("gate.yaml", ".github/CODEOWNERS")


@dataclass
class Record:
    """A signed decision in the log."""

    by: str
    kind: Kind
    branch: str
    difference: Difference
    key: int
    time: int
    revoked: bool = False
    superseded: bool = False
    spent: bool = False

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _, _ in self.difference)


@dataclass(frozen=True)
class Proposal:
    """A branch as it stands: what merging it would change, and who wrote it. `difference` is None for a conflict."""

    branch: str
    difference: Difference | None
    authors: frozenset[str]

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _, _ in self.difference or ())


@dataclass
class Oracle:
    """The log and the people's keys, as the model knows them."""

    records: list[Record] = field(default_factory=list)
    keys: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("nehemiah", "ada", "bob", "newhire"), 0)
    )
    clock: count[int] = field(default_factory=count)

    def decide(self, by: str, kind: Kind, proposal: Proposal) -> None:
        """Record a decision; an objection supersedes what the same person approved or waived before it."""
        assert proposal.difference is not None
        if kind == "block":
            self._supersede(by, proposal)
        now = next(self.clock)
        self.records.append(Record(by, kind, proposal.branch, proposal.difference, self.keys[by], now))

    def revoke(self, record: Record, proposal: Proposal) -> None:
        """Take one's own decision back; nothing that its author said before comes back with it."""
        record.revoked = True
        self._supersede(record.by, proposal)

    def _supersede(self, by: str, proposal: Proposal) -> None:
        for record in self.records:
            if record.by == by and record.kind != "block" and self._about(record, proposal):
                record.superseded = True

    def spend(self, proposal: Proposal) -> None:
        """The change was merged: what let it in does not count again."""
        for record in self.records:
            if record.kind != "block" and record.difference == proposal.difference:
                record.spent = True

    @staticmethod
    def _about(record: Record, proposal: Proposal) -> bool:
        return record.branch == proposal.branch or record.difference == proposal.difference

    def objections(self, proposal: Proposal) -> list[Record]:
        """An objection stands against every later form of the branch until its author revokes it."""
        return [
            record
            for record in self.records
            if record.kind == "block" and not record.revoked and self._about(record, proposal)
        ]

    def counted(self, proposal: Proposal) -> frozenset[str]:
        """Whose approvals count: of exactly this content, by a listed key, by nobody who wrote any of it."""
        objectors = {record.by for record in self.objections(proposal)}
        return frozenset(
            record.by
            for record in self.records
            if record.kind == "approve"
            and record.difference == proposal.difference
            and self._stands(record)
            and record.by not in proposal.authors | objectors
        )

    def _stands(self, record: Record) -> bool:
        current = record.key == self.keys[record.by]
        return current and not (record.revoked or record.superseded or record.spent)

    def waived(self, proposal: Proposal) -> bool:
        """A guardian's waiver of exactly this content, not used before, by someone who does not object."""
        objectors = {record.by for record in self.objections(proposal)}
        return any(
            record.kind == "waive"
            and record.difference == proposal.difference
            and record.by not in objectors
            and self._stands(record)
            for record in self.records
        )

    def may_merge(self, proposal: Proposal) -> bool:
        """The decision."""
        if proposal.difference is None:
            return False
        return self.waived(proposal) or (not self.objections(proposal) and self._enough(proposal))

    def _enough(self, proposal: Proposal) -> bool:
        approvers = self.counted(proposal)
        return (
            bool(approvers)
            and all(owners_of(path) & approvers for path in proposal.paths)
            and senior_approved(proposal.authors, approvers)
            and (not proposal.paths & set(GUARDED) or bool(approvers & GUARDIANS))
        )


def owners_of(path: str) -> frozenset[str]:
    """The last line of CODEOWNERS that matches."""
    return next(owners for prefix, owners in OWNERS.items() if path.startswith(prefix))


def senior_approved(authors: Iterable[str], approvers: frozenset[str]) -> bool:
    """A junior's change needs the senior assigned to them, or any senior if that one is an author too."""
    needed = {ASSIGNED_SENIOR[author] for author in authors if author in ASSIGNED_SENIOR}
    return all(
        senior in approvers or (senior in set(authors) and bool(approvers & SENIORS)) for senior in needed
    )


def merged(base: Tree, ours: Tree, theirs: Tree) -> Difference | None:
    """What a three-way merge of whole files changes in `ours`; None where both sides changed a file differently."""
    changes = set()
    for path in {*base, *ours, *theirs}:
        old, mine, yours = base.get(path), ours.get(path), theirs.get(path)
        if yours in (old, mine):
            continue
        if mine != old:
            return None
        changes.add((path, mine, yours))
    return frozenset(changes)
