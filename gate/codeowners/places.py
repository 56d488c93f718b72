"""Locate the CODEOWNERS file that counts, and files that only look like one. Pure."""

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
"""Locations that each forge checks, in order; the first existing file counts."""

ALL_PLACES = tuple(dict.fromkeys(place for places in PLACES.values() for place in places))
"""Every location that some forge checks."""

FOLDERS = tuple(dict.fromkeys(place.rpartition("/")[0] for place in ALL_PLACES if "/" in place))
"""The folders of these locations."""

SHARED = frozenset({"CODEOWNERS", "docs/CODEOWNERS"})
"""Locations that several forges share, where the dialect is a guess."""

_SECTION = re.compile(rb"^\^?\[[^\]\n]+\](?:\[\d+\])?(?:[ \t]+[^\n]*)?\r?$", re.MULTILINE)
_WITH_ENDING = frozenset({"CODEOWNERS.md", "CODEOWNERS.yml", "CODEOWNERS.yaml"})
_SIMILAR = 0.88
"""The difflib ratio from which one name counts as a typo of the other."""


def locate(present: Mapping[str, bytes], dialect: Dialect | None = None) -> tuple[str, Dialect] | None:
    """Return the CODEOWNERS file that counts and its dialect, or None if there is none.

    A forge's own folder decides the dialect. A file at the top or in `docs` is GitLab's if it has a section header,
    which isn't valid for GitHub; otherwise it is GitHub's.
    """
    if dialect is None:
        dialect = _guess(present)
    for candidate in PLACES[dialect]:
        if candidate in present:
            return candidate, dialect
    return None


def is_folder_of_places(folder: str) -> bool:
    """Return whether a forge looks for CODEOWNERS in `folder`, ignoring case."""
    return folder.casefold() in FOLDERS


def near_misses(paths: Iterable[str], dialect: Dialect | None) -> tuple[str, ...]:
    """Return files that were probably meant as CODEOWNERS but that no forge, or not this one, reads.

    They have the right name in a folder where no forge looks, with a different case, or in another forge's folder; or a
    misspelled name or an extension in a folder where the forge does look.
    """
    read = ALL_PLACES if dialect is None else PLACES[dialect]
    return tuple(path for path in paths if path not in read and _looks_meant(path))


def is_owners_file(path: str) -> bool:
    """Return whether a file is called CODEOWNERS, in any folder."""
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
