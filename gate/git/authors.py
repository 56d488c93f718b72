"""Who had a hand in the commits of a change: everybody whom they name, but for merges that git made alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from gate.git.merging import MERGE_SETTINGS
from gate.git.repository import Repository
from gate.model import Author

FORGE_COMMITTER = re.compile(r"no-?reply@[^@\s]+", re.IGNORECASE)
"""Who a forge names as committer of what was done in its web pages, whatever its host: no person."""

_CO_AUTHOR = re.compile(
    r"^[ \t>*-]*co-?(?:author|develop)(?:ed)?(?:[- ]?by)?[ \t]*:(.*(?:\n[ \t]+\S.*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKETED = re.compile(r"<([^<>\n]*)>")
_ADDRESS = re.compile(r"[^\s,;<>()\"']+@[^\s,;<>()\"']+")


def co_authors(message: str) -> tuple[Author, ...]:
    """Everybody whom a commit message names as co-author, wherever in it and however the trailer is written.

    One without an address is somebody nobody knows.
    """
    return tuple(author for match in _CO_AUTHOR.finditer(message) for author in _people(match[1]))


def read_authors(repository: Repository, base: str, tip: str, *, merged: bool = False) -> tuple[Author, ...]:
    """Everybody whom a commit of the change names, each once: author, committer and co-authors.

    A merge of the base into the branch, exactly as git makes it alone ("Update branch"), makes nobody an author. Of
    what is `merged` already, as in a release, no such merge does: each was let in by itself.
    """
    form = "%H%x00%P%x00%T%x00%an%x00%ae%x00%cn%x00%ce%x00%B%x00"
    raw = repository.run(
        "log", f"--format={form}", "--no-mailmap", "--no-show-signature", "--encoding=UTF-8", f"{base}..{tip}"
    )
    fields = [field.decode("utf-8", "replace").lstrip("\n") for field in raw.split(b"\0")[:-1]]
    people: dict[str, Author] = {}
    merges: list[tuple[str, Sequence[str], str, list[Author]]] = []
    commits = set(fields[::8])
    for oid, parents, tree, name, email, committer, committer_email, body in zip(
        *(fields[i::8] for i in range(8)), strict=True
    ):
        named = [Author(name, email)]
        if not FORGE_COMMITTER.fullmatch(committer_email):
            named.append(Author(committer, committer_email))
        named += co_authors(body)
        sides = parents.split()
        if len(sides) == 2 and (merged or not commits.issuperset(sides)):
            merges.append((oid, sides, tree, named))
        else:
            _add(people, named)
    # Git is asked to merge again only where that could make a difference.
    doubtful = [
        merge for merge in merges if any(author.email.casefold() not in people for author in merge[3])
    ]
    made_alone = mechanical(repository, [(oid, sides, tree) for oid, sides, tree, _ in doubtful])
    for oid, _, _, named in doubtful:
        if oid not in made_alone:
            _add(people, named)
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


def _people(value: str) -> Iterator[Author]:
    """Who stands behind `Co-authored-by:`: usually one, `Name <address>`; some write several, or no brackets."""
    text = " ".join(value.split())
    emails = _BRACKETED.findall(text) or _ADDRESS.findall(text)
    for email in emails:
        name = text[: text.find(email)].strip(" <,;") if len(emails) == 1 else ""
        yield Author(name, email.strip())
    if not emails and text:
        yield Author(text, "")
