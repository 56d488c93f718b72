"""Decide what a server accepts into the log: only additions, only signed ones, and within limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

from gate.approvals.record import Refused, parse
from gate.git.merging import RAW_LOG, raw_diff
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.difference import is_superset
from gate.log.history import (
    LARGEST_LIST,
    LARGEST_SIGNATURE,
    Stretch,
    read_sized,
    read_stretch,
    sides,
    total_size,
)
from gate.log.paths import PLACES
from gate.log.signature_cache import valid_keys
from gate.log.store import LOG, contains
from gate.raw_diff import parse_log, parse_raw


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one push may add to the log. Administrators set the limits with `git config gate.NAME`."""

    files: int = 5000
    bytes: int = 32 * 1024 * 1024
    signatures: int = 8

    @classmethod
    def of(cls, repository: Repository) -> Limits:
        """Return the limits of this repository."""
        names = {"gate.maxlogfiles": "files", "gate.maxlogsize": "bytes", "gate.maxsignatures": "signatures"}
        done = repository.attempt("config", "--type=int", "--get-regexp", r"^gate\.max")
        pairs = (line.split() for line in done.stdout.decode("utf-8", "replace").splitlines())
        return replace(cls(), **{names[key]: int(value) for key, value in pairs if key in names})


UNREFERENCED = "no signed record refers to it"
UNITE = "`gate approvals --fetch` merges both logs; then push again"
IN_PARTS = "push it in parts, or ask an administrator of the server to raise that limit"
START_ANEW = (
    f"to start from the server's log, run `git fetch origin +{LOG}:{LOG}`, and record what it lacks again"
)


def refusal(repository: Repository, old: str, new: str) -> tuple[str, str]:
    """Return why the log must not move from the commit `old` ("" for none) to `new`, and what to do; both "" if it may.

    The new log must descend from the old one and contain all of its files, because everything its history ever
    contained counts. Files whose content doesn't match their name are refused, because they would block the right file
    forever. Signatures are checked by `unadmitted`.
    """
    if not resolve(repository, [new]):
        return "it is not a commit", START_ANEW
    if old and not contains(repository, new, old):
        return "it does not contain the current approval log: records would be lost", UNITE
    if old and not is_superset(repository, new, old):
        return "it drops or alters existing records", START_ANEW
    if stray := _strays(repository, old, new):
        return stray, START_ANEW
    if excess := _too_much(repository, old, new):
        return excess, IN_PARTS
    misfit = next(_misfits(repository, old, new), "")
    return misfit, START_ANEW if misfit else ""


def unadmitted(repository: Repository, old: str, log: ApprovalLog) -> str:
    """Return why something that the log adds to the commit `old` ("" for none) isn't admitted, or "".

    Each record and signature must be by someone in the policy, in their own name. Each list of a change and each
    verdict must be referenced by such a record.
    """
    stretch = read_stretch(repository, old, log.tip) or Stretch()
    if not log.signers.names:
        # The policy lists no key, so nobody can sign: only what merges refer to is admitted.
        return next(
            (
                f"record {name[:12]} is not signed by a known person: the policy lists no key"
                for name in stretch.records
            ),
            "",
        )
    limit = Limits.of(repository).signatures
    for identity, reason in _unsigned(repository, stretch, log, limit):
        return f"record {identity[:12]} is not admitted: {reason}"
    return next(
        (f"{kind} {name[:12]} is not admitted: {UNREFERENCED}" for kind, name in unreferenced(stretch, log)),
        "",
    )


def unreferenced(stretch: Stretch, log: ApprovalLog) -> Iterator[tuple[Literal["change", "verdict"], str]]:
    """Yield the lists of changes and the verdicts to which no admitted record refers, by kind and name."""
    changes = {entry.record.change for entry in log.select(stretch.lists, ())}
    yield from (("change", name) for name in sorted(stretch.lists.keys() - changes))
    verdicts = {
        entry.record.of for entry in log.referring_to(stretch.verdicts) if entry.record.kind == "verdict"
    }
    yield from (("verdict", name) for name in sorted(stretch.verdicts.keys() - verdicts))


def _unsigned(
    repository: Repository, stretch: Stretch, log: ApprovalLog, limit: int
) -> Iterator[tuple[str, str]]:
    """Yield the added records without a signature, or with an invalid one, each with the reason."""
    present = {
        entry.id: entry for entry in log.index.with_ids(stretch.records.keys() | stretch.signatures.keys())
    }
    for identity in sorted(stretch.signatures.keys() - present.keys()):
        yield identity, "there is a signature of it, but no record"
    for entry in present.values():
        if len(entry.signatures) > limit:
            yield (
                entry.id,
                f"it has {len(entry.signatures)} signatures, more than {limit} (`git config gate.maxSignatures`)",
            )
    signed_anew = [
        replace(entry, signatures=(signature,))
        for entry in present.values()
        for signature in entry.signatures
        if signature[0] in stretch.signatures.get(entry.id, ())
    ]
    for entry, _, reason in valid_keys(repository, signed_anew, log.signers):
        if reason:
            yield entry.id, reason
    admitted = {entry.id for entry in log.admit(list(present.values()))}
    for identity in sorted(stretch.records.keys() - admitted):
        yield identity, log.rejected.get(identity, "it is not a record")


def _too_much(repository: Repository, old: str, new: str) -> str:
    """Return why a push adds more than allowed, or ""."""
    limits = Limits.of(repository)
    stretch = read_stretch(repository, old, new) or Stretch()
    commits = int(repository.text("rev-list", "--count", f"{old}..{new}" if old else new))
    files = max(len(stretch.blobs), commits)
    if files > limits.files:
        return f"it adds {files} files or commits, more than {limits.files} at once (`git config gate.maxLogFiles`)"
    size = total_size(repository, stretch.blobs)
    if size > limits.bytes:
        return f"it adds {size} bytes, more than {limits.bytes} at once (`git config gate.maxLogSize`)"
    return ""


def _strays(repository: Repository, old: str, new: str) -> str:
    """Return why the pushed history isn't one of a log, or "". Files that a later commit removes count too."""
    span = f"{old}..{new}" if old else new
    for commit in parse_log(repository.run(*RAW_LOG, "-m", "--root", "--format=", span)):
        for file in commit.files:
            if not PLACES.fullmatch(file.path):
                return f"the log has no place for {file.path}, which its history has had"
    return ""


def _misfits(repository: Repository, old: str, new: str) -> Iterator[str]:
    raw = raw_diff(repository, *sides(old, new))
    # A deleted file was moved: the caller has made sure that nothing is missing.
    files = [file for file in parse_raw(raw) if file.status != "deleted"]
    for file in files:
        if file.new_mode != "100644" or not PLACES.fullmatch(file.path):
            yield f"the log has no place for {file.path}"
    added = {file.path: file.new for file in files}
    contents = read_sized(repository, added.values(), LARGEST_LIST)
    for name, oid in added.items():
        if problem := _wrong(name, contents.get(oid)):
            yield f"{name} {problem}"


def _wrong(name: str, data: bytes | None) -> str:
    """Return what is wrong with a file of the log, or ""."""
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
        return f"is not a record: {record.reason}" if isinstance(record, Refused) else ""
    return ""
