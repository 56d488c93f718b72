"""Code owners: which file counts, what it says, and who owns a path. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from gate.codeowners import gitea, github, gitlab
from gate.codeowners.lines import odd_spaces
from gate.codeowners.rules import CodeOwners, Rule, Section
from gate.errors import Mistake
from gate.policy.types import Dialect

__all__ = [
    "ALL_PLACES",
    "DIALECTS",
    "PLACES",
    "SIZE_LIMIT",
    "CodeOwners",
    "Rule",
    "Section",
    "locate",
    "parse",
]

DIALECTS: Mapping[Dialect, Callable[[bytes, str], CodeOwners]] = {
    "github": github.parse,
    "gitlab": gitlab.parse,
    "gitea": gitea.parse,
    "bitbucket": github.parse_bitbucket,
}

PLACES: Mapping[Dialect, tuple[str, ...]] = {
    "github": (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    "gitlab": ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
    "gitea": ("CODEOWNERS", "docs/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS"),
    "bitbucket": (".bitbucket/CODEOWNERS",),
}
"""Where each forge looks, in its order; the first that is there counts."""

ALL_PLACES = tuple(dict.fromkeys(place for places in PLACES.values() for place in places))
"""Every place at which some forge would look."""

SIZE_LIMIT = 3 * 1024 * 1024
"""GitHub loads no file of this many bytes or more; gate refuses it everywhere."""

_SECTION = re.compile(rb"^\^?\[[^\]\n]+\](?:\[\d+\])?(?:[ \t]+[^\n]*)?\r?$", re.MULTILINE)


def locate(present: Mapping[str, bytes], dialect: Dialect | None = None) -> tuple[str, Dialect] | None:
    """Which of the files that are there counts, and in which dialect it is written; None if none does.

    A folder of a forge's own tells the dialect. A file at the top or in `docs` is GitLab's if it has the head
    of a section, which is no valid line for GitHub; else it is GitHub's.
    """
    if dialect is None:
        dialect = _told(present)
    for place in PLACES[dialect]:
        if place in present:
            return place, dialect
    return None


def _told(present: Mapping[str, bytes]) -> Dialect:
    folders: Mapping[str, Dialect] = {
        ".github/": "github", ".gitlab/": "gitlab", ".gitea/": "gitea", ".forgejo/": "gitea",
        ".bitbucket/": "bitbucket",
    }  # fmt: skip
    for folder, dialect in folders.items():
        if f"{folder}CODEOWNERS" in present:
            return dialect
    shared = present.get("CODEOWNERS", present.get("docs/CODEOWNERS", b""))
    return "gitlab" if _SECTION.search(shared) else "github"


def parse(data: bytes, file: str, dialect: Dialect) -> CodeOwners:
    """Parse `data`, the content of `file`; what is wrong in it is in `mistakes`, never raised."""
    if len(data) >= SIZE_LIMIT:
        size = f"{len(data):,} bytes, and the forge reads none of {SIZE_LIMIT:,} or more"
        return CodeOwners(file, (), (Mistake(file, 0, 0, f"the file is too large: {size}"),))
    owners = DIALECTS[dialect](data, file)
    odd = [
        Mistake(
            file, line, column, f"expected a blank, got {char!r}, which the forge takes for something else"
        )
        for line, column, char in odd_spaces(data)
    ]
    if not odd:
        return owners
    mistakes = sorted((*owners.mistakes, *odd), key=lambda mistake: (mistake.line, mistake.column))
    return replace(owners, mistakes=tuple(mistakes))
