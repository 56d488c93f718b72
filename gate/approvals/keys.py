"""Map keys to their holders. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gate.policy.keys import PublicKey, parse_key
from gate.policy.types import Policy


@dataclass(frozen=True, slots=True)
class Holder:
    """The person a key belongs to."""

    person: str
    key: PublicKey


def readable_keys(policy: Policy) -> Iterator[Holder]:
    """Yield every valid key in the policy with its person."""
    for person in policy.people.values():
        for line in person.keys:
            with suppress(ValueError):
                yield Holder(person.name, parse_key(line))


def holders(policy: Policy) -> dict[str, Holder]:
    """Return the holder of each key by its base64 text.

    A key that is invalid, or that two people list, belongs to nobody, because it doesn't identify who signed.
    """
    by_key: dict[str, Holder] = {}
    shared: set[str] = set()
    for holder in readable_keys(policy):
        existing = by_key.setdefault(holder.key.blob, holder)
        if existing.person != holder.person:
            shared.add(holder.key.blob)
    return {blob: holder for blob, holder in by_key.items() if blob not in shared}


def bots(policy: Policy, now: int) -> dict[str, Holder]:
    """Return the holders of currently valid keys who have the role `bot`, by the base64 text of the key."""
    return {
        blob: holder
        for blob, holder in holders(policy).items()
        if policy.people[holder.person].role == "bot" and holder.key.validity(now) == "valid"
    }


def boundaries(keys: Iterable[PublicKey], now: int) -> int | None:
    """Return the next moment after `now` at which one of the keys becomes valid or expires."""
    moments = [moment for key in keys for moment in (key.after, key.before) if moment and moment > now]
    return min(moments, default=None)
