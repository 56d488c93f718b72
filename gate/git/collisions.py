"""Detect paths that some file systems don't distinguish."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.model import FileChange, encode_path


def collision(
    repository: Repository, tree: str, files: Sequence[FileChange]
) -> tuple[str, tuple[str, ...]] | None:
    """Return paths of the result that some file systems don't distinguish, if the change adds one of them.

    This includes duplicate or unsorted entries of a hand-made tree object.
    """
    added = {entry.path for entry in files if entry.status == "added"}
    if not added:
        return None
    paths = [entry.path for entry in list_tree(repository, tree)]
    odd = tuple(second for first, second in pairwise(paths) if encode_path(first) >= encode_path(second))
    if odd:
        return "a damaged tree: its entries are duplicated or out of order", odd
    folded: dict[str, set[str]] = {}
    for path in _with_folders(paths):
        folded.setdefault(fold(path), set()).add(path)
    brought = {fold(path) for path in _with_folders(added)}
    clashes = sorted({path for key in brought if len(folded.get(key, ())) > 1 for path in folded[key]})
    if not clashes:
        return None
    return "colliding paths: they differ only in case or in Unicode form", tuple(clashes)


def _with_folders(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        while path and path not in folders:
            folders.add(path)
            path = path.rpartition("/")[0]
    return folders


def fold(path: str) -> str:
    """Normalize a path for comparison on file systems that ignore case or Unicode normalization."""
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
