"""Attestations: an in-toto statement about a verified commit, in a DSSE envelope. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gate.json_input import parse_json

NAMESPACE = "gate-attest@v1"
"""The namespace of attestation signatures, so that a signature of a record can't pass for one."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:merge-gate:verified-commit:v1"
LARGEST = 1_000_000
"""The maximum size of an envelope, in bytes."""
MOST_SIGNATURES = 16
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Subject:
    """An artifact: its name, and its SHA-256 in lowercase hex."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class VerifiedCommit:
    """The predicate: the verified commit of a protected branch, and the evidence.

    `branch` is a full ref name, `change` the digest of the approved change, and `policy` the commit whose policy
    applied.
    """

    repository: str
    branch: str
    commit: str
    tree: str
    change: str
    policy: str
    approvers: tuple[str, ...]
    waived: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """The content of an attestation: these artifacts were built from this commit."""

    subjects: tuple[Subject, ...]
    commit: VerifiedCommit


@dataclass(frozen=True, slots=True)
class Envelope:
    """The signed bytes and their signatures, not verified yet."""

    payload: bytes
    signatures: tuple[bytes, ...]


def parse_subject(text: str) -> Subject:
    """Parse `NAME=sha256:HEX`. Raises ValueError with the reason."""
    name, _, digest = text.rpartition("=")
    algorithm, _, value = digest.partition(":")
    if not name or algorithm != "sha256" or not _SHA256.fullmatch(value.lower()):
        raise ValueError(f"expected NAME=sha256:HEX with 64 hex digits, got {text!r}")
    return Subject(name, value.lower())


def statement_bytes(statement: Statement) -> bytes:
    """Return the in-toto Statement v1 as JSON."""
    subjects = [
        {"name": subject.name, "digest": {"sha256": subject.sha256}} for subject in statement.subjects
    ]
    return _json(
        {
            "_type": STATEMENT_TYPE,
            "subject": subjects,
            "predicateType": PREDICATE_TYPE,
            "predicate": asdict(statement.commit),
        }
    )


def pre_authentication_encoding(payload: bytes) -> bytes:
    """Return the bytes to sign: DSSE's pre-authentication encoding of type and payload."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope_bytes(payload: bytes, fingerprint: str, signature: bytes) -> bytes:
    """Return the DSSE envelope as JSON. `signature` is the armored SSH signature by the key with this fingerprint."""
    signed = {"keyid": fingerprint, "sig": _base64(signature)}
    return _json({"payloadType": PAYLOAD_TYPE, "payload": _base64(payload), "signatures": [signed]}) + b"\n"


def parse_envelope(data: bytes) -> Envelope:
    """Parse a DSSE envelope with an in-toto payload. Raises ValueError with the reason."""
    if len(data) > LARGEST:
        raise ValueError(f"larger than {LARGEST} bytes")
    fields = _object(data, "the envelope")
    if fields.get("payloadType") != PAYLOAD_TYPE:
        raise ValueError(f"payloadType: expected {PAYLOAD_TYPE}")
    signatures = fields.get("signatures")
    if not isinstance(signatures, list) or not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise ValueError(f"signatures: expected a list of 1 to {MOST_SIGNATURES}")
    decoded = [signature.get("sig") if isinstance(signature, dict) else None for signature in signatures]
    return Envelope(
        _decoded(fields.get("payload"), "payload"),
        tuple(_decoded(signature, "signatures: sig") for signature in decoded),
    )


def parse_statement(payload: bytes) -> Statement:
    """Parse a statement about a verified commit. Raises ValueError with the reason.

    Unknown fields are ignored, as in-toto requires.
    """
    fields = _object(payload, "the payload")
    if fields.get("_type") != STATEMENT_TYPE:
        raise ValueError(f"_type: expected {STATEMENT_TYPE}")
    if fields.get("predicateType") != PREDICATE_TYPE:
        raise ValueError(f"predicateType: expected {PREDICATE_TYPE}")
    subjects = fields.get("subject")
    if not isinstance(subjects, list) or not subjects:
        raise ValueError("subject: expected a list that is not empty")
    return Statement(tuple(map(_subject, subjects)), _predicate(fields.get("predicate")))


def _subject(fields: Any) -> Subject:
    name = fields.get("name") if isinstance(fields, dict) else None
    digests = fields.get("digest") if isinstance(fields, dict) else None
    digest = digests.get("sha256") if isinstance(digests, dict) else None
    if not isinstance(name, str) or not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ValueError("subject: expected a name and a sha256 digest in lowercase hex")
    return Subject(name, digest)


def _predicate(fields: Any) -> VerifiedCommit:
    if not isinstance(fields, dict):
        raise ValueError("predicate: expected an object")
    texts: dict[str, str] = {}
    for name in ("repository", "branch", "commit", "tree", "change", "policy"):
        value = fields.get(name)
        if not isinstance(value, str):
            raise ValueError(f"predicate.{name}: expected text")
        texts[name] = value
    approvers, waived = fields.get("approvers"), fields.get("waived")
    if not isinstance(approvers, list) or not all(isinstance(approver, str) for approver in approvers):
        raise ValueError("predicate.approvers: expected a list of names")
    if not isinstance(waived, bool):
        raise ValueError("predicate.waived: expected true or false")
    return VerifiedCommit(**texts, approvers=tuple(approvers), waived=waived)


def same_names(subjects: Sequence[Subject]) -> str:
    """Return the first name shared by two subjects with different digests, or ""."""
    digests: dict[str, str] = {}
    return next(
        (
            subject.name
            for subject in subjects
            if digests.setdefault(subject.name, subject.sha256) != subject.sha256
        ),
        "",
    )


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _object(data: bytes, what: str) -> dict[str, Any]:
    try:
        fields = parse_json(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ValueError(f"{what} is not JSON in UTF-8") from None
    if not isinstance(fields, dict):
        raise ValueError(f"{what} is not a JSON object")
    return fields


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: Any, where: str) -> bytes:
    if not isinstance(text, str):
        raise ValueError(f"{where}: expected base64 text")
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"{where}: expected base64 text") from None
