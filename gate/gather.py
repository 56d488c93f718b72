"""Asking the edges for the facts that the requirements look at."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gate.errors import InvalidInput, Mistake, UsageError
from gate.finding import Finding
from gate.git.branches import known_tip
from gate.git.objects import (
    FOLDER,
    LINK,
    REGULAR_MODES,
    Entry,
    list_entries,
    list_shallow,
    list_tree,
    read_objects,
)
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.model import ENVIRONMENTS, Change, FileChange, decode_path, short_name
from gate.policy.files import POLICY_FILE, STORED
from gate.policy.near_misses import may_be_policy
from gate.policy.types import Policy, Protection
from gate.rules import behind_links, policy_at, refuse_misnamed

if TYPE_CHECKING:
    from gate.codeowners import CodeOwners, Rule


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who owns what a change touches. `file` is empty where the base has no CODEOWNERS."""

    file: str
    rules: Mapping[str, tuple[Rule, ...]]


@dataclass(frozen=True, slots=True)
class Environment:
    """A protected environment. Its policy is that of the default branch, as it is at the commit `rules`.

    `note` says, where that is not the newest, why. The incident log counts as it is at each of the commits `logs`, or
    where there are none, at `rules`.
    """

    name: str
    policy: Policy
    rules: str
    note: str = ""
    logs: tuple[str, ...] = ()

    @property
    def protection(self) -> Protection:
        """What it asks for."""
        return self.policy.protect[self.name]


def environment_named(repository: Repository, name: str | None) -> Environment | None:
    """The environment of this name; None if the policy of the default branch has none."""
    return environments(repository).get(name.removeprefix(ENVIRONMENTS)) if name else None


def environments(repository: Repository) -> dict[str, Environment]:
    """The environments in the policy of the default branch, by name; raises InvalidInput with its mistakes."""
    try:
        branch = default_branch(repository)
    except UsageError:
        return {}
    rules = known_tip(repository, branch)
    if not rules:
        return {}
    policy = policy_at(repository, rules)
    return {name: Environment(name, policy, rules) for name in policy.protect if policy.is_environment(name)}


def codeowners_at(
    repository: Repository, commit: str, policy: Policy, *, required: bool = True
) -> CodeOwners | None:
    """The CODEOWNERS file that counts in the tree of `commit`, with its mistakes; None if there is none.

    Raises InvalidInput where a link stands in its place, or on the way to it. Where owners are `required`, a file
    that must be meant as one and is not read as one is refused as well.
    """
    # Owners are asked about while the tools run already, which need not wait for this.
    from gate.codeowners import ALL_PLACES, PLACES, hint_for, locate, parse
    from gate.codeowners.places import FOLDERS, near_misses

    candidates = ALL_PLACES if policy.dialect is None else PLACES[policy.dialect]
    entries = {entry.path: entry for entry in list_entries(repository, commit, (*FOLDERS, *candidates))}
    oids = {path: entries[path].oid for path in candidates if _is_file(entries.get(path))}
    blobs = read_objects(repository, oids.values())
    located = locate({path: blobs[oid] for path, oid in oids.items()}, policy.dialect)
    # A link further down in the order says nothing, as a file there would.
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
    return replace(owners, hint=hint_for(data, owners, dialect, policy.dialect))


def refuse_near_misses(paths: Iterable[str], policy: Policy) -> InvalidInput:
    """What is said of files that must be meant as CODEOWNERS, and are not read as such."""
    hint = "rename it on the base branch, or delete it; `owners: false` turns code owners off"
    return InvalidInput([_near_miss(path, policy) for path in paths], hint)


def _is_file(entry: Entry | None) -> bool:
    return entry is not None and entry.mode in REGULAR_MODES


def _links(
    repository: Repository, commit: str, paths: Sequence[str], entries: Mapping[str, Entry]
) -> list[str]:
    """Those of the places, and of their folders, at which there is neither a file nor a folder."""
    wanted = dict.fromkeys([*paths, *filter(None, (item.rpartition("/")[0] for item in paths))])
    odd = [entries[path] for path in wanted if path in entries and not _is_file(entries[path])]
    # A folder for documents may well be a link or a submodule; the folders of a forge are there for its files.
    return [
        entry.path
        for entry in odd
        if (entry.mode != FOLDER or entry.path in paths)
        and (entry.path != "docs" or _leads_to_owners(repository, commit, entry))
    ]


def _leads_to_owners(repository: Repository, commit: str, link: Entry) -> bool:
    """Does the link lead to a folder of this tree that has a CODEOWNERS file?"""
    if link.mode != LINK:
        return False
    target = posixpath.normpath(decode_path(read_objects(repository, [link.oid])[link.oid]))
    if target.startswith(("/", "..")):
        return False
    return bool(list_entries(repository, commit, [f"{target}/CODEOWNERS"]))


def _candidates(repository: Repository, commit: str) -> list[str]:
    """The files that could have been meant as CODEOWNERS: in the folders at the top, and in a forge's own ones."""
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


