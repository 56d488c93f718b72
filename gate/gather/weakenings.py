"""Find weakened checks, from both versions of each changed file."""

from __future__ import annotations

from collections.abc import Mapping

from gate.finding import Finding
from gate.git.objects import REGULAR_MODES, list_tree, read_objects
from gate.git.repository import Repository
from gate.model import Change, FileChange
from gate.policy.types import Policy


def weakenings_in(repository: Repository, change: Change, policy: Policy) -> tuple[Finding, ...]:
    """Return the checks that the change weakens."""
    from gate.weakenings import SETTINGS

    blobs = blobs_of(change)
    if not blobs:
        return weakenings_of(change, {}, policy, {})
    listed = list_tree(repository, change.base_tree or change.base, SETTINGS)
    settings = {entry.path: entry.oid for entry in listed if entry.mode in REGULAR_MODES}
    contents = read_objects(repository, sorted(blobs | set(settings.values())))
    return weakenings_of(change, contents, policy, settings)


def blobs_of(change: Change) -> set[str]:
    """Return the blobs that `weakenings_of` needs: both versions of every file that could weaken a check."""
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
    """Return the same as `weakenings_in`, from blobs already read. `settings` are those at the top of the base."""
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
    # Imported here: those who only ask about owners or the policy needn't wait for the parsers of settings.
    from gate.weakenings import may_weaken

    regular = REGULAR_MODES | {"000000"}
    return [
        entry
        for entry in change.files
        if may_weaken(entry.path)
        or entry.new_mode not in regular
        or change.renames.get(entry.path, "").endswith(".py")
    ]
