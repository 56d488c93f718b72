"""Read every file that any commit of the log ever added, in a few git processes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from gate.approvals.content import parse_contents
from gate.approvals.record import LARGEST, Refused, parse
from gate.git.merging import RAW_LOG, raw_diff
from gate.git.objects import read_objects
from gate.git.repository import Repository
from gate.log.paths import verdict_path
from gate.model import FileChange
from gate.raw_diff import parse_log, parse_raw

LARGEST_SIGNATURE = 16 * 1024
LARGEST_LIST = 64 * 1024 * 1024
AT_ONCE = 2000
"""The number of blobs read in one call, so that a long log needn't fit in memory."""

Blobs = dict[str, set[str]]
"""Blob IDs by name; a name has more than one only if somebody wrote content that doesn't belong to it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The files of a range of history, by the SHA-256 in their names."""

    records: Blobs = field(default_factory=dict)
    signatures: Blobs = field(default_factory=dict)
    lists: Blobs = field(default_factory=dict)
    verdicts: Blobs = field(default_factory=dict)

    @property
    def blobs(self) -> set[str]:
        """Return all blobs."""
        kinds = (self.records, self.signatures, self.lists, self.verdicts)
        return {blob for kind in kinds for several in kind.values() for blob in several}


def read_stretch(repository: Repository, old: str, new: str) -> Stretch | None:
    """Return what the log added between the commits `old` ("" for the start) and `new`.

    Returns None if `new` doesn't descend from `old`, so that nothing known about `old` applies to it.
    """
    return repository.once(("stretch", old, new), lambda: _read_stretch(repository, old, new))


def _read_stretch(repository: Repository, old: str, new: str) -> Stretch | None:
    commits = f"{old}...{new}" if old else new
    command = (*RAW_LOG, "--left-right", "--format=%m", commits, "--")
    done = repository.attempt(*command)
    if done.returncode != 0 and old:
        return None
    logged = parse_log(done.stdout if done.returncode == 0 else repository.run(*command))
    if any(commit.header == "<" for commit in logged):
        return None
    # The log above doesn't compare merge commits with their parents; what only a merge adds is in its tree.
    changed = parse_raw(raw_diff(repository, *sides(old, new)))
    stretch = Stretch()
    for file in (*(file for commit in logged for file in commit.files), *changed):
        _note(stretch, file)
    return stretch


def sides(old: str, new: str) -> tuple[str, str]:
    """Return the two arguments for git that list what came after the commit `old`, or "" for the start."""
    empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
    if len(new) == 64:
        empty = "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321"
    return old or empty, new


def _note(stretch: Stretch, file: FileChange) -> None:
    blob = file.new
    if not blob.strip("0"):
        return
    folder, _, name = file.path.rpartition("/")
    stem, _, ending = name.rpartition(".")
    if folder.partition("/")[0] == "changes":
        stretch.lists.setdefault(name, set()).add(blob)
    elif folder.partition("/")[0] == "verdicts":
        stretch.verdicts.setdefault(stem, set()).add(blob)
    elif folder.startswith("records/") and ending == "json":
        stretch.records.setdefault(stem, set()).add(blob)
    elif folder.startswith("records/") and ending == "sig":
        # A second signature of a record is named `<sha256>.<blob>.sig`; see gate.log.store.
        stretch.signatures.setdefault(stem.partition(".")[0], set()).add(blob)


def read_records(repository: Repository, blobs: Blobs) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the valid records by id, and the reasons why others are rejected."""
    contents = read_sized(repository, {blob for several in blobs.values() for blob in several}, LARGEST)
    good: dict[str, bytes] = {}
    refused: dict[str, str] = {}
    for identity, several in blobs.items():
        for blob in several:
            data = contents.get(blob)
            reason = _refusal(identity, data)
            if data is not None and not reason:
                good[identity] = data
            else:
                refused[identity] = reason
    return good, {identity: reason for identity, reason in refused.items() if identity not in good}


def read_lists(repository: Repository, blobs: Blobs) -> dict[str, tuple[str, frozenset[str]]]:
    """Return the blob of each list of a change and the paths in it, by digest. Invalid lists are omitted."""
    lists = {}
    names = sorted(blobs)
    for start in range(0, len(names), AT_ONCE):
        portion = names[start : start + AT_ONCE]
        contents = read_sized(repository, {blob for name in portion for blob in blobs[name]}, LARGEST_LIST)
        for name in portion:
            for blob in blobs[name] & contents.keys():
                if sha256(contents[blob]).hexdigest() != name:
                    continue
                try:
                    lists[name] = blob, frozenset(parse_contents(contents[blob]))
                except ValueError:
                    continue
    return lists


def _refusal(identity: str, data: bytes | None) -> str:
    if data is None:
        return f"larger than {LARGEST} bytes, or not here"
    if sha256(data).hexdigest() != identity:
        return "its content does not fit its name: it was tampered with"
    record = parse(data)
    return record.reason if isinstance(record, Refused) else ""


def total_size(repository: Repository, oids: Iterable[str]) -> int:
    """Return the total size of these objects in bytes."""
    request = "".join(f"{oid}\n" for oid in oids).encode()
    sizes = repository.run("cat-file", "--batch-check=%(objectsize)", stdin=request).split()
    return sum(int(size) for size in sizes if size.isdigit())


def read_sized(repository: Repository, oids: Iterable[str], largest: int) -> Mapping[str, bytes]:
    """Return the blobs that exist and aren't larger than `largest`."""
    wanted = sorted(oids)
    objects: dict[str, bytes] = {}
    for start in range(0, len(wanted), AT_ONCE):
        portion = wanted[start : start + AT_ONCE]
        request = "".join(f"{oid}\n" for oid in portion).encode()
        form = "--batch-check=%(objectname) %(objecttype) %(objectsize)"
        answers = repository.run("cat-file", form, stdin=request).decode().splitlines()
        fine = [
            words[0]
            for words in (answer.split(" ") for answer in answers)
            if len(words) == 3 and words[1] == "blob" and int(words[2]) <= largest
        ]
        objects |= read_objects(repository, fine)
    return objects


def read_signatures(repository: Repository, oids: Iterable[str]) -> Mapping[str, bytes]:
    """Return the signatures that exist and aren't larger than a signature can be, by blob id."""
    return read_sized(repository, oids, LARGEST_SIGNATURE)


def read_list_blobs(repository: Repository, oids: Iterable[str]) -> Mapping[str, bytes]:
    """Return the content of lists of changes, by blob id."""
    return read_sized(repository, oids, LARGEST_LIST)


def read_verdicts(repository: Repository, tip: str, names: Iterable[str]) -> dict[str, bytes]:
    """Return the JSON verdicts with these names in the log at `tip`. Names are the SHA-256 of the content."""
    wanted = sorted(set(names))
    candidates = [(name, path) for name in wanted for path in (f"verdicts/{name}.json", verdict_path(name))]
    request = "".join(f"{tip}:{path}\n" for _, path in candidates).encode("ascii")
    raw = repository.run("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=request).decode()
    oids = {
        name: line.partition(" ")[0]
        for (name, _), line in zip(candidates, raw.splitlines(), strict=True)
        if line.endswith(" blob")
    }
    contents = read_sized(repository, set(oids.values()), LARGEST_LIST)
    return {
        name: contents[oid]
        for name, oid in oids.items()
        if oid in contents and sha256(contents[oid]).hexdigest() == name
    }
