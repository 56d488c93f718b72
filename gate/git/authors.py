"""Who had a hand in the commits of a change: everybody whom they name, but for merges that git made alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gate.git.commits import Commit, read_commits
from gate.git.merging import MERGE_SETTINGS
from gate.git.repository import Repository
from gate.model import Author


def read_authors(repository: Repository, base: str, tip: str, *, merged: bool = False) -> tuple[Author, ...]:
    """Everybody whom a commit of the change names, each once: author, committer and co-authors.

    A merge of the base into the branch, exactly as git makes it alone ("Update branch"), makes nobody an author. Of
    what is `merged` already, as in a release, no such merge does: each was let in by itself.
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
    # Git is asked to merge again only where that could make a difference.
    doubtful = [
        merge for merge in merges if any(author.email.casefold() not in people for author in merge.named())
    ]
    made_alone = mechanical(repository, [(merge.oid, merge.parents, merge.tree) for merge in doubtful])
    for merge in doubtful:
        if merge.oid not in made_alone:
            _add(people, merge.named())
    return tuple(people.values())


def mechanical(repository: Repository, merges: Iterable[tuple[str, Sequence[str], str]]) -> frozenset[str]:
    """Those of the merges (commit, its two parents, its tree) that are exactly what git makes of the parents."""
    merges = list(merges)
    trees = merge_trees(repository, [(sides[0], sides[1]) for _, sides, _ in merges]) if merges else []
    return frozenset(oid for (oid, _, tree), made in zip(merges, trees, strict=True) if made == tree)


def merge_trees(repository: Repository, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The tree that merging each pair of commits gives, or "" where git cannot merge them by itself."""
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
