"""Whose key is whose, and which key a signature names. Pure: nothing is verified here."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from gate.policy.keys import NAMESPACE, PublicKey, parse_key
from gate.policy.types import Policy

_ARMOUR = re.compile(rb"\s*-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\s*")


@dataclass(frozen=True, slots=True)
class Holder:
    """To whom a key belongs."""

    person: str
    key: PublicKey


def holders(policy: Policy) -> dict[str, Holder]:
    """Who holds which key, by its base64 text.

    A key that cannot be read, or that two people list, is nobody's: it cannot say who signed.
    """
    found: dict[str, Holder] = {}
    shared: set[str] = set()
    for person in policy.people.values():
        for line in person.keys:
            try:
                key = parse_key(line)
            except ValueError:
                continue
            other = found.get(key.blob)
            if other is None:
                found[key.blob] = Holder(person.name, key)
            elif other.person != person.name:
                shared.add(key.blob)
    return {blob: holder for blob, holder in found.items() if blob not in shared}


def boundaries(keys: Iterable[PublicKey], now: int) -> int | None:
    """The next moment after `now` at which one of the keys begins or ceases to be valid."""
    moments = [moment for key in keys for moment in (key.after, key.before) if moment and moment > now]
    return min(moments, default=None)


def signing_key(signature: bytes) -> str | None:
    """The base64 text of the key that a signature names as its maker, if it is one for gate's namespace.

    It is a claim until ssh-keygen has verified it.
    """
    armour = _ARMOUR.fullmatch(signature)
    if not armour:
        return None
    try:
        raw = base64.b64decode(armour[1])
        reader = _Reader(raw.removeprefix(b"SSHSIG")[4:])
        key, namespace = reader.bytes(), reader.text()
    except (ValueError, binascii.Error):
        return None
    if not raw.startswith(b"SSHSIG\0\0\0\1") or namespace != NAMESPACE:
        return None
    return base64.b64encode(key).decode("ascii")


class _Reader:
    """Reads the length-prefixed strings of ssh's wire format; raises ValueError where they end too soon."""

    def __init__(self, raw: bytes) -> None:
        self._rest = raw

    def bytes(self) -> bytes:
        if len(self._rest) < 4:
            raise ValueError("cut short")
        (length,) = struct.unpack(">I", self._rest[:4])
        found, self._rest = self._rest[4 : 4 + length], self._rest[4 + length :]
        if len(found) != length:
            raise ValueError("cut short")
        return found

    def text(self) -> str:
        return self.bytes().decode("ascii")
