"""The moves of a protected branch, as an audit sees them: what each changed, who wrote it, by which rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from itertools import pairwise

from gate.codeowners import ALL_PLACES, PLACES, CodeOwners, Rule, locate, parse
from gate.errors import CannotDecide, InvalidInput, UsageError
from gate.gather import behind_links
from gate.git.authors import mechanical, merge_trees
from gate.git.change import parse_raw, read_renames
from gate.git.objects import REGULAR_MODES, read_objects, resolve
from gate.git.repository import Repository
from gate.git.steps import Commit, History, existing, newcomers, read_diffs
from gate.log.index import Found
from gate.log.store import contains
from gate.log.trailers import Trailers, read_trailers
from gate.model import Author, Change, FileChange, decode_path
from gate.policy.load import POLICY_FILE, load_policy
from gate.policy.types import Policy
from gate.weakenings import SETTINGS

WATCHED = (POLICY_FILE, *dict.fromkeys(place for places in PLACES.values() for place in places))
FOLLOWED = frozenset({*WATCHED, *SETTINGS})


@dataclass(frozen=True)
class Move:
    """A step from the commit `old` to `new`: `raw` is git's list of what it changed, `brought` what it merged.

    `authors` are those of what was merged. Whoever made the merge commit is one of them only if its tree is
    not what git alone makes of the two sides. `now` is the latest time that any commit up to here claims.
    """

    old: Commit
    new: Commit
    raw: bytes
    authors: tuple[Author, ...]
    brought: frozenset[str]
    now: int
    trailers: Trailers

    @cached_property
    def digest(self) -> str:
        """The digest of the change, as approvals are bound to it."""
        return sha256(self.raw).hexdigest()

    @cached_property
    def files(self) -> tuple[FileChange, ...]:
        """What changed."""
        return parse_raw(self.raw)

    @property
    def head(self) -> str:
        """The commit that was proposed, as far as the branch tells."""
        return self.new.parents[1] if len(self.new.parents) > 1 else self.trailers.head or self.new.oid


def change_of(repository: Repository, move: Move, ref: str, policy: Policy) -> Change:
    """The change that a move of `ref` made: what was to be judged before it."""
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
        landed=len(move.brought),
    )


def ends_of(repository: Repository, branch: str, span: str) -> tuple[str, str]:
    """The commits where the audit begins ("" for where the policy does) and ends."""
    below, dots, above = span.partition("..")
    end = above if dots else below
    names = [name for name in (below if dots else "", end) if name]
    ours, theirs = f"refs/heads/{branch}", f"refs/remotes/origin/{branch}"
    found = resolve(repository, [*names, ours, theirs])
    for name in names:
        if name not in found:
            raise UsageError(f"{name!r} stands for no commit here", "`git fetch` it, or check the spelling")
    if end:
        return found.get(below, "") if dots else "", found[end]
    tips = [found[name] for name in (ours, theirs) if name in found]
    if not tips:
        raise UsageError(f"there is no branch {branch!r} here, nor on origin", "name another with `--into`")
    bottom = found.get(below, "") if dots else ""
    if len(tips) == 2 and contains(repository, tips[0], tips[1]):
        return bottom, tips[0]
    return bottom, tips[-1]


def chain_of(repository: Repository, history: History, bottom: str, branch: str) -> list[str]:
    """The commits of the branch to audit, oldest first; the first is what they build on."""
    chain = history.chain
    if bottom:
        if bottom not in chain:
            raise UsageError(f"{bottom[:12]} is not a commit that {branch} itself has been at")
        return chain[chain.index(bottom) :]
    if (repository.common_dir / "shallow").exists():
        raise CannotDecide(
            "this clone is shallow, so where the policy began is not in it",
            "`git fetch --unshallow`, or name a range: `gate audit A..B`",
        )
    present = existing(repository, (f"{oid}:{POLICY_FILE}" for oid in chain))
    first = next((number for number, oid in enumerate(present) if oid), None)
    if first is None:
        raise CannotDecide(
            f"{branch} never had a {POLICY_FILE}: nothing can be proven", "`gate init` writes one"
        )
    return chain[first:]


def read_moves(
    repository: Repository, history: History, chain: Sequence[str], hints: Iterable[Found]
) -> list[Move]:
    """The moves along `chain` (commits of the branch, oldest first; the first is where it all starts from).

    A fast-forward leaves no merge commit. Where a record was made for a stretch of the chain, and names
    exactly what it changed, the stretch is one move.
    """
    position = {oid: number for number, oid in enumerate(chain)}
    singles = list(pairwise(chain))
    longer = {
        (found.record.base, found.record.head): found.record.change
        for found in hints
        if position.get(found.record.base, len(chain)) < position.get(found.record.head, 0) - 1
    }
    raws = dict(zip([*singles, *longer], read_diffs(repository, [*singles, *longer]), strict=True))
    starts: dict[str, str] = {}
    for (base, head), digest in longer.items():
        if sha256(raws[base, head]).hexdigest() == digest and not _trailers(history, head).change:
            best = starts.get(head, base)
            starts[head] = min(base, best, key=position.__getitem__)
    pairs = []
    end = len(chain) - 1
    while end > 0:
        start = position[starts[chain[end]]] if chain[end] in starts else end - 1
        pairs.append((start, end))
        end = start
    pairs.reverse()
    return _moves(repository, history, chain, [(s, e, raws[chain[s], chain[e]]) for s, e in pairs])


def _moves(
    repository: Repository, history: History, chain: Sequence[str], pairs: Sequence[tuple[int, int, bytes]]
) -> list[Move]:
    brought = newcomers(history)
    merges = [(chain[start], chain[end]) for start, end, _ in pairs if _is_merge(history, chain, start, end)]
    sides = [(old, history.commits[new].parents[1]) for old, new in merges]
    trees = dict(zip(merges, merge_trees(repository, sides), strict=True)) if sides else {}
    # A merge of the branch itself into what is merged: nobody's work, unless somebody has settled a conflict.
    updates = mechanical(repository, (merge for commits in brought.values() for merge in _updates(commits)))
    found = []
    now = 0
    for start, end, raw in pairs:
        old, new = history.commits[chain[start]], history.commits[chain[end]]
        own = [history.commits[oid] for oid in chain[start + 1 : end + 1]]
        new_ones = [commit for one in own for commit in brought[one.oid]]
        trailers = read_trailers(new.message)
        authors = [author for commit in new_ones if commit.oid not in updates for author in commit.named()]
        if trees.get((old.oid, new.oid)) != new.tree:
            squashed = bool(trailers.head)
            authors += [author for commit in own for author in commit.named(committer=not squashed)]
        now = max(now, old.time, *(commit.time for commit in own))
        ids = frozenset(commit.oid for commit in (*new_ones, *own))
        unique = {author.email.casefold(): author for author in authors}
        found.append(Move(old, new, raw, tuple(unique.values()), ids, now, trailers))
    return found


def _updates(commits: Sequence[Commit]) -> Iterator[tuple[str, Sequence[str], str]]:
    """The merges among what came in with which something that was in the branch already was merged into it."""
    ids = {commit.oid for commit in commits}
    for commit in commits:
        if len(commit.parents) == 2 and not ids.issuperset(commit.parents):
            yield commit.oid, commit.parents, commit.tree


def _is_merge(history: History, chain: Sequence[str], start: int, end: int) -> bool:
    return end == start + 1 and len(history.commits[chain[end]].parents) == 2


def _trailers(history: History, oid: str) -> Trailers:
    return read_trailers(history.commits[oid].message)


@dataclass(slots=True)
class Rules:
    """The policy and the code owners along the branch, read once for each content that they ever had."""

    repository: Repository
    _blobs: dict[str, str] = field(default_factory=dict)
    _links: set[str] = field(default_factory=set)
    _policies: dict[str, Policy | InvalidInput] = field(default_factory=dict)
    _owners: dict[tuple[str, str], CodeOwners] = field(default_factory=dict)
    _contents: dict[str, bytes] = field(default_factory=dict)

    def start(self, commit: str) -> None:
        """Begin at this commit."""
        raw = self.repository.run("ls-tree", "-z", "--full-tree", commit, "--", *sorted(FOLLOWED))
        self._blobs, self._links = {}, set()
        for line in raw.split(b"\0")[:-1]:
            head, _, path = line.partition(b"\t")
            mode, kind, oid = head.decode("ascii").split(" ")
            if mode in REGULAR_MODES:
                self._blobs[decode_path(path)] = oid
            elif kind != "tree":
                self._links.add(decode_path(path))

    def follow(self, files: Iterable[FileChange]) -> None:
        """Go one move further."""
        for file in files:
            if file.path in FOLLOWED:
                self._blobs.pop(file.path, None)
                self._links.discard(file.path)
                if file.new_mode in REGULAR_MODES:
                    self._blobs[file.path] = file.new
                elif file.status != "deleted":
                    self._links.add(file.path)

    def policy(self) -> Policy:
        """The policy here; raises InvalidInput if it is none."""
        if POLICY_FILE in self._links:
            raise behind_links([POLICY_FILE])
        oid = self._blobs.get(POLICY_FILE, "")
        if oid not in self._policies:
            try:
                self._policies[oid] = load_policy(self._content(oid) if oid else None)
            except InvalidInput as error:
                self._policies[oid] = error
        found = self._policies[oid]
        if isinstance(found, InvalidInput):
            raise found
        return found

    def settings(self) -> dict[str, str]:
        """The files at the top of the tree that decide what the checks see, with their blobs."""
        return {path: oid for path, oid in self._blobs.items() if path in SETTINGS}

    def ownership(self, policy: Policy, paths: Sequence[str]) -> tuple[str, Mapping[str, tuple[Rule, ...]]]:
        """The file of code owners here ("" for none) and who owns the paths; raises InvalidInput."""
        places = (place for place in self._blobs if place in WATCHED and place != POLICY_FILE)
        present = {place: self._content(self._blobs[place]) for place in places}
        located = locate(present, policy.dialect)
        if located is None:
            links = self._links.intersection(ALL_PLACES if policy.dialect is None else PLACES[policy.dialect])
            if links:
                raise behind_links(sorted(links))
            return "", {}
        file, dialect = located
        key = (f"{dialect}:{file}", self._blobs[file])
        if key not in self._owners:
            self._owners[key] = parse(present[file], file, dialect)
        owners = self._owners[key]
        if owners.mistakes:
            raise InvalidInput(owners.mistakes)
        return file, owners.owners_of_all(paths)

    def _content(self, oid: str) -> bytes:
        if oid not in self._contents:
            self._contents[oid] = read_objects(self.repository, [oid])[oid]
        return self._contents[oid]
