"""Write the log: additions and merges, one commit each, published by compare-and-swap.

The ref `refs/gate/log` is a chain of commits. Their tree contains `records/ab/<sha256>.json` with the signature
`<sha256>.sig` next to it, `changes/ab/<sha256>` (the content of a change), and `verdicts/ab/<sha256>.json`. Nothing in
it is ever modified or removed: what a commit of the chain removes is restored by the next merge, and readers count
everything that the chain ever contained.

Everything is written by one `git fast-import`, which creates the objects first and moves the ref last, and only if the
ref still points to the parent of the new commit. A kill at any moment leaves the log as it was.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gate.errors import CannotDecide
from gate.git.objects import tree_of
from gate.git.repository import Repository
from gate.log.difference import compare, flat_files, reconcile
from gate.log.paths import sharded

LOG = "refs/gate/log"
TRACKING = "refs/gate/remotes"
"""The prefix of the remotes' logs as last fetched, such as `refs/gate/remotes/origin/log`."""

ATTEMPTS = 60
UNMOVED = 20
"""After this many attempts without the log moving, nobody else is writing: a lock was left behind."""
_NOBODY = b"gate <gate@localhost>"
_NOT_WORTH_ANOTHER_TRY = (
    "Permission denied",
    "No space left",
    "Read-only file system",
    "insufficient permission",
)
_RACED = ("Not updating", "but expected", "File exists", "reference already exists")


@dataclass(frozen=True, slots=True)
class Tips:
    """The commits of the logs: the local one ("" for none), and those of remotes by ref."""

    own: str
    remote: Mapping[str, str]


def tracking_ref(remote: str) -> str:
    """Return the ref that tracks the log of `remote`."""
    return f"{TRACKING}/{remote}/log"


def tips(repository: Repository) -> Tips:
    """Return the tips of the local log and those of remotes, in one git process."""
    raw = repository.text("for-each-ref", "--format=%(objectname) %(refname)", LOG, TRACKING)
    positions = {ref: oid for oid, _, ref in (line.partition(" ") for line in raw.splitlines())}
    own = positions.pop(LOG, "")
    return Tips(own, positions)


def settle(repository: Repository) -> str:
    """Return the tip of the log after merging everything that was fetched, or ""."""
    now = tips(repository)
    if repository.overlay:
        return _furthest(repository, now)
    for tip in sorted(set(now.remote.values()) - {now.own}):
        if not now.own or not contains(repository, now.own, tip):
            now = Tips(absorb(repository, tip), now.remote)
    return now.own


def _furthest(repository: Repository, now: Tips) -> str:
    """Return the log that contains all others, if the repository is read-only."""
    tips_known = {tip for tip in (now.own, *now.remote.values()) if tip}
    furthest = [
        tip for tip in tips_known if all(contains(repository, tip, tip_below) for tip_below in tips_known)
    ]
    if tips_known and not furthest:
        raise CannotDecide(
            "two approval logs have to be merged, and this repository is read-only",
            "run gate in your own clone",
        )
    return furthest[0] if furthest else ""


def contains(repository: Repository, tip: str, older: str) -> bool:
    """Return whether the commit `tip` descends from `older`. False too if that is missing."""
    if tip == older:
        return True
    return bool(tip) and repository.attempt("merge-base", "--is-ancestor", older, tip).returncode == 0


def add(repository: Repository, files: Mapping[str, bytes], message: str) -> str:
    """Add files to the log, and return its new tip. Raises CannotDecide if it can't be written."""
    for tip in _tries(repository):
        stream = b"".join(
            b"blob\nmark :%d\ndata %d\n%s\n" % (mark, len(data), data)
            for mark, data in enumerate(files.values(), 2)
        )
        stream += _commit(message, tip) + _shard(repository, tip)
        stream += b"".join(b"M 100644 :%d %s\n" % (mark, path.encode()) for mark, path in enumerate(files, 2))
        if new := _import(repository, stream, tip):
            return new
    raise _busy(repository)


def draft(repository: Repository, files: Mapping[str, bytes], message: str) -> str:
    """Return the commit that `add` would create, without moving the log. Raises CannotDecide if it can't be written.

    No ref points to it, so git removes it in time.
    """
    tip = tips(repository).own
    tree = tree_of(repository, tip) if tip else ""
    entries = {path: _blob(repository, data) for path, data in files.items()}
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        if tree:
            repository.run("read-tree", tree, env=index)
        lines = "".join(f"100644 {oid}\t{path}\n" for path, oid in entries.items())
        repository.run("update-index", "--add", "--index-info", stdin=lines.encode(), env=index)
        new = repository.text("write-tree", env=index)
    who = {
        f"GIT_{role}_{part}": value
        for role in ("AUTHOR", "COMMITTER")
        for part, value in (("NAME", "gate"), ("EMAIL", "gate@localhost"))
    }
    parents = ["-p", tip] if tip else []
    return repository.text("commit-tree", new, *parents, "-m", message, env=who)


