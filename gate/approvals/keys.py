"""Whose key is whose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gate.policy.keys import PublicKey, parse_key
from gate.policy.types import Policy


@dataclass(frozen=True, slots=True)
class Holder:
    """A key, and the person it belongs to."""

    person: str
    key: PublicKey


def readable_keys(policy: Policy) -> Iterator[Holder]:
    """Every readable key in the policy, with its person."""
    for person in policy.people.values():
        for line in person.keys:
            with suppress(ValueError):
                yield Holder(person.name, parse_key(line))


def holders(policy: Policy) -> dict[str, Holder]:
    """The holder of each key, by the key's base64 text.

    Unreadable keys, and keys that two people list, have no holder, because they don't identify a signer.
    """
    by_key: dict[str, Holder] = {}
    shared: set[str] = set()
    for holder in readable_keys(policy):
        existing = by_key.setdefault(holder.key.blob, holder)
        if existing.person != holder.person:
            shared.add(holder.key.blob)
    return {blob: holder for blob, holder in by_key.items() if blob not in shared}


def bots(policy: Policy, now: int) -> dict[str, Holder]:
    """The bots with a key that is valid now, by the key's base64 text."""
    return {
        blob: holder
        for blob, holder in holders(policy).items()
        if policy.people[holder.person].role == "bot" and holder.key.validity(now) == "valid"
    }


def boundaries(keys: Iterable[PublicKey], now: int) -> int | None:
    """The next time after `now` when one of the keys becomes valid or expires."""
    moments = [moment for key in keys for moment in (key.after, key.before) if moment and moment > now]
    return min(moments, default=None)
