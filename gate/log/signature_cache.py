"""Cache verified signatures by content. Whether a signature is valid never changes.

Whose key it is, whether it is still listed, and whether the record counts is checked each time. Each line of the file
has its own checksum, so several processes can append lines, and anything else in the file is ignored.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from gate.git.repository import Repository
from gate.log.history import read_signatures
from gate.log.index import LoggedRecord
from gate.log.signers import Signers
from gate.policy.keys import PublicKey
from gate.ssh import Claim, verify

FEW = 50
LARGEST_MEMORY = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Signature:
    """A signature in a blob of the log that names a key of the record's author."""

    record: LoggedRecord
    blob: str
    key: PublicKey

    def line(self, verdict: bytes) -> bytes:
        """Return the line of the file that says whether it is valid."""
        name = sha256(f"{self.key.blob} {self.record.id} {self.blob}".encode()).hexdigest().encode()
        return b"%s %08x\n" % (name, zlib.crc32(verdict + b" " + name))


def valid_keys(
    repository: Repository, records: Sequence[LoggedRecord], signers: Signers
) -> Iterator[tuple[LoggedRecord, tuple[str, ...], str]]:
    """Yield each record with those keys of its author that signed it, or with the reason why there are none.

    Only signatures by such keys are verified, and each only once, because the result is cached.
    """
    claimed = [
        _Signature(record, blob, signers.keys[key][0])
        for record in records
        for blob, key in record.signatures
        if key in signers.keys and record.record.by in signers.keys[key][1]
    ]
    valid: dict[int, list[str]] = {}
    for signature, good in zip(claimed, _checked(repository, claimed), strict=True):
        if good:
            valid.setdefault(id(signature.record), []).append(signature.key.blob)
    tried = {id(signature.record) for signature in claimed}
    for record in records:
        keys = tuple(dict.fromkeys(valid.get(id(record), ())))
        yield record, keys, "" if keys else _reason(record, signers, tried=id(record) in tried)


def _reason(record: LoggedRecord, signers: Signers, *, tried: bool) -> str:
    """Return why a record has no valid signature."""
    author = record.record.by
    keys = {key for _, key in record.signatures if key}
    key_owners = {name for key in keys & signers.keys.keys() for name in signers.keys[key][1]}
    if not record.signatures:
        return "not signed"
    if tried or not keys:
        return "its signature is not valid"
    if key_owners:
        return f"signed with the key of {min(key_owners)}, in the name of {author}"
    return f"unknown signer: claims to be {author}"


def _checked(repository: Repository, signatures: Sequence[_Signature]) -> list[bool]:
    path = repository.state_dir / "log" / "verified"
    good = [signature.line(b"valid") for signature in signatures]
    bad = [signature.line(b"invalid") for signature in signatures]
    remembered = _remembered(path, [*good, *bad])
    doubtful = [n for n in range(len(signatures)) if good[n] not in remembered and bad[n] not in remembered]
    answers = dict(zip(doubtful, _verify(repository, [signatures[n] for n in doubtful]), strict=True))
    # A signature without an answer, for example because ssh-keygen was killed, is verified again next time.
    verified = {n: answer for n, answer in answers.items() if answer is not None}
    _remember(path, [(good if valid else bad)[n] for n, valid in verified.items()])
    return [verified.get(n, good[n] in remembered) for n in range(len(signatures))]


def _verify(repository: Repository, signatures: Sequence[_Signature]) -> list[bool | None]:
    blobs = read_signatures(repository, {signature.blob for signature in signatures})
    present = [n for n, signature in enumerate(signatures) if signature.blob in blobs]
    claims = [Claim(signatures[n].record.data, blobs[signatures[n].blob], signatures[n].key) for n in present]
    answers: dict[int, bool | None] = dict(zip(present, verify(claims), strict=True))
    return [answers.get(n) for n in range(len(signatures))]


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
        # Start with a newline to separate the data from a line that a kill may have truncated.
        with path.open("ab", buffering=0) as file:
            os.write(file.fileno(), b"\n" + data)
    except OSError:
        return
