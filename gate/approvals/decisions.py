"""Decisions in a common form, whether signed or given in a review on a forge."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from gate.approvals.keys import Holder
from gate.approvals.record import Record
from gate.policy.keys import fingerprint
from gate.policy.people import person_by_login
from gate.policy.types import Policy


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature verified by ssh-keygen, and the base64 text of its key.

    `former` is the person who held the key under an earlier policy of the branch, if the current one doesn't list it as
    theirs. `before` means that the log had the record before the key was removed from the policy.
    """

    key: str
    former: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class Unsigned:
    """No valid signature by a key in the policy, and why. `key` is the key that the signature names."""

    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review, whose author the forge attests. `void` says why it no longer counts, if it doesn't.

    A `dismissed` review supersedes the person's earlier decisions. One that was merely followed by another leaves that
    to the later one.
    """

    login: str
    void: str = ""
    dismissed: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class RecordedReview:
    """A review on a forge that someone recorded and signed with this key.

    `recorder` is that person. `former` means that the policy no longer lists their key.
    """

    login: str
    recorder: str
    key: str
    former: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision with its id, and the evidence of who made it."""

    id: str
    record: Record
    signature: Signed | Unsigned | Reviewed | RecordedReview

    @property
    def moment(self) -> tuple[int, str]:
        """The sort key for the decisions of one person."""
        return self.record.at, self.id

    @property
    def key(self) -> str:
        """The base64 text of the key that the signature names, or ""."""
        return "" if isinstance(self.signature, Reviewed) else self.signature.key

    @property
    def review(self) -> Reviewed | None:
        """The review with this decision, if there is one."""
        return self.signature if isinstance(self.signature, Reviewed) else None


@dataclass(frozen=True, slots=True)
class Identified:
    """Who verifiably made a decision: a person in the policy, or in an earlier version of it.

    A `retired` key is no longer in the policy: its decisions can't approve anything.
    """

    person: str
    validity: Literal["valid", "expired", "not yet valid", "retired"]


@dataclass(frozen=True, slots=True)
class Nobody:
    """An author whom the policy doesn't list: a name to display, and the reason."""

    by: str
    why: str


def identify(decision: Decision, holder: Holder | None, policy: Policy, now: int) -> Identified | Nobody:
    """Return who made a decision. `holder` is the person whose key the signature names, if any."""
    record, signature = decision.record, decision.signature
    if isinstance(signature, RecordedReview):
        return _recorded_review(decision, signature, holder, policy, now)
    if isinstance(signature, Reviewed):
        person = person_by_login(policy, record.source, signature.login)
        if person is not None:
            return Identified(person.name, "valid")
        why = f"not in the policy: nobody in `people` has `{record.source}: {signature.login}`"
        return Nobody(f"@{signature.login}", why)
    if isinstance(signature, Signed) and signature.former == record.by:
        return _by_former_key(decision, signature, holder, policy, now)
    if holder is None and signature.key:
        why = f"unknown signer: claims to be {record.by}, with a key that the policy does not list"
        return Nobody(fingerprint(signature.key), why)
    if holder is None or isinstance(signature, Unsigned):
        return Nobody(record.by, signature.reason if isinstance(signature, Unsigned) else "not signed")
    if holder.person != record.by:
        why = f"signed with the key of {holder.person}, in the name of {record.by}"
        return Nobody(holder.person, why)
    return Identified(holder.person, holder.key.validity(now))


def _by_former_key(
    decision: Decision, signature: Signed, holder: Holder | None, policy: Policy, now: int
) -> Identified:
    """Return who signed with a key from an earlier policy. Neither a new key nor a new name lifts the decision."""
    by = decision.record.by
    name = name_today(by, holder, policy)
    if holder is not None and holder.person == name and name.casefold() == by.casefold():
        return Identified(name, holder.key.validity(now))
    return Identified(name, "valid" if signature.before and decision.record.kind == "revoke" else "retired")


def name_today(by: str, holder: Holder | None, policy: Policy) -> str:
    """Return the current name of the person who signed as `by` with a key that now belongs to the holder."""
    listed = next((name for name in policy.people if name.casefold() == by.casefold()), "")
    return listed or (holder.person if holder else by)


def _recorded_review(
    decision: Decision, signature: RecordedReview, holder: Holder | None, policy: Policy, now: int
) -> Identified | Nobody:
    """Return who gave a recorded review, if the policy trusts the recorder."""
    login, recorder = signature.login, policy.people.get(signature.recorder)
    person = person_by_login(policy, decision.record.source, login)
    if person is None:
        return Nobody(
            f"@{login}", f"not in the policy: nobody in `people` has `{decision.record.source}: {login}`"
        )
    if holder is None or holder.person != signature.recorder:
        # Like any objection, this one outlives the key that recorded it.
        return Identified(person.name, "retired")
    if recorder is None or not recorder.records:
        return Nobody(person.name, f"recorded by {signature.recorder}, who lacks `records: true` in `people`")
    return Identified(person.name, holder.key.validity(now))
