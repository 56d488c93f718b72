"""Compaction: a new log with the admitted records, which every clone can verify and adopt.

The compacted log has no commit in common with the one it replaces. For each commit of the old log to which a merge
refers (`Gate-Log`), it has one with the same records, whose message lists the replaced ids. A signed record of the kind
`compact` names the last of these commits (`head`), and so all of them, and the old log (`base`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gate.approvals.keys import holders
from gate.errors import CannotDecide, InvalidInput
from gate.git.branch_history import existing
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, log_at
from gate.log.index import LoggedRecord
from gate.log.paths import LOG_TRAILER, change_path, record_path, signature_path, verdict_path
from gate.log.signature_cache import valid_keys
from gate.model import OID
from gate.policy.people import members
from gate.policy.types import Policy
from gate.rules import ProtectedBranches

KIND: Final = "compact"
REPLACED = "refs/gate/replaced"
"""The local ref of the log that a compaction replaced."""
_DRAFT = "refs/gate/compacting"
_RECORD = re.compile(rb"records/../([0-9a-f]{64})\.json")
_WRITER = b"committer gate <gate@localhost> 0 +0000\n"

Files = Mapping[str, str]
"""Blobs by path in the log."""


def administrators(policy: Policy, branch: str) -> frozenset[str]:
    """Return who can compact the log: the guardians of the default `branch`, or the seniors if there are none."""
    guarded = policy.protection(branch).require.guarded
    seniors = (person.name for person in policy.people.values() if person.role == "senior")
    return members(policy, guarded) if guarded else frozenset(seniors)


def compaction_in(log: ApprovalLog) -> LoggedRecord | None:
    """Return the latest compaction that this log descends from, if a current administrator signed it."""
    repository = log.repository
    candidates = log.index.of_kind(KIND)
    if not candidates:
        return None
    try:
        branches = ProtectedBranches.of(repository)
    except InvalidInput:
        return None
    trusted, key_holders = administrators(branches.policy, branches.default), holders(branches.policy)
    valid = [
        entry
        for entry in log.trusting(branches.policy).admit(candidates)
        if entry.record.by in trusted
        and any(key in key_holders and key_holders[key].person == entry.record.by for key in entry.keys)
        and entry.record.repository == branches.policy.repository
        and _is_ancestor(repository, entry.record.head, log.tip)
    ]
    return max(valid, key=lambda entry: (entry.record.at, entry.id), default=None)


def replaced_states(log: ApprovalLog) -> dict[str, str]:
    """Return, for each commit of an older log that a merge may refer to, the commit that replaces it."""
    compaction = compaction_in(log)
    if compaction is None:
        return {}
    raw = log.repository.text("log", "--format=%H%x00%B%x00", compaction.record.head)
    fields = [field.strip() for field in raw.split("\0")]
    return {
        old: new for new, body in zip(fields[::2], fields[1::2], strict=False) for old in body.split()[1:]
    }


def united(repository: Repository, own: str, incoming: str) -> str:
    """Return the log that replaces two logs without a common commit, one of which is a compaction, or "".

    The later compaction applies. Admitted records that only the other log has are added, so nothing signed is lost.
    """
    if repository.attempt("merge-base", own, incoming).returncode == 0:
        return ""
    logs = [log_at(repository, tip, lasting="") for tip in (own, incoming)]
    compactions = [compaction_in(log) for log in logs]
    if not any(compactions):
        return ""
    times = [entry.record.at if entry else -1 for entry in compactions]
    later, dropped = (logs[0], logs[1]) if times[0] >= times[1] else (logs[1], logs[0])
    paths = _listed(repository, later.tip)
    signed = {blob for entry in later.index.all() for blob, _ in entry.signatures}
    files: dict[str, str] = {}
    for path, blob in _files(
        dropped, [entry for entry in dropped.all() if entry.record.kind != KIND]
    ).items():
        if path not in paths:
            files[path] = blob
        elif path.endswith(".sig") and blob not in signed:
            files[f"{path.removesuffix('.sig')}.{blob}.sig"] = blob
    if not files:
        return later.tip
    stream = _commit(1, "Add what the compacted log lacks", [later.tip]) + _changes(files)
    return _write(repository, stream, 1)


def write_compacted(log: ApprovalLog, referred: Iterable[str]) -> str:
    """Write the compacted log, without its signed record, and return its last commit.

    `referred` are the commits of this or an earlier log to which merges refer. Unknown ones are ignored.
    """
    repository = log.repository
    replaced = replaced_states(log)
    history = _history(repository, log.tip)
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys(referred):
        commit = name if name in history else replaced.get(name, "")
        if commit in history:
            names.setdefault(commit, []).append(name)
    names.setdefault(log.tip, []).append(log.tip)
    admitted = {entry.id: entry for entry in log.all() if entry.record.kind != KIND}
    parents = _nearest(history, names.keys())
    marks = {commit: number for number, commit in enumerate(parents, 1)}
    written: set[str] = set()
    stream = b""
    for commit, parent_states in parents.items():
        listed = " ".join(dict.fromkeys([commit, *names[commit]]))
        stream += _commit(marks[commit], f"State {listed}", [f":{marks[parent]}" for parent in parent_states])
        new = admitted.keys() if commit == log.tip else _added(repository, parent_states[:1], commit)
        entries = [admitted[identity] for identity in sorted(set(new) & admitted.keys())]
        stream += _changes(_files(log, entries))
        written |= set(new)
    return _write(repository, stream, marks[log.tip])


def append(repository: Repository, tip: str, files: Mapping[str, bytes], message: str) -> str:
    """Write a commit that adds these files to the log at `tip`, and return it. No ref points to it."""
    blobs = {
        path: repository.run("hash-object", "-w", "--stdin", stdin=data).decode("ascii").strip()
        for path, data in files.items()
    }
    return _write(repository, _commit(1, message, [tip]) + _changes(blobs), 1)


def _history(repository: Repository, tip: str) -> dict[str, list[str]]:
    """Return the commits of the log with their parents, parents first."""
    lines = repository.text("rev-list", "--topo-order", "--reverse", "--parents", tip).splitlines()
    return {commit: parents for commit, *parents in (line.split() for line in lines)}


def _nearest(history: Mapping[str, Sequence[str]], commits: Iterable[str]) -> dict[str, list[str]]:
    """Reduce the history to `commits`, parents first, each with its nearest ancestors among them."""
    chosen = set(commits)
    nearest: dict[str, frozenset[str]] = {}
    result: dict[str, list[str]] = {}
    order = {commit: number for number, commit in enumerate(history)}
    for commit, parents in history.items():
        ahead = frozenset().union(*(nearest[parent] for parent in parents))
        if commit in chosen:
            result[commit] = sorted(ahead, key=order.__getitem__, reverse=True)
            ahead = frozenset({commit})
        nearest[commit] = ahead
    return result


def _added(repository: Repository, parents: Sequence[str], commit: str) -> set[str]:
    """Return the ids of the records in the log at `commit` that none of the parents has."""
    if parents:
        raw = repository.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", parents[0], commit)
    else:
        raw = repository.run("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit)
    return {match[1].decode() for match in map(_RECORD.fullmatch, raw.split(b"\0")) if match}


def _files(log: ApprovalLog, records: Sequence[LoggedRecord]) -> dict[str, str]:
    """Return the files of the log that belong to these records: valid signatures, lists, and verdicts."""
    repository = log.repository
    lists = log.lists_of({entry.record.change for entry in records})
    of = sorted({entry.record.of for entry in records if entry.record.kind == "verdict"})
    verdict_paths = [path for name in of for path in (verdict_path(name), f"verdicts/{name}.json")]
    names = [record_path(entry.id) for entry in records]
    blobs = existing(repository, (f"{log.tip}:{path}" for path in [*names, *verdict_paths]))
    files = {path: blob for path, blob in zip(names, blobs, strict=False) if blob}
    if len(files) < len(names):
        raise CannotDecide(
            "a later commit removed a record from the approval log",
            "`gate approvals --fetch` restores it",
        )
    files |= {change_path(digest): blob for digest, blob in lists.items()}
    for verdict_file, blob in zip(verdict_paths, blobs[len(names) :], strict=True):
        if blob:
            files.setdefault(verdict_path(verdict_file.rpartition("/")[2].removesuffix(".json")), blob)
    return files | dict(_signatures(log, records))


def _signatures(log: ApprovalLog, records: Sequence[LoggedRecord]) -> Iterator[tuple[str, str]]:
    single = [
        replace(entry, signatures=(signature,)) for entry in records for signature in sorted(entry.signatures)
    ]
    seen: set[str] = set()
    for entry, keys, _ in valid_keys(log.repository, single, log.signers):
        if keys:
            path, blob = signature_path(entry.id), entry.signatures[0][0]
            yield (f"{path.removesuffix('.sig')}.{blob}.sig" if path in seen else path), blob
            seen.add(path)


def _listed(repository: Repository, tip: str) -> set[str]:
    return set(repository.text("ls-tree", "-r", "--name-only", "--full-tree", tip).splitlines())


def _commit(mark: int, message: str, parents: Sequence[str]) -> bytes:
    data = message.encode("ascii")
    # Without `reset`, a commit without a parent would continue from the previous one.
    lines = [] if parents else [b"reset %s\n\n" % _DRAFT.encode()]
    lines += [
        b"commit %s\nmark :%d\n" % (_DRAFT.encode(), mark),
        _WRITER,
        b"data %d\n%s\n" % (len(data), data),
    ]
    for word, parent in zip((b"from", *[b"merge"] * len(parents)), parents, strict=False):
        lines.append(b"%s %s\n" % (word, parent.encode("ascii")))
    return b"".join(lines)


def _changes(files: Files) -> bytes:
    return b"".join(b"M 100644 %s %s\n" % (blob.encode(), path.encode()) for path, blob in files.items())


def _write(repository: Repository, stream: bytes, mark: int) -> str:
    """Import these commits, and return the one with this mark. No ref points to them."""
    done = repository.attempt(
        "fast-import", "--quiet", "--done", "--force", "--date-format=raw",
        stdin=b"feature done\nreset %s\n\n" % _DRAFT.encode() + stream + b"get-mark :%d\ndone\n" % mark,
    )  # fmt: skip
    repository.attempt("update-ref", "-d", _DRAFT)
    if done.returncode != 0:
        raise CannotDecide(
            f"the compacted log cannot be written: {done.stderr.decode('utf-8', 'replace').strip()}",
            f"check the free space and the permissions of {repository.git_dir}; then run the command again",
        )
    return done.stdout.decode("ascii").strip()


def _is_ancestor(repository: Repository, commit: str, tip: str) -> bool:
    return bool(tip) and repository.attempt("merge-base", "--is-ancestor", commit, tip).returncode == 0


def referred_by_merges(repository: Repository) -> list[str]:
    """Return the commits of the log to which commits of any branch refer, oldest first."""
    printed = repository.text("log", "--branches", "--remotes", "--reverse", f"--format={LOG_TRAILER}")
    names = printed.replace(",", " ").split()
    return [name for name in dict.fromkeys(names) if OID.fullmatch(name)]