def _blob(repository: Repository, data: bytes) -> str:
    return repository.run("hash-object", "-w", "--stdin", stdin=data).decode("ascii").strip()


def absorb(repository: Repository, incoming: str) -> str:
    """Merge the log at the commit `incoming`, and return the new tip."""
    for tip in _tries(repository):
        if not tip:
            if _move(repository, incoming, "0" * len(incoming)):
                return incoming
            continue
        if contains(repository, tip, incoming):
            return tip
        if new := _replacement(repository, tip, incoming):
            if new == tip or replace_log(repository, new, tip):
                return new
            continue
        differences = compare(repository, tip, incoming)
        if not differences.lost and not differences.changed and contains(repository, incoming, tip):
            if _move(repository, incoming, tip):
                return incoming
            continue
        stream = _commit("Merge two logs", tip, incoming)
        files = {**differences.added, **reconcile(repository, differences.changed)}
        stream += b"".join(b"M 100644 %s %s\n" % (oid.encode(), path.encode()) for path, oid in files.items())
        if new := _import(repository, stream, tip):
            return new
    raise _busy(repository)


def _replacement(repository: Repository, own: str, incoming: str) -> str:
    """Return what replaces both logs if one is a compaction, or ""."""
    # Imported here, since gate.log.compaction builds on this module.
    from gate.log.compaction import united

    return united(repository, own, incoming)


def keep_replaced(repository: Repository, tip: str) -> bool:
    """Preserve the log at `tip`, which is about to be replaced, under a ref that nothing reads."""
    return repository.attempt("update-ref", "refs/gate/replaced", tip).returncode == 0


def replace_log(repository: Repository, new: str, old: str) -> bool:
    """Replace the log at `old`, which is preserved, by the one at `new`. Returns False if it has moved meanwhile."""
    return keep_replaced(repository, old) and _move(repository, new, old)


def _tries(repository: Repository) -> Iterator[str]:
    """Yield the log's current commit for each attempt, until it is time to give up."""
    parent, unmoved = "", 0
    for number in range(ATTEMPTS):
        tip = tips(repository).own
        unmoved = unmoved + 1 if tip == parent else 0
        if unmoved > UNMOVED:
            return
        parent = tip
        yield tip
        # Writers that lost the race wait for a moment, each for a different time.
        time.sleep(random.uniform(0.002, 0.01 * (1 + min(number, 20))))  # noqa: S311 - spreads retries, isn't security


def _busy(repository: Repository) -> CannotDecide:
    lock = repository.common_dir / f"{LOG}.lock"
    if lock.exists():
        return CannotDecide(
            f"{LOG} could not be written: it is locked",
            f"if no git command is running, remove the stale lock {lock}",
        )
    return CannotDecide(f"{LOG} could not be written: it keeps changing", "try again later")


def _shard(repository: Repository, tip: str) -> bytes:
    """Return commands that move files which older versions wrote to flat folders.

    Each commit that adds to a flat folder rewrites the whole folder.
    """
    flat = flat_files(repository, tip) if tip else {}
    moves = [f"M 100644 {oid} {sharded(path)}\nD {path}\n" for path, oid in flat.items()]
    return "".join(moves).encode("ascii")


def _commit(message: str, *parents: str) -> bytes:
    data = message.encode("utf-8", "replace")
    lines = [b"commit %s\nmark :1\n" % LOG.encode()]
    lines.append(b"committer %s %d +0000\ndata %d\n%s\n" % (_NOBODY, int(time.time()), len(data), data))
    for word, parent in zip((b"from", b"merge"), parents, strict=False):
        if parent:
            lines.append(b"%s %s\n" % (word, parent.encode()))
    return b"".join(lines)


def _import(repository: Repository, stream: bytes, tip: str) -> str:
    """Write a commit on top of `tip`. Returns "" if the ref has moved since, and it is worth another attempt."""
    done = repository.attempt(
        "fast-import", "--quiet", "--done", "--date-format=raw", stdin=stream + b"get-mark :1\ndone\n"
    )
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode == 0:
        return os.fsdecode(done.stdout).strip()
    for line in stderr.splitlines():
        report = line.partition("crash report to ")[2]
        if report and Path(report).name.startswith("fast_import_crash_"):
            (repository.git_dir / Path(report).name).unlink(missing_ok=True)
    hopeless = any(words in stderr for words in _NOT_WORTH_ANOTHER_TRY)
    raced = any(words in stderr for words in _RACED)
    if hopeless or (not raced and tips(repository).own == tip):
        lines = [line for line in stderr.splitlines() if line.startswith(("fatal", "error", "warning"))]
        raise CannotDecide(
            f"the log cannot be written: {'; '.join(lines) or stderr.strip()}",
            f"check the free space and the permissions of {repository.git_dir}; then run the command again",
        )
    return ""


def _move(repository: Repository, new: str, old: str) -> bool:
    return repository.attempt("update-ref", LOG, new, old).returncode == 0
