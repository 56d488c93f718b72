"""Cache the result of an audit in a file, so that the next audit only verifies newer moves.

A step depends on its commits, which never change, and on the records about it. So a result for an earlier log is still
valid, unless a newer record is about one of its steps. An audit is only cached if every step passed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from gate import __version__
from gate.app.audit.auditor import MARK
from gate.app.audit.step import Step
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.json_input import parse_json
from gate.log.admitted import ApprovalLog
from gate.log.history import read_stretch
from gate.log.store import contains
from gate.store import read_entry, write_entry


@dataclass(frozen=True, slots=True)
class Memory:
    """The steps from the commit `start` to the commit `top`, all of which passed with the log at `log`.

    `now` is the latest time that a commit up to `top` claims. `marks` are prefixes of the changes and commits that the
    steps are about.
    """

    start: str
    top: str
    log: str
    now: int
    steps: tuple[Step, ...]
    marks: frozenset[str]


def recall(repository: Repository, ref: str, log: ApprovalLog, top: str) -> Memory | None:
    """Return the cached result for the branch `ref` if it is for an earlier part of its history and of this log.

    None if a newer record is about one of its steps.
    """
    memory = _load(_path(repository, ref))
    if memory is None or not contains(repository, log.tip, memory.log):
        return None
    chain = repository.text("rev-list", "--first-parent", f"{memory.top}..{top}").split()
    first = f"{chain[-1]}^" if chain else top
    if resolve(repository, [first]).get(first) != memory.top:
        return None
    stretch = read_stretch(repository, memory.log, log.tip) if memory.log != log.tip else None
    if stretch is None:
        return memory if memory.log == log.tip else None
    added = log.index.with_ids(stretch.records.keys() | stretch.signatures.keys())
    about = {entry.record.change[:MARK] for entry in added} | {entry.record.head[:MARK] for entry in added}
    return memory if memory.marks.isdisjoint(about) else None


def remember(repository: Repository, ref: str, memory: Memory) -> None:
    """Cache the result if every step passed."""
    if any(step.outcome == "failed" for step in memory.steps):
        return
    path = _path(repository, ref)
    steps = [astuple(step) for step in memory.steps]
    data = [memory.start, memory.top, memory.log, memory.now, steps, sorted(memory.marks)]
    # A read-only repository is audited from the start each time.
    write_entry(path, _version(), json.dumps(data).encode())


def _path(repository: Repository, ref: str) -> Path:
    return repository.state_dir / "log" / f"audit-{sha256(ref.encode()).hexdigest()[:16]}"


@cache
def _version() -> str:
    """Return a fingerprint of gate itself, because another version may decide differently."""
    files = sorted(Path(__file__).parents[2].rglob("*.py"))
    stats = ((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    return f"{__version__} {sha256(repr(list(stats)).encode()).hexdigest()}"


def _load(path: Path) -> Memory | None:
    try:
        start, top, log, now, steps, marks = parse_json(read_entry(path, _version()) or b"null")
        return Memory(
            str(start), str(top), str(log), int(now), tuple(_steps(steps)), frozenset(map(str, marks))
        )
    except (ValueError, TypeError):
        return None


def _steps(rows: Sequence[Sequence[object]]) -> Iterable[Step]:
    for commit, title, _outcome, reasons, waived, base, change, approvers, afterwards in rows:
        if not isinstance(approvers, list) or not isinstance(reasons, list):
            raise TypeError("the approvers or the reasons are not a list")
        names = tuple(map(str, approvers))
        yield Step(
            str(commit),
            str(title),
            "passed",
            tuple(map(str, reasons)),
            bool(waived),
            str(base),
            str(change),
            names,
            bool(afterwards),
        )
