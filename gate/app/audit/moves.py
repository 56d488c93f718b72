"""Read the moves of a protected branch for an audit: the change that each made, and its authors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from gate.approvals.content import Contents, parse_contents
from gate.git.authors import mechanical, merge_trees
from gate.git.branch_history import History, newcomers, read_diffs
from gate.git.change import read_renames
from gate.git.commits import Commit
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.history import read_list_blobs
from gate.log.index import LoggedRecord
from gate.log.trailers import Trailers, read_trailers
from gate.model import Author, Change, FileChange
from gate.policy.types import Policy
from gate.raw_diff import parse_raw


@dataclass(frozen=True)
class Move:
    """A move from the commit `old` to `new`. `raw` is git's raw diff, and `brought` are the merged commits.

    `authors` are the authors of what was merged. The committer of the merge is one of them only if its tree differs
    from the one that git produces by merging both sides. `now` is the latest time that any commit up to here claims.
    `squashed` is the commit that gate squashed, if a signed verdict proves that it did.
    """

    old: Commit
    new: Commit
    raw: bytes
    authors: tuple[Author, ...]
    brought: frozenset[str]
    now: int
    trailers: Trailers
    squashed: str = ""

    @cached_property
    def digest(self) -> str:
        """The digest of the change, to which approvals are bound."""
        return sha256(self.raw).hexdigest()

    @cached_property
    def files(self) -> tuple[FileChange, ...]:
        """The changed files."""
        return parse_raw(self.raw)

    @property
    def head(self) -> str:
        """The commit that was proposed, as far as the branch shows it and the log proves it."""
        return self.new.parents[1] if len(self.new.parents) > 1 else self.squashed or self.new.oid


def change_of(repository: Repository, move: Move, ref: str, policy: Policy) -> Change:
    """Return the change that a move of `ref` made, as gate should have checked it before."""
    return Change(
        repository=policy.repository,
        into=ref,
        base=move.old.oid,
        head=move.head,
        merge_base=move.old.oid,
        tree=move.new.tree,
        base_tree=move.old.tree,
        digest=move.digest,
        authors=move.authors,
        files=move.files,
        renames=read_renames(repository, move.old.tree, move.new.tree, move.files),
        merged_commits=len(move.brought),
    )


def read_moves(
    repository: Repository, history: History, chain: Sequence[str], log: ApprovalLog, ref: str, now: int = 0
) -> list[Move]:
    """Return the moves along `chain`: the commits of the branch, oldest first, beginning with the starting point.

    `now` is the latest time that a commit before these claims.
    """
    pairs = [(number, number + 1) for number in range(len(chain) - 1)]
    return _moves(repository, history, chain, pairs, log, ref, now)


def read_stretches(
    repository: Repository,
    history: History,
    chain: Sequence[str],
    moves: Sequence[Move],
    log: ApprovalLog,
    ref: str,
) -> dict[int, list[tuple[int, Move]]]:
    """Return the moves over several commits that were approved, waived, or verified as one, by start, longest first.

    A fast-forward, and a rebase by a forge, leave no merge commit. Each entry has the number of the commit where it
    ends. It is a candidate: it replaces its commits only if it is verified as a whole.
    """
    kinds = {"approve", "waive", "verdict"}
    named = [
        record
        for record in log.select((), chain)
        if record.record.kind in kinds and record.record.into == ref
    ]
    digests: dict[tuple[int, int], set[str]] = {}
    for start, end, digest in (*_named(chain, named), *_listed(repository, moves, log, ref)):
        if end - start > 1:
            digests.setdefault((start, end), set()).add(digest)
    if not digests:
        return {}
    stretches: dict[int, list[tuple[int, Move]]] = {}
    ordered = sorted(digests, key=lambda pair: (pair[0], -pair[1]))
    for pair, move in zip(ordered, _moves(repository, history, chain, ordered, log, ref), strict=True):
        # Nobody can have approved commits that change no file together: they only undo each other.
        if move.digest in digests[pair] and move.files:
            stretches.setdefault(pair[0], []).append((pair[1], move))
    return stretches


def _named(chain: Sequence[str], records: Iterable[LoggedRecord]) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches from the base to the head of a record, each with the digest that it must have."""
    position = {oid: number for number, oid in enumerate(chain)}
    for record in (record.record for record in records):
        start, end = position.get(record.base), position.get(record.head)
        if start is not None and end is not None:
            yield start, end, record.change


def _listed(
    repository: Repository, moves: Sequence[Move], log: ApprovalLog, ref: str
) -> Iterator[tuple[int, int, str]]:
    """Yield the stretches that make a recorded change in several commits, each with the digest of that change.

    A stretch begins with the first commit that changes one of the files, and ends with the last.
    """
    single = {move.digest for move in moves}
    open_moves = _unexplained(moves, log, ref)
    if len(open_moves) < 2:
        return
    paths = {file.path for number in open_moves for file in moves[number].files}
    lists = {digest: blob for digest, blob in log.touching(paths).items() if digest not in single}
    kinds = {"approve", "waive", "verdict"}
    wanted = {
        record.record.change
        for record in log.select(lists, ())
        if record.record.kind in kinds and record.record.into == ref
    }
    contents = read_list_blobs(repository, {lists[digest] for digest in wanted & lists.keys()})
    for digest in wanted & lists.keys():
        if lists[digest] in contents:
            for start, end in _spans(moves, open_moves, parse_contents(contents[lists[digest]])):
                yield start, end, digest


