"""Find the authors of a change: everyone named in its commits, except in merges that git made on its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gate.git.commits import Commit, read_commits
from gate.git.merging import MERGE_SETTINGS
from gate.git.repository import Repository
from gate.model import Author


def read_authors(repository: Repository, base: str, tip: str, *, merged: bool = False) -> tuple[Author, ...]:
    """Return the authors, committers, and co-authors of a change's commits, without duplicates.

    A merge of the base into the branch makes nobody an author if it is exactly what git produces by itself ("Update
    branch"). If `merged`, as in a release, that applies to every such merge, because each was verified when it was
    made.
    """
    return repository.once(
        ("authors", base, tip, merged), lambda: _read_authors(repository, base, tip, merged)
    )


def _read_authors(repository: Repository, base: str, tip: str, merged: bool) -> tuple[Author, ...]:
    commits = list(read_commits(repository, [f"{base}..{tip}"]))
    oids = {commit.oid for commit in commits}
    people: dict[str, Author] = {}
    merges: list[Commit] = []
    for commit in commits:
        if len(commit.parents) == 2 and (merged or not oids.issuperset(commit.parents)):
            merges.append(commit)
        else:
            _add(people, commit.named())
    # Repeat merges only where the result could make a difference.
    doubtful = [
        merge for merge in merges if any(author.email.casefold() not in people for author in merge.named())
    ]
    made_alone = mechanical(repository, [(merge.oid, merge.parents, merge.tree) for merge in doubtful])
    for merge in doubtful:
        if merge.oid not in made_alone:
            _add(people, merge.named())
    return tuple(people.values())


def mechanical(repository: Repository, merges: Iterable[tuple[str, Sequence[str], str]]) -> frozenset[str]:
    """Return the merges whose tree is exactly what git produces from their parents.

    Each merge is given as its commit, its two parents, and its tree.
    """
    merges = list(merges)
    trees = merge_trees(repository, [(sides[0], sides[1]) for _, sides, _ in merges]) if merges else []
    return frozenset(oid for (oid, _, tree), made in zip(merges, trees, strict=True) if made == tree)


def merge_trees(repository: Repository, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return the tree that results from merging each pair of commits, or "" if there are conflicts."""
    request = "".join(f"{ours} {theirs}\n" for ours, theirs in pairs).encode("ascii")
    options = ("--write-tree", "--stdin", "--name-only", "--no-messages")
    fields = repository.run(*MERGE_SETTINGS, "merge-tree", *options, stdin=request).split(b"\0")
    trees = []
    position = 0
    for _ in pairs:
        clean, tree = fields[position : position + 2]
        trees.append(tree.decode("ascii") if clean == b"1" else "")
        position = fields.index(b"", position + 2) + 1
    return trees


def _add(people: dict[str, Author], named: Iterable[Author]) -> None:
    for author in named:
        people.setdefault(author.email.casefold(), author)