def unreadable_rules(repository: Repository, commit: str, into: str) -> tuple[Mistake, ...]:
    """The mistakes in the policy or the code owners at `commit`, by which nothing could enter `into` after it."""
    try:
        policy = policy_at(repository, commit)
        refuse_misnamed(repository, policy, short_name(into))
        required = policy.protection(short_name(into)).require.owners is not None
        owners = codeowners_at(repository, commit, policy, required=required)
    except InvalidInput as error:
        return error.mistakes
    return owners.mistakes if owners else ()


def touches_rules(change: Change) -> bool:
    """Whether a change may alter the policy, a policy that it extends, or who owns what."""
    return any(may_alter_rules(file) for file in change.files)


def invalid_rules(repository: Repository, change: Change) -> str:
    """What is wrong with the rules that the change brings, in one sentence; "" if it leaves them readable."""
    if not touches_rules(change):
        return ""
    mistakes = unreadable_rules(repository, change.tree, change.into)
    if not mistakes:
        return ""
    more = f" (and {len(mistakes) - 1} more)" if mistakes[1:] else ""
    return f"{short_name(change.into)} would have an invalid policy or CODEOWNERS file: {mistakes[0]}{more}"


def may_alter_rules(file: FileChange) -> bool:
    """Could this alter the policy or the code owners, or make them unreadable? A folder may become a link."""
    folder, _, name = file.path.rpartition("/")
    becomes_a_link = not folder and not {file.old_mode, file.new_mode} <= REGULAR_MODES | {"000000"}
    named = file.path in {POLICY_FILE, *STORED} or may_be_policy(file.path) or "owner" in name.casefold()
    return named or becomes_a_link


def ownership_at(repository: Repository, change: Change, policy: Policy, rules: str = "") -> Ownership:
    """Who owns the changed paths by the CODEOWNERS at the commit `rules` (the base).

    Raises InvalidInput with its mistakes.
    """
    required = policy.protection(short_name(change.into)).require.owners is not None
    owners = codeowners_at(repository, rules or change.base, policy, required=required)
    if owners is None or not (owners.rules or owners.mistakes):
        # A file without a single rule names no owners either.
        return Ownership("", {})
    if owners.mistakes:
        raise InvalidInput(owners.mistakes, owners.hint)
    return Ownership(owners.file, owners.owners_of_all([entry.path for entry in change.files]))


def weakenings_in(repository: Repository, change: Change, policy: Policy) -> tuple[Finding, ...]:
    """The checks that the change weakens, from both sides of every changed file."""
    from gate.weakenings import SETTINGS

    blobs = blobs_of(change)
    if not blobs:
        return weakenings_of(change, {}, policy, {})
    listed = list_tree(repository, change.base_tree or change.base, SETTINGS)
    settings = {entry.path: entry.oid for entry in listed if entry.mode in REGULAR_MODES}
    contents = read_objects(repository, sorted(blobs | set(settings.values())))
    return weakenings_of(change, contents, policy, settings)


def blobs_of(change: Change) -> set[str]:
    """The blobs that `weakenings_of` has to see: both sides of every file that could weaken something."""
    blobs: set[str] = set()
    for entry in _to_look_at(change):
        blobs |= {entry.old} if entry.old_mode in REGULAR_MODES else set()
        blobs |= {entry.new} if entry.new_mode in REGULAR_MODES else set()
    old_of = {entry.path: entry for entry in change.files}
    for old in change.renames.values():
        if old in old_of and old_of[old].old_mode in REGULAR_MODES:
            blobs.add(old_of[old].old)
    return blobs


def weakenings_of(
    change: Change, contents: Mapping[str, bytes], policy: Policy, settings: Mapping[str, str]
) -> tuple[Finding, ...]:
    """Like `weakenings_in`, from blobs that have been read. `settings` are those at the top of the base."""
    from gate.weakenings import FileDiff, find_weakenings
    from gate.weakenings.detectors import commands

    old_of = {entry.path: entry for entry in change.files}
    diffs = []
    for entry in _to_look_at(change):
        source = change.renames.get(entry.path, "")
        source_entry = old_of.get(source, entry)
        diffs.append(
            FileDiff(
                entry.path,
                contents.get(source_entry.old) if source_entry.status != "added" else None,
                contents.get(entry.new, b"") if entry.status != "deleted" else None,
                renamed_from=source,
                link=not {entry.new_mode, source_entry.old_mode} <= REGULAR_MODES | {"000000"},
            )
        )
    around = {path: contents[oid] for path, oid in settings.items() if oid in contents}
    findings = find_weakenings(diffs, around)
    return commands.with_commands(findings, change.files, diffs, around, policy.checks.values())


def _to_look_at(change: Change) -> list[FileChange]:
    # Who only asks for owners or the policy need not wait for the parsers of all kinds of settings.
    from gate.weakenings import may_weaken

    regular = REGULAR_MODES | {"000000"}
    return [
        entry
        for entry in change.files
        if may_weaken(entry.path)
        or entry.new_mode not in regular
        or change.renames.get(entry.path, "").endswith(".py")
    ]
