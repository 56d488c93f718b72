"""Verified signatures, remembered by content: a signature that was valid once is valid for ever.

Whose key it is, whether that key still holds and what the record is worth is asked anew each time. A line of
the file is told to be whole by its own checksum, so lines may be added by several processes at once, and
whatever else is in the file says nothing.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path

from gate.approvals.entries import Entry, Signed, Unsigned
from gate.approvals.sshsig import signing_key
from gate.git.repository import Repository
from gate.log.history import read_signatures
from gate.log.index import Found
from gate.policy.keys import PublicKey
from gate.ssh import Claim, verify

FEW = 50
LARGEST_MEMORY = 16 * 1024 * 1024


def prove(repository: Repository, records: Sequence[Found], known: Mapping[str, PublicKey]) -> list[Entry]:
    """What the signature of each record is worth. `known` are the keys in the policy, by base64 text.

    A signature by any other key is not verified: its maker is a stranger either way. The key is named as
    the signature claims it.
    """
    blobs = read_signatures(repository, {oid for found in records for oid in found.signatures})
    entries: dict[str, Entry] = {}
    claims: list[tuple[Found, Claim]] = []
    for found in records:
        signatures = [blobs[oid] for oid in found.signatures if oid in blobs]
        entries[found.id] = Entry(found.id, found.record, _unproven(signatures))
        for signature in signatures:
            key = known.get(signing_key(signature) or "")
            if key is not None:
                claims.append((found, Claim(found.data, signature, key)))
    for (found, claim), valid in zip(
        claims, _checked(repository, [claim for _, claim in claims]), strict=True
    ):
        if valid:
            entries[found.id] = Entry(found.id, found.record, Signed(claim.key.blob))
    return list(entries.values())


def _unproven(signatures: Sequence[bytes]) -> Unsigned:
    if not signatures:
        return Unsigned("not signed")
    keys = [key for key in map(signing_key, signatures) if key]
    return Unsigned("its signature is not valid", keys[0] if keys else "")


def _checked(repository: Repository, claims: Sequence[Claim]) -> list[bool]:
    path = repository.state_dir / "log" / "verified"
    lines = [_line(claim) for claim in claims]
    remembered = _remembered(path, lines)
    doubtful = [number for number, line in enumerate(lines) if line not in remembered]
    answers = dict(zip(doubtful, verify([claims[number] for number in doubtful]), strict=True))
    _remember(path, [lines[number] for number, valid in answers.items() if valid])
    return [answers.get(number, True) for number in range(len(claims))]


def _line(claim: Claim) -> bytes:
    name = sha256()
    for part in (claim.key.blob.encode(), claim.data, claim.signature):
        name.update(sha256(part).digest())
    digest = name.hexdigest().encode()
    return b"%s %08x\n" % (digest, zlib.crc32(b"verified " + digest))


def _remembered(path: Path, lines: Sequence[bytes]) -> set[bytes]:
    if not lines:
        return set()
    try:
        data = path.read_bytes()
    except OSError:
        return set()
    if len(lines) <= FEW:
        return {line for line in lines if line in data}
    return set(data.splitlines(keepends=True))


def _remember(path: Path, lines: Iterable[bytes]) -> None:
    data = b"".join(lines)
    if not data:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > LARGEST_MEMORY:
            path.unlink()
        # It starts with a line end, which parts it from a line that a kill may have cut short.
        with path.open("ab", buffering=0) as file:
            os.write(file.fileno(), b"\n" + data)
    except OSError:
        return
