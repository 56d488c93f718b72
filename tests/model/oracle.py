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


@dataclass(frozen=True)
class Rules:
    """What a gate.yaml says about people: which of their keys it lists, counted from 0, and who has left."""

    keys: Mapping[str, int]
    left: frozenset[str] = frozenset()


@dataclass
class Protected:
    """A protected branch: its contents since it began, and every commit in its history."""

    history: list[Tree]
    merged: set[str] = field(default_factory=set)


@dataclass
class Record:
    """A signed decision in the log."""

    by: str
    kind: Kind
    into: str
    branch: str
    head: str
    difference: Difference
    key: int
    time: int
    base: int
    revoked: bool = False

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _, _ in self.difference)


@dataclass(frozen=True)
class Proposal:
    """A branch as it stands: what merging it would change, and who wrote it. `difference` is None for a conflict.

    `commits` are those that the branch `into` which it would merge does not have, and `head` is the last of them.
    """

    into: str
    branch: str
    head: str
    difference: Difference | None
    authors: frozenset[str]
    commits: frozenset[str]

    @property
    def paths(self) -> frozenset[str]:
        return frozenset(path for path, _, _ in self.difference or ())


@dataclass(frozen=True)
class Closing:
    """An objection or a revocation: what its author decided about the same change before it counts no more."""

    by: str
    into: str
    branch: str
    head: str
    difference: Difference
    time: int


@dataclass
class Oracle:
    """The log, the protected branches, and the rules by the blob that has them, as the model knows them."""

    branches: dict[str, Protected]
    rules: dict[str, Rules]
    records: list[Record] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    clock: count[int] = field(default_factory=count)

    def rules_of(self, branch: str) -> Rules:
        return self.rules[self.branches[branch].history[-1]["gate.yaml"]]

    def both_rules(self, into: str) -> tuple[Rules, Rules]:
        """A branch's own rules and the default branch's: a person who counts is listed in both."""
        return self.rules_of(into), self.rules_of("main")

    def unknown(self, into: str) -> frozenset[str]:
        return frozenset().union(*(rules.left for rules in self.both_rules(into)))

    def listed(self, by: str, key: int, into: str) -> bool:
        return all(by not in rules.left and rules.keys[by] == key for rules in self.both_rules(into))

    def can_sign(self, by: str, into: str) -> bool:
        """Everybody signs with their newest key, which the default branch lists if it lists them."""
        return self.listed(by, self.rules_of("main").keys[by], into)

    def may_start(self, tree: Tree) -> bool:
        """A protected branch starts at the end of a verified merge, with the default branch's rules of today."""
        main = self.branches["main"].history[-1]
        return all(tree[path] == main[path] for path in GUARDED)

    def decide(self, by: str, kind: Kind, proposal: Proposal) -> None:
        """Record a decision; an objection supersedes what the same person approved or waived before it."""
        assert proposal.difference is not None
        if kind == "block":
            self._close(by, proposal)
        key, now = self.rules_of("main").keys[by], next(self.clock)
        base = len(self.branches[proposal.into].history) - 1
        about = proposal.into, proposal.branch, proposal.head, proposal.difference
        self.records.append(Record(by, kind, *about, key, now, base))

    def revoke(self, record: Record, proposal: Proposal) -> None:
        """Take one's own decision back; nothing that its author said before comes back with it."""
        record.revoked = True
        self._close(record.by, proposal)

    def _close(self, by: str, proposal: Proposal) -> None:
        assert proposal.difference is not None
        about = proposal.into, proposal.branch, proposal.head, proposal.difference
        self.closings.append(Closing(by, *about, next(self.clock)))

    def _superseded(self, record: Record, proposal: Proposal) -> bool:
        return any(
            closing.by == record.by and closing.time > record.time and self.about(closing, proposal)
            for closing in self.closings
        )

    def spent(self, record: Record, proposal: Proposal) -> bool:
        """Was it used: is its commit on the branch, or had that any file as it approves it?"""
        wanted = {(path, new) for path, _, new in record.difference & (proposal.difference or frozenset())}
        branch = self.branches[record.into]
        return record.head in branch.merged or any(
            any(tree.get(path) == new for path, new in wanted) for tree in branch.history[record.base + 1 :]
        )

    def covers(self, record: Record, proposal: Proposal) -> bool:
        """Is what is left of the change as it was approved, and everything else of it on the branch already?"""
        if not proposal.difference or not proposal.difference <= record.difference:
            return False
        tip = self.branches[record.into].history[-1]
        return all(tip.get(path) == new for path, _, new in record.difference - proposal.difference)

    @staticmethod
    def about(item: Record | Closing, proposal: Proposal) -> bool:
        """Is it about merging the branch, in this form or an earlier one, or the same content, into the same branch?"""
        return item.into == proposal.into and (
            item.branch == proposal.branch
            or item.difference == proposal.difference
            or item.head in proposal.commits
        )

    def objections(self, proposal: Proposal) -> list[Record]:
        """An objection stands against every later form of the branch until its author revokes it."""
        return [
            record
            for record in self.records
            if record.kind == "block" and not record.revoked and self.about(record, proposal)
        ]

    def counted(self, proposal: Proposal) -> frozenset[str]:
        """Whose approvals count: of exactly this content, by a listed key, by nobody who wrote any of it."""
        objectors = {record.by for record in self.objections(proposal)}
        return frozenset(
            record.by
            for record in self.records
            if record.kind == "approve"
            and record.into == proposal.into
            and self.covers(record, proposal)
            and self._stands(record, proposal)
            and record.by not in proposal.authors | objectors
        )

    def _stands(self, record: Record, proposal: Proposal) -> bool:
        if record.revoked or not self.listed(record.by, record.key, record.into):
            return False
        return not self._superseded(record, proposal) and not self.spent(record, proposal)

    def waived(self, proposal: Proposal) -> bool:
        """A guardian's waiver of exactly this content, not used before, by someone who does not object."""
        objectors = {record.by for record in self.objections(proposal)}
        return any(
            record.kind == "waive"
            and record.into == proposal.into
            and record.difference == proposal.difference
            and record.by not in objectors
            and self._stands(record, proposal)
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
            and senior_approved(proposal.authors, approvers, self.unknown(proposal.into))
            and (not proposal.paths & set(GUARDED) or bool(approvers & GUARDIANS))
        )


def owners_of(path: str) -> frozenset[str]:
    """The last line of CODEOWNERS that matches."""
    return next(owners for prefix, owners in OWNERS.items() if path.startswith(prefix))


def senior_approved(authors: Iterable[str], approvers: frozenset[str], left: Iterable[str]) -> bool:
    """A junior's change needs the senior assigned to them, or any senior if that one is an author too.

    A person who has left is unknown, and counts as the most junior, with no senior of their own.
    """
    unknown = set(authors) & set(left)
    needed = {
        ASSIGNED_SENIOR[author] for author in authors if author in ASSIGNED_SENIOR and author not in unknown
    }
    return (not unknown or bool(approvers & SENIORS)) and all(
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
