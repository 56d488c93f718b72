"""What a server takes into the log: only additions, and only what every reader of the log will understand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise

from gate.approvals.record import Refused, parse
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.log.difference import is_superset
from gate.log.history import LARGEST_LIST, LARGEST_SIGNATURE, read_sized, sides
from gate.log.paths import PLACES
from gate.log.store import contains


def refusal(repository: Repository, old: str, new: str) -> str:
    """Why the log may not go from the commit `old` ("" for none) to `new`; "" if it may.

    It has to grow out of what is there, since what its history once held counts, and hold all of that. A file
    that does not fit its name would stand in the way of the right one for ever: none is let in.
    """
    if not resolve(repository, [new]):
        return "it is no commit"
    if old and not contains(repository, new, old):
        return "it does not grow out of the log that is here: records would be lost"
    if old and not is_superset(repository, new, old):
        return "it lacks, or alters, records that are here"
    return next(_misfits(repository, old, new), "") or _strays(repository, old, new)


def _strays(repository: Repository, old: str, new: str) -> str:
    """Why the history by which the log grew is not that of a log; "" if it is. What a later commit took out counts."""
    span = f"{old}..{new}" if old else new
    raw = repository.run(
        "log", "-m", "--root", "--format=", "-z", "--raw", "--no-renames", "--no-abbrev", span
    )
    for head, path in pairwise(raw.split(b"\0")):
        if head.startswith(b":") and not PLACES.fullmatch(os.fsdecode(path)):
            return f"the log has no place for {os.fsdecode(path)}, which its history has had"
    return ""


def _misfits(repository: Repository, old: str, new: str) -> Iterator[str]:
    raw = repository.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", *sides(old, new))
    fields = raw.split(b"\0")[:-1]
    added = {}
    for head, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, oid, status = head.decode("ascii").split(" ")
        if status == "D":
            # It has moved: nothing is missing, as the caller has made sure.
            continue
        name = os.fsdecode(path)
        if mode != "100644" or not PLACES.fullmatch(name):
            yield f"the log has no place for {name}"
        added[name] = oid
    contents = read_sized(repository, added.values(), LARGEST_LIST)
    for name, oid in added.items():
        if wrong := _wrong(name, contents.get(oid)):
            yield f"{name} {wrong}"


def _wrong(name: str, data: bytes | None) -> str:
    """What is wrong with a file of the log, or nothing."""
    folder, _, file = name.rpartition("/")
    if data is None:
        return "is too large, or not there"
    if name.endswith(".sig"):
        return "is too large" if len(data) > LARGEST_SIGNATURE else ""
    if sha256(data).hexdigest() != file.removesuffix(".json"):
        return "does not fit its name: it was tampered with"
    kind, _, shard = folder.partition("/")
    if shard not in {"", file[:2]}:
        return "is in another folder than its own"
    if kind == "records":
        record = parse(data)
        return f"is no record: {record.reason}" if isinstance(record, Refused) else ""
    return ""
