"""Compare two logs, and choose which version of a file stays where they differ."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass

from gate.git.merging import raw_diff
from gate.git.repository import Repository
from gate.log.paths import PLACES, is_flat, sharded
from gate.raw_diff import parse_raw


def flat_files(repository: Repository, tip: str) -> dict[str, str]:
    """Return the files of the log at `tip` that are in an old flat folder, as blobs by path."""
    raw = repository.run("ls-tree", "-z", "--full-tree", tip, "--", "changes/", "verdicts/")
    entries = [line.partition(b"\t") for line in raw.split(b"\0")[:-1]]
    blobs = {os.fsdecode(path): head.split(b" ")[2].decode() for head, _, path in entries}
    return {path: blob for path, blob in blobs.items() if is_flat(path)}


@dataclass(frozen=True, slots=True)
class Difference:
    """What one log has and another lacks: files to add, and files with two versions."""

    added: Mapping[str, str]
    changed: Mapping[str, tuple[str, str]]
    lost: bool


def compare(repository: Repository, ours: str, theirs: str) -> Difference:
    """Return what the log at `theirs` adds to the one at `ours`."""
    raw = raw_diff(repository, ours, theirs)
    added, changed, lost = {}, {}, False
    for file in parse_raw(raw):
        if file.status == "deleted":
            lost = True
        elif file.status == "added":
            # A path outside the log's layout could shadow records: for example, a file named `records`.
            if file.new_mode == "100644" and PLACES.fullmatch(file.path):
                added[sharded(file.path)] = file.new
        else:
            changed[file.path] = (file.old, file.new if file.new_mode == "100644" else file.old)
    return Difference(added, changed, lost)


def reconcile(repository: Repository, changed: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Choose which version of a file stays, and where the other goes, in the same way in every clone.

    A file named by its content can only have one right version. Of two signatures of a record, neither is known to be
    right here, so both stay, the second under a longer name.
    """
    resolved = {}
    for path, pair in changed.items():
        first, second = sorted(pair)
        stem, dot, ending = path.rpartition("/")[2].rpartition(".")
        if ending == "sig":
            resolved[path] = first
            resolved[f"{path.removesuffix('.sig')}.{second}.sig"] = second
            continue
        valid = [oid for oid in pair if _sha256(repository, oid) == (stem if dot else ending)]
        resolved[path] = valid[0] if valid else first
    return resolved


def is_superset(repository: Repository, new: str, old: str) -> bool:
    """Return whether the log at `new` has every file of the one at `old`, with the same content or next to it."""
    differences = compare(repository, old, new)
    if not differences.lost and not differences.changed:
        return True
    old_files, new_files = _files(repository, old), _files(repository, new)
    return old_files <= new_files


def _sha256(repository: Repository, oid: str) -> str:
    return hashlib.sha256(repository.run("cat-file", "blob", oid)).hexdigest()


def _files(repository: Repository, tip: str) -> set[tuple[str, bytes]]:
    """Return the blobs of a log, with the first part of their names for each record or list."""
    raw = repository.run("ls-tree", "-r", "-z", "--full-tree", tip)
    paths = set()
    for line in raw.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        name = os.fsdecode(path).rpartition("/")[2]
        paths.add((f"{name.partition('.')[0]}.{name.rpartition('.')[2]}", head.split(b" ")[2]))
    return paths
