"""SSH public keys: as the policy lists them, and as a signature carries them. Pure: it verifies nothing."""

from __future__ import annotations

import base64
import binascii
import re
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal

from gate.policy.types import Policy

NAMESPACE = "gate@v1"
_TIME = re.compile(r"(\d{8})(?:(\d{4})(\d{2})?)?Z?")
_OPTION = re.compile(r'(valid-before|valid-after|namespaces)="([^"]*)"')
_ARMOUR = re.compile(rb"\s*-----BEGIN SSH SIGNATURE-----\n([A-Za-z0-9+/=\n]+)-----END SSH SIGNATURE-----\s*")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as the policy lists it: `[options] TYPE BASE64 [comment]`.

    `blob` is the base64 text, in canonical form: it is what two mentions of a key are compared by.
    `after` and `before` are seconds since the epoch between which it is valid; None where nothing is said.
    """

    kind: str
    blob: str
    after: int | None = None
    before: int | None = None

    @property
    def line(self) -> str:
        """`ssh-ed25519 AAAA…`."""
        return f"{self.kind} {self.blob}"

    @property
    def fingerprint(self) -> str:
        """`SHA256:…`, as ssh-keygen prints it."""
        return fingerprint(self.blob)

    def validity(self, now: int) -> Literal["valid", "expired", "not yet valid"]:
        """Whether the key may sign at `now`."""
        if self.before is not None and now >= self.before:
            return "expired"
        if self.after is not None and now < self.after:
            return "not yet valid"
        return "valid"


def fingerprint(blob: str) -> str:
    """`SHA256:…` of the key in base64."""
    digest = sha256(base64.b64decode(blob)).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


def parse_key(line: str) -> PublicKey:
    """Read a key of the policy; raises ValueError saying what is wrong.

    The options `valid-after`, `valid-before` and `namespaces` are those of ssh's allowed signers. Times are
    in UTC: a key must not expire at another moment on another machine. An option that gate does not honour
    is refused, since to ignore it could only make the key worth more.
    """
    words = line.split()
    options = {}
    if len(words) > 2 and "=" in words[0] and not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
        options = _options(words.pop(0))
    if len(words) < 2:
        raise ValueError("expected a public key like `ssh-ed25519 AAAA… comment`")
    kind, blob = words[:2]
    try:
        raw = base64.b64decode(blob, validate=True)
        inner = _Reader(raw).text()
    except (ValueError, binascii.Error) as error:
        raise ValueError(f"the {kind} key is cut short or mistyped") from error
    if inner != kind or kind.endswith("-cert-v01@openssh.com"):
        raise ValueError(f"expected a plain {kind} key, and this one holds {inner!r}")
    if "namespaces" in options and NAMESPACE not in options["namespaces"].split(","):
        raise ValueError(f"its namespaces do not have {NAMESPACE}")
    return PublicKey(
        kind,
        base64.b64encode(raw).decode("ascii"),
        _time(options, "valid-after"),
        _time(options, "valid-before"),
    )


def _options(word: str) -> dict[str, str]:
    options = {}
    position = 0
    while position < len(word):
        found = _OPTION.match(word, position)
        if not found:
            raise ValueError(f"expected valid-after, valid-before or namespaces, got {word[position:]!r}")
        options[found[1]] = found[2]
        position = found.end()
        if position < len(word) and word[position] != ",":
            raise ValueError(f"expected a comma between options, got {word[position:]!r}")
        position += 1
    return options


def _time(options: Mapping[str, str], name: str) -> int | None:
    if name not in options:
        return None
    found = _TIME.fullmatch(options[name])
    if not found:
        raise ValueError(f"{name}: expected YYYYMMDD or YYYYMMDDHHMM, got {options[name]!r}")
    day, minute, second = found.groups()
    moment = datetime.strptime(f"{day}{minute or '0000'}{second or '00'}+0000", "%Y%m%d%H%M%S%z")
    return int(moment.timestamp())


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
