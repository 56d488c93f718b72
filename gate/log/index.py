"""An index of the log, stored in a file and extended as the log grows.

A check needs a few of perhaps ten thousand records. The index has one line per record, with fixed-width columns, so
that these few are found without parsing the others. An index that doesn't match the log is rebuilt.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from gate.approvals.record import Record, Refused, parse
from gate.approvals.sshsig import signing_key
from gate.git.repository import Repository
from gate.log.history import Stretch, read_lists, read_records, read_signatures, read_stretch
from gate.log.signers import key_id
from gate.store import read_entry, write_entry

FORMAT = "log index 3"
PATHS_NOTED = 2000
"""The maximum number of paths noted from a longer list. They are used to find similar changes."""

WORTH_WRITING = 100
"""The index of a long log is written again when one record in this many is new."""

# Columns of a record's line: id, change, of, head, its signatures as BLOB:KEY, its JSON.
_ID, _CHANGE, _OF, _HEAD = slice(0, 64), slice(65, 129), slice(130, 194), slice(195, 259)
_REST = 260


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """A record of the log with its signatures: more than one only if clones disagreed.

    A signature consists of its blob and the short name of the key that it names. `keys` are the keys (base64 text) that
    verifiably signed the record. They belong to the person named in it, and are set only after its admission.
    """

    id: str
    data: bytes
    record: Record
    signatures: tuple[tuple[str, str], ...]
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """The records, the lists of changes, and what was rejected, up to the commit `tip`, each as a line."""

    tip: str
    records: Sequence[bytes] = ()
    lists: Sequence[bytes] = ()
    refused: Sequence[bytes] = ()

    def select(self, changes: Collection[str], heads: Collection[str]) -> list[LoggedRecord]:
        """Return the records about one of the changes or given for one of the heads, and revocations of any of them."""
        wanted = {digest.encode() for digest in changes}
        commits = {_column(head) for head in heads}
        chosen = {
            line[_ID]: line for line in self.records if line[_CHANGE] in wanted or line[_HEAD] in commits
        }
        revoking = [line for line in self.records if line[_OF] in chosen and line[_ID] not in chosen]
        return [_read_line(line) for line in (*chosen.values(), *revoking)]

    def all(self) -> list[LoggedRecord]:
        """Return all records."""
        return [_read_line(line) for line in self.records]

    def of_kind(self, kind: str) -> list[LoggedRecord]:
        """Return the records of one kind."""
        # Quotes in the record's strings are escaped, so this matches only the key itself.
        wanted_kind = f'"kind":"{kind}"'.encode()
        return [_read_line(line) for line in self.records if wanted_kind in line]

    def by_person(self, name: str) -> list[LoggedRecord]:
        """Return the records in the name of one person."""
        author = f'"by":{json.dumps(name, ensure_ascii=False)}'.encode("utf-8", "surrogateescape")
        return [_read_line(line) for line in self.records if author in line]

    def with_ids(self, ids: Collection[str]) -> list[LoggedRecord]:
        """Return the records with these ids."""
        wanted = {identity.encode() for identity in ids}
        return [_read_line(line) for line in self.records if line[_ID] in wanted]

    def referring_to(self, names: Collection[str]) -> list[LoggedRecord]:
        """Return the records that refer to one of these record ids or names of verdicts."""
        wanted = {name.encode() for name in names}
        return [_read_line(line) for line in self.records if line[_OF] in wanted]

    def starting(self, start: str) -> list[LoggedRecord]:
        """Return the records whose id has this prefix."""
        return [_read_line(line) for line in self.records if line.startswith(os.fsencode(start))]

    def touching(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the lists of changes that may touch one of the paths, as blobs by digest."""
        marks = {_mark(path) for path in paths}
        return dict(_list_name(line) for line in self.lists if not marks.isdisjoint(line.split(b" ")))

    def lists_of(self, digests: Collection[str]) -> dict[str, str]:
        """Return the lists of these changes that the log has, as blobs by digest."""
        wanted = {digest.encode() for digest in digests}
        return dict(_list_name(line) for line in self.lists if line[:64] in wanted)

    def refusals(self) -> dict[str, str]:
        """Return, by id, why files that look like records aren't."""
        parted = (line.decode("utf-8", "surrogateescape").partition(" ") for line in self.refused)
        return {identity: reason for identity, _, reason in parted}


def open_index(repository: Repository, tip: str, *, lasting: str | None = None) -> Index:
    """Return the index of the log at `tip`: cached, extended, or new. Raises CannotDecide if git can't read the log.

    `lasting` is the log's commit that stays if `tip` may not, as in a push: only what that one has is cached.
    """
    path = repository.state_dir / "log" / "index"
    lasting = tip if lasting is None else lasting
    stored = _load(path)
    if stored is None and lasting not in {"", tip}:
        stored, _ = _grown(repository, None, lasting)
        _save(path, stored)
    if stored is not None and stored.tip == tip:
        return stored
    index, added = _grown(repository, stored, tip)
    if lasting == tip:
        _save(path, index)
    elif stored is not None and lasting and added * WORTH_WRITING >= len(stored.records):
        # The rest is read again next time; writing the whole index of a long log takes longer.
        _save(path, _grown(repository, stored, lasting)[0])
    return index


