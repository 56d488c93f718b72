"""Whose key is whose. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from gate.policy.keys import PublicKey, parse_key
from gate.policy.types import Policy


@dataclass(frozen=True, slots=True)
class Holder:
    """To whom a key belongs."""

    person: str
    key: PublicKey


def readable_keys(policy: Policy) -> Iterator[Holder]:
    """Every key that the policy lists, with its person, without those that cannot be read."""
    for person in policy.people.values():
        for line in person.keys:
            with suppress(ValueError):
                yield Holder(person.name, parse_key(line))


def holders(policy: Policy) -> dict[str, Holder]:
    """Who holds which key, by its base64 text.

    A key that cannot be read, or that two people list, is nobody's: it cannot say who signed.
    """
    by_key: dict[str, Holder] = {}
    shared: set[str] = set()
    for holder in readable_keys(policy):
        existing = by_key.setdefault(holder.key.blob, holder)
        if existing.person != holder.person:
            shared.add(holder.key.blob)
    return {blob: holder for blob, holder in by_key.items() if blob not in shared}


def bots(policy: Policy, now: int) -> dict[str, Holder]:
    """Who holds a key that is valid now, and has the role `bot`, by the base64 text of the key."""
    return {
        blob: holder
        for blob, holder in holders(policy).items()
        if policy.people[holder.person].role == "bot" and holder.key.validity(now) == "valid"
    }


def boundaries(keys: Iterable[PublicKey], now: int) -> int | None:
    """The next moment after `now` at which one of the keys begins or ceases to be valid."""
    moments = [moment for key in keys for moment in (key.after, key.before) if moment and moment > now]
    return min(moments, default=None)
