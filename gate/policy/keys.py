"""Parse the SSH public keys in a policy. Pure: nothing is verified here."""

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
"""The namespace of gate's signatures; one made for anything else, such as a commit, isn't accepted."""

_TIME = re.compile(r"(\d{8})(?:(\d{4})(\d{2})?)?Z?")
_OPTION = re.compile(r'(valid-before|valid-after|namespaces)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in the policy: `[options] TYPE BASE64 [comment]`.

    `blob` is the canonical base64 text, by which keys are compared. The key is valid from `after` to `before`, in
    seconds since the epoch, or None for no limit. `namespaces` restrict what it may sign; empty means no restriction.
    """

    kind: str
    blob: str
    after: int | None = None
    before: int | None = None
    namespaces: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """Type and base64 text: `ssh-ed25519 AAAA…`."""
        return f"{self.kind} {self.blob}"

    @property
    def fingerprint(self) -> str:
        """The fingerprint as printed by ssh-keygen: `SHA256:…`."""
        return fingerprint(self.blob)

    def validity(self, now: int) -> Literal["valid", "expired", "not yet valid"]:
        """Return whether the key is valid at `now`."""
        if self.before is not None and now >= self.before:
            return "expired"
        if self.after is not None and now < self.after:
            return "not yet valid"
        return "valid"


def fingerprint(blob: str) -> str:
    """Return the `SHA256:…` fingerprint of a key in base64."""
    digest = sha256(base64.b64decode(blob)).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")


@lru_cache(maxsize=4096)
def parse_key(line: str) -> PublicKey:
    """Parse a public key. Raises ValueError with the reason.

    The options `valid-after`, `valid-before`, and `namespaces` are those of OpenSSH's allowed signers file. Times are
    in UTC, so that a key expires at the same moment on every machine. Other options are refused, because ignoring one
    could only grant more than was meant.
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
        raise ValueError(f"the {kind} key is truncated or mistyped") from error
    if inner != kind or kind.endswith("-cert-v01@openssh.com"):
        raise ValueError(f"expected a plain {kind} key, but this one contains {inner!r}")
    if "namespaces" in options and NAMESPACE not in options["namespaces"].split(","):
        raise ValueError(f"its namespaces do not include {NAMESPACE}")
    return PublicKey(
        kind,
        base64.b64encode(raw).decode("ascii"),
        _time(options, "valid-after"),
        _time(options, "valid-before"),
        tuple(options["namespaces"].split(",")) if "namespaces" in options else (),
    )


def _strings(raw: bytes) -> list[bytes]:
    """Split a key into its length-prefixed strings. Raises ValueError if they don't fill it exactly."""
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
            raise ValueError(f"expected valid-after, valid-before, or namespaces, got {word[position:]!r}")
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
