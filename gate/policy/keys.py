"""A person's SSH public keys, as the policy lists them. Pure: nothing is verified here."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Literal

NAMESPACE = "gate@v1"
"""What signatures of gate are made for: one made for anything else, such as a commit, is worth nothing here."""

_TIME = re.compile(r"(\d{8})(?:(\d{4})(\d{2})?)?Z?")
_OPTION = re.compile(r'(valid-before|valid-after|namespaces)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as the policy lists it: `[options] TYPE BASE64 [comment]`.

    `blob` is the base64 text, in canonical form: it is what two mentions of a key are compared by.
    `after` and `before` are seconds since the epoch between which it is valid; None where nothing is said.
    `namespaces` are those that it is restricted to; empty for a key that may sign for any.
    """

    kind: str
    blob: str
    after: int | None = None
    before: int | None = None
    namespaces: tuple[str, ...] = ()

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


@lru_cache(maxsize=4096)
def parse_key(line: str) -> PublicKey:
    """Read a key of the policy; raises ValueError saying what is wrong.

    The options `valid-after`, `valid-before` and `namespaces` are those of ssh's allowed signers. Times are
    in UTC: a key must not expire at another moment on another machine. An option that gate does not honor
    is refused, since to ignore it could only make the key worth more.
    """
    words = line.split()
    options = {}
    if len(words) > 2 and "=" in words[0] and not words[0].startswith(("ssh-", "ecdsa-", "sk-")):
        options = _options(words.pop(0))
    if len(words) < 2:
        raise ValueError("expected a public key like `ssh-ed25519 AAAA… comment`")
    kind, blob = words[:2]
    if not kind.startswith(("ssh-", "ecdsa-", "sk-")):
        raise ValueError(f"expected a public key like `ssh-ed25519 AAAA… comment`, got `{kind[:40]}`")
    try:
        raw = base64.b64decode(blob, validate=True)
        inner = _strings(raw)[0].decode("ascii")
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
        tuple(options["namespaces"].split(",")) if "namespaces" in options else (),
    )


def _strings(raw: bytes) -> list[bytes]:
    """The length-prefixed strings that a key consists of; raises ValueError unless they fill it exactly."""
    strings: list[bytes] = []
    while raw or not strings:
        length = int.from_bytes(raw[:4], "big")
        strings.append(raw[4 : 4 + length])
        if len(raw) < 4 or len(strings[-1]) != length or not length:
            raise ValueError("cut short")
        raw = raw[4 + length :]
    return strings


def _options(word: str) -> dict[str, str]:
    options = {}
    position = 0
    while position < len(word):
        match = _OPTION.match(word, position)
        if not match:
            raise ValueError(f"expected valid-after, valid-before or namespaces, got {word[position:]!r}")
        options[match[1]] = match[2]
        position = match.end()
        if position < len(word) and word[position] != ",":
            raise ValueError(f"expected a comma between options, got {word[position:]!r}")
        position += 1
    return options


def _time(options: Mapping[str, str], name: str) -> int | None:
    if name not in options:
        return None
    match = _TIME.fullmatch(options[name])
    if not match:
        raise ValueError(f"{name}: expected YYYYMMDD or YYYYMMDDHHMM, got {options[name]!r}")
    day, minute, second = match.groups()
    moment = datetime.strptime(f"{day}{minute or '0000'}{second or '00'}+0000", "%Y%m%d%H%M%S%z")
    return int(moment.timestamp())