def _grown(repository: Repository, stored: Index | None, tip: str) -> tuple[Index, int]:
    """Return the index at `tip`, extended from the stored one if possible, and the number of files read for it."""
    stretch = read_stretch(repository, stored.tip, tip) if stored is not None else None
    if stored is None or stretch is None or stretch.records.keys() - stretch.signatures.keys():
        # A signature that was added before its record isn't in any index yet.
        stored, stretch = Index(""), read_stretch(repository, "", tip) or Stretch()
    return _extend(repository, stored, stretch, tip), len(stretch.blobs)


def _extend(repository: Repository, stored: Index, stretch: Stretch, tip: str) -> Index:
    good, refused = read_records(repository, stretch.records)
    signatures = _claims(repository, stretch)
    stay = []
    for line in stored.records:
        identity = line[_ID].decode()
        if identity in good or identity in signatures:
            old = _read_line(line)
            good[identity] = old.data
            signatures.setdefault(identity, set()).update(old.signatures)
        else:
            stay.append(line)
    refused = {**stored.refusals(), **refused}
    known_lists = {line[:64] for line in stored.lists}
    lists = read_lists(
        repository, {name: b for name, b in stretch.lists.items() if name.encode() not in known_lists}
    )
    return Index(
        tip,
        (*stay, *(_record_line(identity, good[identity], signatures.get(identity, ())) for identity in good)),
        (*stored.lists, *(_list_line(digest, blob, paths) for digest, (blob, paths) in lists.items())),
        [
            f"{identity} {reason}".encode("utf-8", "surrogateescape").replace(b"\n", b" ")
            for identity, reason in refused.items()
            if identity not in good
        ],
    )


def _claims(repository: Repository, stretch: Stretch) -> dict[str, set[tuple[str, str]]]:
    """Return, for each record, the signature blobs and the key that each names ("" if it isn't a signature)."""
    contents = read_signatures(repository, {blob for blobs in stretch.signatures.values() for blob in blobs})
    keys = {blob: key_id(key) for blob, content in contents.items() if (key := signing_key(content))}
    return {
        identity: {(blob, keys.get(blob, "")) for blob in blobs}
        for identity, blobs in stretch.signatures.items()
    }


def _record_line(identity: str, data: bytes, signatures: Iterable[tuple[str, str]]) -> bytes:
    record = parse(data)
    assert not isinstance(record, Refused)  # noqa: S101 - only accepted records get here
    columns = [identity.encode(), record.change.encode(), _column(record.of), _column(record.head)]
    claims = ",".join(f"{blob}:{key}" for blob, key in sorted(signatures))
    return b" ".join([*columns, claims.encode(), data.removesuffix(b"\n")])


def _read_line(line: bytes) -> LoggedRecord:
    signatures, _, data = line[_REST:].partition(b" ")
    data += b"\n"
    record = parse(data)
    assert not isinstance(record, Refused)  # noqa: S101 - the index has only accepted records
    claims = (claim.partition(":") for claim in signatures.decode().split(",") if claim)
    return LoggedRecord(line[_ID].decode(), data, record, tuple((blob, key) for blob, _, key in claims))


def _column(text: str) -> bytes:
    return text.encode().ljust(64, b"-")


def _list_line(digest: str, blob: str, paths: Collection[str]) -> bytes:
    marks = sorted(_mark(path) for path in paths)[:PATHS_NOTED]
    return b" ".join([digest.encode(), blob.encode(), *marks])


def _list_name(line: bytes) -> tuple[str, str]:
    digest, blob, *_ = line.split(b" ", 2)
    return digest.decode(), blob.decode()


def _mark(path: str) -> bytes:
    return blake2b(os.fsencode(path), digest_size=5).hexdigest().encode()


def _load(path: Path) -> Index | None:
    """Load the index from a file. Returns None if it is missing or damaged."""
    data = read_entry(path, FORMAT)
    if data is None:
        return None
    head, *lines = data.split(b"\n")[:-1]
    tip, *counts = head.decode().split(" ")
    records, lists = map(int, counts)
    return Index(tip, lines[:records], lines[records : records + lists], lines[records + lists :])


def _save(path: Path, index: Index) -> None:
    head = f"{index.tip} {len(index.records)} {len(index.lists)}".encode()
    lines = (head, *index.records, *index.lists, *index.refused)
    # In a read-only repository, the log is read again each time.
    write_entry(path, FORMAT, b"".join(line + b"\n" for line in lines))
