"""Decide which decisions about a change count, and why others don't. Pure; independent of their order.

The same rules apply to signed records and to reviews on a forge. A decision is bound to the person, the repository, the
branch, and the content. A person's latest decision wins: an approval from before an objection or a revocation never
counts again. An objection applies to every later version of the change, until its author withdraws it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from gate.approvals.content import (
    Contents,
    States,
    contents_of,
    covers,
    differing,
    merged_already,
    name_some,
    same,
)
from gate.approvals.decisions import Decision, Identified, Nobody, RecordedReview, identify
from gate.approvals.keys import boundaries, holders
from gate.approvals.record import Record
from gate.approvals.reviews import ReviewDecisions
from gate.model import Approval, Change
from gate.policy.people import members, people_by_emails, person_by_email
from gate.policy.types import Policy, Protection, Stale

INVALID_KEY = {
    "expired": "expired key",
    "not yet valid": "not yet valid key",
    "retired": "signed with a key that the policy no longer lists",
}


def who_settles(policy: Policy, protection: Protection) -> frozenset[str]:
    """Return who can lift the objection of someone who left the policy: guardians, or else every reviewer.

    Authors of the change can't, but they aren't known here.
    """
    guardians = members(policy, protection.require.guarded)
    reviewers = {person.name for person in policy.people.values() if person.role in {"senior", "member"}}
    return guardians if protection.require.guarded else frozenset(reviewers)


@dataclass(frozen=True, slots=True)
class CountContext:
    """The change and the state of the branch that records are counted for.

    `now` is in seconds since the epoch. `earlier` has the ids of records that are probably about an earlier version of
    this change, and `certain` those that certainly are. `lists` has the known contents of changes by digest.
    `contributors` are people known to have contributed besides those whom the commits name, and `guessed` those known
    only by their login. `at_base` is the base's state of files that earlier versions also changed. `hunks` has, by
    record, the files whose approved hunks are unchanged although the file differs. `spent` has records that an earlier
    merge used, with its commit.
    """

    change: Change
    policy: Policy
    protection: Protection
    now: int
    earlier: frozenset[str] = frozenset()
    certain: frozenset[str] = frozenset()
    lists: Mapping[str, Contents] = field(default_factory=dict)
    contributors: frozenset[str] = frozenset()
    guessed: frozenset[str] = frozenset()
    at_base: States = field(default_factory=dict)
    hunks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    spent: Mapping[str, str] = field(default_factory=dict)

    @property
    def stale(self) -> Stale:
        """When an approval stops counting."""
        owners = self.protection.require.owners
        return owners.stale if owners else "change"

    def with_reviews(self, reviewed: ReviewDecisions) -> CountContext:
        """Return this context with the reviews of a pull request, all of which are about this change."""
        ids = frozenset(decision.id for decision in reviewed.decisions)
        return replace(
            self,
            earlier=self.earlier | ids,
            certain=self.certain | ids,
            lists={**self.lists, **reviewed.lists},
            contributors=reviewed.contributors,
            guessed=reviewed.guessed,
        )


@dataclass(frozen=True, slots=True)
class Count:
    """The decisions about a change. `until` is the next moment at which they change just because time passes."""

    approvals: tuple[Approval, ...]
    until: int | None = None


@dataclass(frozen=True, slots=True)
class _Ruling:
    counted: bool
    why: str
    files: tuple[str, ...] = ()


def count(decisions: Iterable[Decision], question: CountContext) -> Count:
    """Evaluate every decision about the change or an earlier version of it."""
    unique = sorted({decision.id: decision for decision in decisions}.values(), key=lambda each: each.id)
    key_holders = holders(question.policy)
    identified: dict[str, Identified] = {}
    approvals = []
    keys = []
    for decision in unique:
        holder = key_holders.get(decision.key)
        if holder is not None:
            keys.append(holder.key)
        match identify(decision, holder, question.policy, question.now):
            case Identified() as who:
                identified[decision.id] = who
            case Nobody(by, why) if _about(decision, question):
                approvals.append(_approval(decision, by, _Ruling(False, why)))
    known = [decision for decision in unique if decision.id in identified]
    counter = _ApprovalCounter(question, known, identified)
    approvals += [counter.evaluate(decision) for decision in known if _about(decision, question)]
    return Count(tuple(sorted(approvals, key=_order)), boundaries(keys, question.now))


def _about(decision: Decision, question: CountContext) -> bool:
    """Return whether this is an approval, an objection, or a waiver for this change or an earlier version of it."""
    if decision.record.kind not in {"approve", "block", "waive"}:
        return False
    return _concerns(decision, question)


def _concerns(decision: Decision, question: CountContext) -> bool:
    return decision.record.change == question.change.digest or decision.id in question.earlier


def _order(approval: Approval) -> tuple[bool, str, str]:
    return (not approval.counted, approval.by, approval.id)


def _approval(decision: Decision, by: str, ruling: _Ruling) -> Approval:
    kind: Literal["approve", "block", "waive"]
    match decision.record.kind:
        case "block" | "waive" as kind:
            pass
        case _:
            kind = "approve"
    return Approval(decision.id, by, kind, decision.record.source, ruling.counted, ruling.why, ruling.files)


class _ApprovalCounter:
    """Evaluates the decisions of known people, each together with everything the same person decided."""

    def __init__(
        self, question: CountContext, decisions: Sequence[Decision], identified: Mapping[str, Identified]
    ) -> None:
        self._question = question
        self._identified = identified
        self._contents = contents_of(question.change.files)
        authors = people_by_emails(question.policy, (who.email for who in question.change.authors))
        self._authors = authors | question.contributors
        self._stranger = any(
            person_by_email(question.policy, author.email) is None for author in question.change.authors
        )
        self._guardians = members(question.policy, question.protection.require.guarded)
        # Lifting an objection can allow a merge, so it needs a valid key; withdrawing an approval never does.
        revokes = [decision for decision in decisions if decision.record.kind == "revoke"]
        self._revoked = {(self._person(revoke), revoke.record.of) for revoke in revokes}
        valid = [
            (self._person(revoke), revoke.record.of)
            for revoke in revokes
            if identified[revoke.id].validity == "valid"
        ]
        self._lifted = frozenset(valid)
        settlers = who_settles(question.policy, question.protection) - self._authors
        self._settled = {of: person for person, of in valid if person in settlers}
        self._rulings = {decision.id: self._ruling(decision) for decision in decisions}
        self._objecting: set[str] = set()
        self._closed: dict[str, int] = {}
        self._latest: dict[tuple[str, str], tuple[int, str]] = {}
        for decision in decisions:
            self._apply(decision)

    def evaluate(self, decision: Decision) -> Approval:
        """Return the decision as an approval that counts or doesn't."""
        ruling = self._rulings[decision.id]
        later = self._overtaken(decision) if ruling.counted and decision.record.kind != "block" else ""
        return _approval(decision, self._person(decision), _Ruling(False, later) if later else ruling)

    def _apply(self, decision: Decision) -> None:
        """Record what a decision means for the same person's other decisions."""
        record, person, ruling = decision.record, self._person(decision), self._rulings[decision.id]
        if self._elsewhere(record) or not _concerns(decision, self._question):
            return
        if record.kind == "revoke" and self._person_behind(record.of, person) != person:
            # Lifting somebody else's objection doesn't affect the person's own decision.
            return
        if record.kind in {"block", "revoke"} or (decision.review and decision.review.dismissed):
            self._closed[person] = max(self._closed.get(person, 0), record.at)
            if record.kind == "block" and ruling.counted:
                self._objecting.add(person)
        elif ruling.counted and len(ruling.files) == len(self._contents):
            key = (person, record.kind)
            self._latest[key] = max(self._latest.get(key, decision.moment), decision.moment)

    def _person(self, decision: Decision) -> str:
        return self._identified[decision.id].person

    def _person_behind(self, identity: str, default: str) -> str:
        """Return who made the decision with this id, or the default if it isn't among the decisions."""
        who = self._identified.get(identity)
        return who.person if who else default

    def _overtaken(self, decision: Decision) -> str:
        """Return why the person's other decisions supersede this one, or ""."""
        record, person = decision.record, self._person(decision)
        if person in self._objecting:
            return "withdrawn: the same person objects"
        if record.at <= self._closed.get(person, -1):
            return "superseded by a later decision of the same person"
        if decision.moment < self._latest.get((person, record.kind), decision.moment):
            return "superseded by a later one of the same person"
        return ""

    def _elsewhere(self, record: Record) -> str:
        """Return why a record is about another repository or branch, or ""."""
        if record.repository != self._question.policy.repository:
            return f"for another repository: {record.repository or 'one without a name'}"
        if record.into != self._question.change.into:
            return f"for another branch: {record.into.removeprefix('refs/heads/')}"
        return ""

    def _ruling(self, decision: Decision) -> _Ruling:
        """Evaluate a decision on its own, ignoring the person's later decisions."""
        record = decision.record
        person, validity = self._identified[decision.id].person, self._identified[decision.id].validity
        taken_back = self._lifted if record.kind == "block" else self._revoked
        if elsewhere := self._elsewhere(record):
            return _Ruling(False, elsewhere)
        signature = decision.signature
        recorder = signature.recorder if isinstance(signature, RecordedReview) else person
        if not taken_back.isdisjoint({(person, decision.id), (recorder, decision.id)}):
            return _Ruling(False, "revoked")
        if decision.review and decision.review.void:
            return _Ruling(False, decision.review.void)
        if record.kind == "block":
            return self._objection(decision)
        if commit := self._question.spent.get(decision.id):
            return _Ruling(False, f"spent: {commit[:12]} merged the change")
        if validity != "valid":
            return _Ruling(False, INVALID_KEY[validity])
        if record.kind == "waive":
            return self._waiver(record, person)
        role = self._question.policy.people[person].role
        if role == "bot" or (decision.review and decision.review.bot):
            return _Ruling(False, "a bot cannot approve")
        if person in self._authors:
            return _Ruling(False, "author of the change")
        if role == "junior" and self._question.protection.kind == "environment":
            return _Ruling(False, "a junior cannot approve a release")
        if role == "junior" and self._stranger:
            # Otherwise a junior could commit from an address that the policy doesn't know, and approve that commit.
            return _Ruling(False, "an author of the change is unknown, and could be this junior")
        if person in self._question.guessed and self._stranger:
            return _Ruling(False, "the authors of the change are unknown, and it could be their own work")
        return self._still_fits(decision)

    def _objection(self, decision: Decision) -> _Ruling:
        # An objection doesn't lapse with its key or its author: otherwise, waiting would be enough to merge.
        record, person = decision.record, self._identified[decision.id].person
        settler = self._settled.get(decision.id)
        if settler and person not in self._question.policy.people:
            return _Ruling(False, f"settled by {settler}: {person} is no longer in the policy")
        earlier = record.change != self._question.change.digest
        details = (
            record.reason.strip(),
            f"raised against {record.head[:12]}, an earlier version of the change" if earlier else "",
        )
        return _Ruling(True, "; ".join(filter(None, details)), tuple(self._contents))

    def _waiver(self, record: Record, person: str) -> _Ruling:
        if record.change != self._question.change.digest:
            return self._stale(record)
        if person not in self._guardians:
            return _Ruling(False, "not one of the guardians")
        return _Ruling(True, record.reason.strip(), tuple(self._contents))

    def _still_fits(self, decision: Decision) -> _Ruling:
        change, record, contents = self._question.change, decision.record, self._contents
        approved = self._question.lists.get(record.change, {})
        hunks = self._question.hunks.get(decision.id, frozenset())
        if record.change != change.digest and not covers(approved, contents, self._question.at_base, hunks):
            return self._fits_in_part(decision, approved)
        if self._question.stale == "head" and record.head != change.head:
            return _Ruling(False, f"stale: given for commit {record.head[:12]}")
        return _Ruling(True, "", tuple(contents))

    def _fits_in_part(self, decision: Decision, approved: Contents) -> _Ruling:
        """Evaluate the decision for unchanged files only, if the policy lets approvals go stale per file."""
        by_file = self._question.stale == "owned" and decision.id in self._question.certain
        unchanged = same(approved, self._contents) if by_file else ()
        if not unchanged:
            return self._stale(decision.record)
        gone = tuple(sorted(self._contents.keys() - set(unchanged)))
        return _Ruling(True, f"stale for {name_some(gone)}, changed since" if gone else "", unchanged)

    def _stale(self, record: Record) -> _Ruling:
        if not record.change:
            return _Ruling(
                False, f"stale: given for commit {record.head[:12] or 'unknown'}, which is not available"
            )
        approved = self._question.lists.get(record.change)
        if approved is None:
            return _Ruling(False, "stale: given for different content")
        merged = merged_already(approved, self._contents, self._question.at_base)
        changed = tuple(path for path in differing(approved, self._contents) if path not in merged)
        return _Ruling(False, f"stale: {name_some(changed)} changed since")