def _unexplained(moves: Sequence[Move], log: ApprovalLog, ref: str) -> list[int]:
    """Return the numbers of the moves without a merge commit for which there is no record of their own."""
    plain = [number for number, move in enumerate(moves) if len(move.new.parents) == 1]
    recorded = {
        record.record.change
        for record in log.select({moves[number].digest for number in plain}, ())
        if record.record.into == ref
    }
    return [number for number in plain if moves[number].digest not in recorded]


def _spans(moves: Sequence[Move], numbers: Sequence[int], contents: Contents) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each run of commits that changes the listed files from the old contents to the new."""
    start = earlier = -1
    missing: set[str] = set()
    for number in numbers:
        if number != earlier + 1:
            start = -1
        earlier = number
        for file in moves[number].files:
            if file.path not in contents:
                continue
            old_mode, new_mode, old, new = contents[file.path]
            if start < 0 and (file.old_mode, file.old) == (old_mode, old):
                start, missing = number, set(contents)
            if start >= 0 and (file.new_mode, file.new) == (new_mode, new):
                missing.discard(file.path)
            elif start >= 0:
                missing.add(file.path)
        if start >= 0 and not missing:
            yield start, number + 1


def _moves(
    repository: Repository,
    history: History,
    chain: Sequence[str],
    pairs: Sequence[tuple[int, int]],
    log: ApprovalLog,
    ref: str,
    now: int = 0,
) -> list[Move]:
    brought = newcomers(history)
    raws = read_diffs(repository, [(chain[start], chain[end]) for start, end in pairs])
    merges = [(chain[start], chain[end]) for start, end in pairs if _is_merge(history, chain, start, end)]
    sides = [(old, history.commits[new].parents[1]) for old, new in merges]
    trees = dict(zip(merges, merge_trees(repository, sides), strict=True)) if sides else {}
    # A merge of the branch itself into the merged work has no authors, unless somebody resolved a conflict in it.
    updates = mechanical(repository, (merge for commits in brought.values() for merge in _updates(commits)))
    squashes = _squashes(history, chain, zip(pairs, raws, strict=True), log, ref)
    moves = []
    for (start, end), raw in zip(pairs, raws, strict=True):
        old, new = history.commits[chain[start]], history.commits[chain[end]]
        own = [history.commits[oid] for oid in chain[start + 1 : end + 1]]
        new_ones = [commit for own_commit in own for commit in brought[own_commit.oid]]
        squashed = squashes.get((old.oid, new.oid), "")
        authors = [author for commit in new_ones if commit.oid not in updates for author in commit.named()]
        if trees.get((old.oid, new.oid)) != new.tree:
            authors += [author for commit in own for author in commit.named(committer=not squashed)]
        now = max(now, old.time, *(commit.time for commit in own))
        ids = frozenset(commit.oid for commit in (*new_ones, *own))
        unique = {author.email.casefold(): author for author in authors}
        trailers = read_trailers(new.message)
        moves.append(Move(old, new, raw, tuple(unique.values()), ids, now, trailers, squashed))
    return moves


def _updates(commits: Sequence[Commit]) -> Iterator[tuple[str, Sequence[str], str]]:
    """Yield the new commits that are merges with a commit that was already in the branch."""
    ids = {commit.oid for commit in commits}
    for commit in commits:
        if len(commit.parents) == 2 and not ids.issuperset(commit.parents):
            yield commit.oid, commit.parents, commit.tree


def _squashes(
    history: History,
    chain: Sequence[str],
    pairs: Iterable[tuple[tuple[int, int], bytes]],
    log: ApprovalLog,
    ref: str,
) -> dict[tuple[str, str], str]:
    """Return, by start and end of the move, the commit that gate squashed into each of its squash commits.

    The trailers of a commit prove nothing: a signed verdict must be about exactly this base, head, and content.
    """
    claims = {}
    for (start, end), raw in pairs:
        commit = history.commits[chain[end]]
        if end == start + 1 and len(commit.parents) == 1 and (head := read_trailers(commit.message).head):
            claims[chain[start], commit.oid] = (chain[start], head, sha256(raw).hexdigest())
    if not claims:
        return {}
    proven = {
        (entry.record.base, entry.record.head, entry.record.change)
        for entry in log.select({digest for _, _, digest in claims.values()}, ())
        if entry.record.kind == "verdict" and entry.record.into == ref
    }
    return {ends: claim[1] for ends, claim in claims.items() if claim in proven}


def _is_merge(history: History, chain: Sequence[str], start: int, end: int) -> bool:
    return end == start + 1 and len(history.commits[chain[end]].parents) == 2
