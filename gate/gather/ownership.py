"""Look up the owners of changed files in the CODEOWNERS file at a commit."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gate.errors import InvalidInput, Mistake
from gate.git.objects import FOLDER, LINK, REGULAR_MODES, Entry, list_entries, list_shallow, read_objects
from gate.git.repository import Repository
from gate.model import Change, decode_path, short_name
from gate.policy.types import Policy
from gate.rules import behind_links

if TYPE_CHECKING:
    from gate.codeowners import CodeOwners, Rule


@dataclass(frozen=True, slots=True)
class Ownership:
    """The owners of changed files. `file` is empty if the base has no CODEOWNERS file."""

    file: str
    rules: Mapping[str, tuple[Rule, ...]]


def ownership_at(repository: Repository, change: Change, policy: Policy, rules: str = "") -> Ownership:
    """Look up the owners of the changed paths in the CODEOWNERS file at the commit `rules` (default: the base).

    Raises InvalidInput with its mistakes.
    """
    required = policy.protection(short_name(change.into)).require.owners is not None
    owners = codeowners_at(repository, rules or change.base, policy, required=required)
    if owners is None or not (owners.rules or owners.mistakes):
        # A file without any rule doesn't name owners either.
        return Ownership("", {})
    if owners.mistakes:
        raise InvalidInput(owners.mistakes, owners.hint)
    return Ownership(owners.file, owners.owners_of_all([entry.path for entry in change.files]))


def codeowners_at(
    repository: Repository, commit: str, policy: Policy, *, required: bool = True
) -> CodeOwners | None:
    """Parse the CODEOWNERS file at `commit`, including its mistakes. Returns None if there is none.

    Raises InvalidInput if the file or a folder above it is a symlink and, if owners are `required`, for a file that was
    probably meant as CODEOWNERS but isn't read.
    """
    # Imported here: by the time that owners are read, the tools run, and they needn't wait for this.
    from gate.codeowners import ALL_PLACES, PLACES, hint_for, locate, parse
    from gate.codeowners.places import FOLDERS, near_misses

    candidates = ALL_PLACES if policy.dialect is None else PLACES[policy.dialect]
    entries = {entry.path: entry for entry in list_entries(repository, commit, (*FOLDERS, *candidates))}
    oids = {path: entries[path].oid for path in candidates if _is_file(entries.get(path))}
    blobs = read_objects(repository, oids.values())
    located = locate({path: blobs[oid] for path, oid in oids.items()}, policy.dialect)
    # A link after the located file has no effect, as a file there wouldn't.
    skipped = candidates if located is None else PLACES[located[1]][: PLACES[located[1]].index(located[0])]
    links = [path for path in _links(repository, commit, skipped, entries) if required or path in candidates]
    if links:
        raise behind_links(links)
    if located is None:
        if required and (missed := near_misses(_candidates(repository, commit), policy.dialect)):
            raise refuse_near_misses(missed, policy)
        return None
    file, dialect = located
    data = blobs[oids[file]]
    owners = parse(data, file, dialect)
    return replace(owners, hint=hint_for(data, owners, dialect, policy.dialect, base=True))


def refuse_near_misses(paths: Iterable[str], policy: Policy) -> InvalidInput:
    """Return the error for files that were probably meant as CODEOWNERS but aren't read."""
    hint = "rename it on the base branch, or delete it; `owners: false` turns code owners off"
    return InvalidInput([_near_miss(path, policy) for path in paths], hint)


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.mode in REGULAR_MODES


def _links(
    repository: Repository, commit: str, paths: Sequence[str], entries: Mapping[str, Entry]
) -> list[str]:
    """Return the locations, and folders above them, that are neither a file nor a folder."""
    wanted = dict.fromkeys([*paths, *filter(None, (item.rpartition("/")[0] for item in paths))])
    odd = [entries[path] for path in wanted if path in entries and not _is_file(entries[path])]
    # A documentation folder may well be a symlink or a submodule; a forge's folder exists for its own files.
    return [
        entry.path
        for entry in odd
        if (entry.mode != FOLDER or entry.path in paths)
        and (entry.path != "docs" or _leads_to_owners(repository, commit, entry))
    ]


def _leads_to_owners(repository: Repository, commit: str, link: Entry) -> bool:
    """Return whether the symlink points to a folder of this tree that contains a CODEOWNERS file."""
    if link.mode != LINK:
        return False
    target = posixpath.normpath(decode_path(read_objects(repository, [link.oid])[link.oid]))
    if target.startswith(("/", "..")):
        return False
    return bool(list_entries(repository, commit, [f"{target}/CODEOWNERS"]))


def _candidates(repository: Repository, commit: str) -> list[str]:
    """Return files that could have been meant as CODEOWNERS: in top-level folders and in forges' own folders."""
    from gate.codeowners.places import is_folder_of_places

    listed = list_shallow(repository, commit)
    folders = [
        f"{entry.path}/"
        for entry in listed
        if entry.mode == FOLDER and is_folder_of_places(entry.path.rpartition("/")[0])
    ]
    deeper = list_entries(repository, commit, folders) if folders else ()
    return [entry.path for entry in (*listed, *deeper) if entry.mode in REGULAR_MODES]


def _near_miss(path: str, policy: Policy) -> Mistake:
    from gate.codeowners import PLACES

    expected = ", ".join(PLACES[policy.dialect or "github"])
    why = f" with `owners: {{dialect: {policy.dialect}}}` in {policy.file}" if policy.dialect else ""
    return Mistake(path, 0, 0, f"is not read as a CODEOWNERS file{why}: expected one of {expected}")
