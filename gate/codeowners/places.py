"""Where a CODEOWNERS file may be, which one counts, and what looks like one without being read. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

from gate.policy.types import Dialect

PLACES: Mapping[Dialect, tuple[str, ...]] = {
    "github": (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"),
    "gitlab": ("CODEOWNERS", "docs/CODEOWNERS", ".gitlab/CODEOWNERS"),
    "gitea": ("CODEOWNERS", "docs/CODEOWNERS", ".gitea/CODEOWNERS", ".forgejo/CODEOWNERS"),
    "bitbucket": (".bitbucket/CODEOWNERS",),
}
"""Where each forge looks, in its order; the first that is there counts."""

ALL_PLACES = tuple(dict.fromkeys(place for places in PLACES.values() for place in places))
"""Every place at which some forge would look."""

FOLDERS = tuple(dict.fromkeys(place.rpartition("/")[0] for place in ALL_PLACES if "/" in place))
"""The folders of these places."""

SHARED = frozenset({"CODEOWNERS", "docs/CODEOWNERS"})
"""The places that several forges have in common: there the dialect is a guess."""

_SECTION = re.compile(rb"^\^?\[[^\]\n]+\](?:\[\d+\])?(?:[ \t]+[^\n]*)?\r?$", re.MULTILINE)
_WITH_ENDING = frozenset({"CODEOWNERS.md", "CODEOWNERS.yml", "CODEOWNERS.yaml"})
_SIMILAR = 0.88
"""How much alike two names are, by difflib's ratio, of which one is a typo of the other."""


def locate(present: Mapping[str, bytes], dialect: Dialect | None = None) -> tuple[str, Dialect] | None:
    """Which of the files that are there counts, and in which dialect it is written; None if none does.

    A folder of a forge's own decides the dialect. A file at the top or in `docs` is GitLab's if it has the head
    of a section, which is no valid line for GitHub; else it is GitHub's.
    """
    if dialect is None:
        dialect = _guess(present)
    for candidate in PLACES[dialect]:
        if candidate in present:
            return candidate, dialect
    return None


def is_folder_of_places(folder: str) -> bool:
    """Whether a forge looks for CODEOWNERS in `folder`, or would if its name were in the right case."""
    return folder.casefold() in FOLDERS


def near_misses(paths: Iterable[str], dialect: Dialect | None) -> tuple[str, ...]:
    """Files that somebody must have meant as CODEOWNERS, and that no forge (or not this one) reads as such.

    They have the very name in a folder where nobody looks, in another case or another forge's; or, where a forge does
    look, a name with a typo or an ending.
    """
    read = ALL_PLACES if dialect is None else PLACES[dialect]
    return tuple(path for path in paths if path not in read and _looks_meant(path))


def is_owners_file(path: str) -> bool:
    """Whether a file has the very name, in whatever folder."""
    return path.rpartition("/")[2] == "CODEOWNERS"


def _looks_meant(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    if is_owners_file(path):
        return True
    if folder and not is_folder_of_places(folder):
        return False
    if name in _WITH_ENDING:
        return True
    return SequenceMatcher(None, name.casefold().removesuffix(".txt"), "codeowners").ratio() >= _SIMILAR


def _guess(present: Mapping[str, bytes]) -> Dialect:
    folders: Mapping[str, Dialect] = {
        ".github/": "github", ".gitlab/": "gitlab", ".gitea/": "gitea", ".forgejo/": "gitea",
        ".bitbucket/": "bitbucket",
    }  # fmt: skip
    for folder, dialect in folders.items():
        if f"{folder}CODEOWNERS" in present:
            return dialect
    shared = present.get("CODEOWNERS", present.get("docs/CODEOWNERS", b""))
    return "gitlab" if _SECTION.search(shared) else "github"
