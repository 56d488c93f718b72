"""A record of the log: canonical JSON that is rejected unless it serializes to the same bytes."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from gate.json_input import parse_json
from gate.model import BRANCHES, ENVIRONMENTS, OID, Source

Kind = Literal["approve", "block", "revoke", "waive", "verdict", "compact", "quarantine"]
KINDS: frozenset[str] = frozenset(get_args(Kind))
VERSION = 1
LARGEST = 16 * 1024
"""The maximum size of a record, in bytes."""
LONGEST_REASON = 4000
SHOWN = 60
"""The maximum number of characters of an invalid value that a message shows."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REVIEW = re.compile(r"[^\s]+ [^\s]+( .*)?", re.DOTALL)
QUARANTINE = re.compile(
    r"(?P<until>\d{4}-\d{2}-\d{2}) (?P<owner>@\S+) (?P<check>\S+) (?P<test>[^\n]+::[^\n]+)\n(?P<reason>.*\S.*)",
    re.DOTALL,
)
"""The reason of a record that quarantines a test: the last day, the owner, the check, and the test; then why."""
_NONCE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Record:
    """What a person signs, and nothing else is ever written.

    A review on a forge takes the same form to be counted. A recorded review has the forge as its `source`, the recorder
    in `by`, and what `review_of` parses in `reason`. A `quarantine` is for the test that its `reason` names, and its
    `change` is the digest of that name. A `compact` record names the end of the compacted log in `head`, the log that
    it replaces in `base`, and the digest of its record ids in `change`.
    """

    kind: Kind
    repository: str
    into: str
    """The full name of the ref."""
    base: str
    head: str
    change: str
    """The digest of the change."""
    by: str
    at: int
    """The signer's clock, in seconds since the epoch. It only orders records of the same signer."""
    nonce: str
    reason: str = ""
    of: str = ""
    """The id of the revoked record, or the SHA-256 of the JSON verdict that a `verdict` attests."""
    source: Source = "ssh"
    v: int = VERSION


@dataclass(frozen=True, slots=True)
class Refused:
    """Bytes that aren't a record, and why."""

    reason: str


AFTERWARDS = "afterwards"
"""The prefix of the reason in a record that approves a commit already on the branch."""


def is_afterwards(record: Record) -> bool:
    """Return whether the record was made for a commit that was already on the branch."""
    return claims_afterwards(record.reason)


def claims_afterwards(reason: str) -> bool:
    """Return whether this reason says that the record was made for a commit that was already on the branch."""
    return reason == AFTERWARDS or reason.startswith(f"{AFTERWARDS}: ")


FIELDS = frozenset(Record.__dataclass_fields__)


def serialise(record: Record) -> bytes:
    """Return the canonical bytes: UTF-8, sorted keys, no spaces, one trailing newline.

    Raises ValueError for text that can't be encoded as UTF-8.
    """
    return _canonical(asdict(record))


def record_id(data: bytes) -> str:
    """Return the id of a record: the SHA-256 of its bytes."""
    return hashlib.sha256(data).hexdigest()


def parse(data: bytes) -> Record | Refused:
    """Parse a record strictly: no unknown or missing fields, and only the canonical form."""
    if len(data) > LARGEST:
        return Refused(f"larger than {LARGEST} bytes")
    try:
        fields = parse_json(data.decode("utf-8"))
        canonical = isinstance(fields, dict) and _canonical(fields) == data
    except (ValueError, RecursionError):
        return Refused("not JSON in UTF-8")
    if not isinstance(fields, dict):
        return Refused("not a JSON object")
    if fields.get("v") != VERSION or type(fields["v"]) is not int:
        return Refused("of another version: a newer gate may have made it")
    if not canonical:
        return Refused("not in canonical form")
    problem = _wrong_shape(fields) or _wrong_value(fields)
    return Refused(problem) if problem else Record(**fields)


def _canonical(fields: dict[str, Any]) -> bytes:
    text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8") + b"\n"


def _wrong_shape(fields: dict[str, Any]) -> str:
    if unknown := sorted(fields.keys() - FIELDS):
        return f"unknown field {unknown[0]!r}"
    if missing := sorted(FIELDS - fields.keys()):
        return f"no field {missing[0]!r}"
    for name, value in fields.items():
        wanted = int if name in {"v", "at"} else str
        if type(value) is not wanted:
            return f"{name!r} must be {'a whole number' if wanted is int else 'text'}"
    return ""


def review_of(record: Record) -> tuple[str, str, str]:
    """Of a recorded review: the login of its author, its id on the forge, and the reason given there."""
    login, _, rest = record.reason.partition(" ")
    identity, _, reason = rest.partition(" ")
    return login, identity, reason


def _is_review(fields: dict[str, Any]) -> bool:
    """Return whether the record is about a review that the signer has seen on a forge."""
    valid = fields["source"] in get_args(Source) and fields["kind"] in {"approve", "block"}
    return valid and _REVIEW.fullmatch(fields["reason"]) is not None


def _wrong_value(fields: dict[str, Any]) -> str:
    kind = fields["kind"]
    oid, sha256 = "an object ID", "a SHA-256 in hexadecimal"
    refers = kind in {"revoke", "verdict"}
    expected = {
        "kind": (kind in KINDS, f"one of {', '.join(sorted(KINDS))}"),
        "into": (
            fields["into"].startswith((BRANCHES, ENVIRONMENTS)),
            f"a full ref name under {BRANCHES} or {ENVIRONMENTS}",
        ),
        "base": (OID.fullmatch(fields["base"]), oid),
        "head": (OID.fullmatch(fields["head"]), oid),
        "change": (_SHA256.fullmatch(fields["change"]), sha256),
        "by": (len(fields["by"]) > 1 and fields["by"].startswith("@"), "a person, such as @name"),
        "at": (0 <= fields["at"] < 2**53, "a time in seconds since 1970"),
        "nonce": (_NONCE.fullmatch(fields["nonce"]), "32 hexadecimal digits"),
        "of": (
            _SHA256.fullmatch(fields["of"]) if refers else not fields["of"],
            sha256 if refers else "empty",
        ),
        "reason": (
            len(fields["reason"]) <= LONGEST_REASON and (kind != "waive" or fields["reason"].strip()),
            f"at most {LONGEST_REASON} characters, and not empty for a waiver",
        ),
        **_quarantine(fields),
        "source": (
            fields["source"] == "ssh" or _is_review(fields),
            "ssh, or a forge whose review the record is about",
        ),
    }
    return next((_expected(name, text, fields) for name, (valid, text) in expected.items() if not valid), "")


def _quarantine(fields: dict[str, Any]) -> dict[str, tuple[object, str]]:
    """Return what is expected of the reason of a quarantine."""
    if fields["kind"] != "quarantine" or len(fields["reason"]) > LONGEST_REASON:
        return {}
    return {"reason": (QUARANTINE.fullmatch(fields["reason"]), "a date, an owner, a check, a test, and why")}


def _expected(name: str, what: str, fields: dict[str, Any]) -> str:
    value = ascii(fields[name])
    return f"{name!r} must be {what}, not {value if len(value) <= SHOWN else f'{value[:SHOWN]}…'}"
