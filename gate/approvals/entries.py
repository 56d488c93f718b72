"""The decisions that are counted, whichever way they were given: signed, or in a review on a forge."""

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
    """A signature that ssh-keygen has verified, and the base64 text of the key that made it.

    `former` is the person who held the key by an earlier policy of the branch, where the present one does not list
    it as theirs. `before` says that the record was in the log before the key was taken out of the policy.
    """

    key: str
    former: str = ""
    before: bool = False


@dataclass(frozen=True, slots=True)
class Unsigned:
    """An entry without a valid signature by a key of the policy, with a short reason; `key` is the key it claims."""

    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review whose author a forge identifies. `void` is the reason why it no longer counts, if any.

    One that was `dismissed` closes what the person had decided before; one that was merely followed by
    another of theirs leaves that to the later one.
    """

    login: str
    void: str = ""
    dismissed: bool = False
    bot: bool = False


@dataclass(frozen=True, slots=True)
class RecordedReview:
    """A review that somebody read on a forge and recorded, signed with this key.

    `recorder` is that person; `former` means that the policy no longer lists their key.
    """

    login: str
    recorder: str
    key: str
    former: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A decision, its ID, and the evidence of its author."""

    id: str
    record: Record
    signature: Signed | Unsigned | Reviewed | RecordedReview


@dataclass(frozen=True, slots=True)
class Decision:
    """An entry by an identified person, from the policy or an earlier one.

    `retired` means that the policy no longer lists the key, so the decision can't unblock anything.
    """

    entry: Entry
    person: str
    validity: Literal["valid", "expired", "not yet valid", "retired"]

    @property
    def moment(self) -> tuple[int, str]:
        """The sort key for the decisions of one person."""
        return self.entry.record.at, self.entry.id

    @property
    def review(self) -> Reviewed | None:
        """The review that it was given in, if it was."""
        return self.entry.signature if isinstance(self.entry.signature, Reviewed) else None


@dataclass(frozen=True, slots=True)
class Nobody:
    """An author whom the policy doesn't list: the name to show, and the reason."""

    by: str
    why: str


def identify(entry: Entry, holder: Holder | None, policy: Policy, now: int) -> Decision | Nobody:
    """The person behind an entry. `holder` is the holder of the key that the signature names, if there is one."""
    record, signature = entry.record, entry.signature
    if isinstance(signature, RecordedReview):
        return _recorded_review(entry, signature, holder, policy, now)
    if isinstance(signature, Reviewed):
        person = person_by_login(policy, record.source, signature.login)
        if person is not None:
            return Decision(entry, person.name, "valid")
        why = f"not in the policy: nobody in `people` has `{record.source}: {signature.login}`"
        return Nobody(f"@{signature.login}", why)
    if isinstance(signature, Signed) and signature.former == record.by:
        return _by_former_key(entry, signature, holder, policy, now)
    if holder is None and signature.key:
        why = f"unknown signer: says to be {record.by}, with a key that the policy does not list"
        return Nobody(fingerprint(signature.key), why)
    if holder is None or isinstance(signature, Unsigned):
        return Nobody(record.by, signature.reason if isinstance(signature, Unsigned) else "not signed")
    if holder.person != record.by:
        why = f"signed with the key of {holder.person}, in the name of {record.by}"
        return Nobody(holder.person, why)
    return Decision(entry, holder.person, holder.key.validity(now))


def _by_former_key(
    entry: Entry, signature: Signed, holder: Holder | None, policy: Policy, now: int
) -> Decision:
    """A decision with a key that its author had by an earlier policy. Neither a new key nor a new name lifts it."""
    by = entry.record.by
    name = name_today(by, holder, policy)
    if holder is not None and holder.person == name and name.casefold() == by.casefold():
        return Decision(entry, name, holder.key.validity(now))
    return Decision(entry, name, "valid" if signature.before and entry.record.kind == "revoke" else "retired")


def name_today(by: str, holder: Holder | None, policy: Policy) -> str:
    """The name in the current policy of the person who signed as `by`, with a key that is now the holder's."""
    listed = next((name for name in policy.people if name.casefold() == by.casefold()), "")
    return listed or (holder.person if holder else by)


def _recorded_review(
    entry: Entry, signature: RecordedReview, holder: Holder | None, policy: Policy, now: int
) -> Decision | Nobody:
    """Whose decision a recorded review is: the recorder has to be one whom the policy believes."""
    login, recorder = signature.login, policy.people.get(signature.recorder)
    person = person_by_login(policy, entry.record.source, login)
    if person is None:
        return Nobody(
            f"@{login}", f"not in the policy: nobody in `people` has `{entry.record.source}: {login}`"
        )
    if holder is None or holder.person != signature.recorder:
        # An objection outlives the key by which it was recorded, as any does.
        return Decision(entry, person.name, "retired")
    if recorder is None or not recorder.records:
        return Nobody(person.name, f"recorded by {signature.recorder}, who lacks `records: true` in `people`")
    return Decision(entry, person.name, holder.key.validity(now))
