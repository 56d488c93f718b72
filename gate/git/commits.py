"""Parse commits and the people they name. The only parser of `git log` output."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate.git.repository import Repository
from gate.model import Author
from gate.wording import number_in

FORGE_COMMITTER = re.compile(r"no-?reply@[^@\s]+", re.IGNORECASE)
"""The committer's address that a forge uses for actions in its web interface, on any host; not a person's."""

_CO_AUTHOR = re.compile(
    r"^[ \t>*-]*co-?(?:author|develop)(?:ed)?(?:[- ]?by)?[ \t]*:(.*(?:\n[ \t]+\S.*)*)",
    re.IGNORECASE | re.MULTILINE,
)
_BRACKETED = re.compile(r"<([^<>\n]*)>")
_ADDRESS = re.compile(r"[^\s,;<>()\"']+@[^\s,;<>()\"']+")
_SEPARATOR = "%x00"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit and the people it names. `time` is the committer date in seconds since the epoch."""

    oid: str
    parents: tuple[str, ...]
    tree: str
    time: int
    author: Author
    committer: Author
    co_authors: tuple[Author, ...] = ()
    message: str = ""

    @property
    def title(self) -> str:
        """The first line of the message."""
        return self.message.partition("\n")[0]

    def named(self, *, committer: bool = True) -> Iterator[Author]:
        """Yield the author, the co-authors, and the committer unless that is a forge."""
        yield self.author
        if committer and not FORGE_COMMITTER.fullmatch(self.committer.email):
            yield self.committer
        yield from self.co_authors


def co_authors(message: str) -> tuple[Author, ...]:
    """Return the co-authors named in a commit message, wherever the trailer is and however it is spelled.

    A co-author without an address becomes an unknown person.
    """
    return tuple(author for match in _CO_AUTHOR.finditer(message) for author in _people(match[1]))


def read_commits(repository: Repository, revisions: Sequence[str]) -> Iterator[Commit]:
    """Yield the commits of some revision ranges, newest first."""
    form = _SEPARATOR.join(("%H", "%P", "%T", "%ct", "%an", "%ae", "%cn", "%ce", "%B", ""))
    raw = repository.run(
        "log", f"--format={form}", "--no-mailmap", "--no-show-signature", "--encoding=UTF-8", *revisions, "--"
    )
    fields = raw.decode("utf-8", "replace").split("\0")
    for start in range(0, len(fields) - 9, 9):
        oid, parents, tree, time, name, email, committer, committer_email, body = fields[start : start + 9]
        yield Commit(
            oid.lstrip("\n"),
            tuple(parents.split()),
            tree,
            _seconds(time),
            Author(name, email),
            Author(committer, committer_email),
            co_authors(body),
            body,
        )


def _seconds(time: str) -> int:
    """Parse a commit date. git prints an empty string for invalid dates and for dates before 1970."""
    return number_in(time) or 0


def _people(value: str) -> Iterator[Author]:
    """Parse a `Co-authored-by` trailer: usually `Name <address>`, sometimes several, or without brackets."""
    text = " ".join(value.split())
    emails = _BRACKETED.findall(text) or _ADDRESS.findall(text)
    for email in emails:
        name = text[: text.find(email)].strip(" <,;") if len(emails) == 1 else ""
        yield Author(name, email.strip())
    if not emails and text:
        yield Author(text, "")
