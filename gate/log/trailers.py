"""The commit trailers that refer from a protected branch to records in the log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from gate.model import Author, Verdict
from gate.reports.words import visible

How = Literal["merge", "squash", "ff-only"]
"""How to merge: with a merge commit, as one squashed commit, or by a fast-forward to the head."""
_LINE = re.compile(r"^Gate-(Verdict|Change|Log|Head): *([0-9a-f]{40,64})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Trailers:
    """The trailers of a commit, "" for missing ones. A trailer alone proves nothing."""

    verdict: str = ""
    change: str = ""
    log: str = ""
    head: str = ""


def trailers_for(verdict: Verdict, document: str, log: str, how: How) -> str:
    """Return the trailers of a merge made by gate.

    `document` is the SHA-256 of the JSON verdict in the log ("" if it is not recorded), `log` the commit of the log
    that contains it ("" if there is no log).
    """
    lines = []
    if how == "squash":
        lines += [f"Co-authored-by: {_name(author)}" for author in verdict.change.authors[1:]]
    words = {"approve": "Approved", "waive": "WAIVED", "block": "Objected"}
    for approval in verdict.approvals:
        if approval.counted:
            why = f": {approval.why}" if approval.kind == "waive" else ""
            lines.append(_line(f"Gate-{words[approval.kind]}-by", f"{approval.by} ({approval.id[:12]}){why}"))
    if document:
        lines.append(_line("Gate-Verdict", document))
    lines.append(_line("Gate-Change", verdict.change.digest))
    if how == "squash":
        lines.append(_line("Gate-Head", verdict.change.head))
    if log:
        lines.append(_line("Gate-Log", log))
    return "\n".join(lines) + "\n"


def read_trailers(message: str) -> Trailers:
    """Parse the trailers in the last paragraph of a commit message."""
    last = message.rstrip().rpartition("\n\n")[2]
    trailers = {name.lower(): value for name, value in _LINE.findall(last)}
    return Trailers(**trailers)


def _line(name: str, value: str) -> str:
    # `git log` prints this to terminals unchanged.
    return f"{name}: {visible(' '.join(value.split()))}"


def _name(author: Author) -> str:
    return " ".join(f"{author.name} <{author.email}>".split())
