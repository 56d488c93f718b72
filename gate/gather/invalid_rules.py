"""Check that a change leaves the policy and code owners valid for later changes."""

from __future__ import annotations

from gate.errors import InvalidInput, Mistake, first_of
from gate.gather.ownership import codeowners_at
from gate.git.objects import REGULAR_MODES
from gate.git.repository import Repository
from gate.model import Change, FileChange, short_name
from gate.policy.files import POLICY_FILE, STORED
from gate.policy.near_misses import may_be_policy
from gate.rules import policy_at, refuse_misnamed


def unreadable_rules(repository: Repository, commit: str, into: str) -> tuple[Mistake, ...]:
    """Return the mistakes in the policy or code owners at `commit` that would block every later change to `into`."""
    try:
        policy = policy_at(repository, commit)
        refuse_misnamed(repository, policy, short_name(into))
        required = policy.protection(short_name(into)).require.owners is not None
        owners = codeowners_at(repository, commit, policy, required=required)
    except InvalidInput as error:
        return error.mistakes
    return owners.mistakes if owners else ()


def touches_rules(change: Change) -> bool:
    """Return whether a change may modify the policy, a policy that it extends, or the code owners."""
    return any(may_alter_rules(file) for file in change.files)


def invalid_rules(repository: Repository, change: Change) -> str:
    """Return what is wrong with the rules in the change, in one sentence, or "" if they are valid."""
    if not touches_rules(change):
        return ""
    mistakes = unreadable_rules(repository, change.tree, change.into)
    if not mistakes:
        return ""
    branch = short_name(change.into)
    return f"{branch} would have an invalid policy or CODEOWNERS file: {first_of(mistakes)}"


def may_alter_rules(file: FileChange) -> bool:
    """Return whether a file could modify the policy or code owners, for example because a folder becomes a symlink."""
    folder, _, name = file.path.rpartition("/")
    becomes_a_link = not folder and not {file.old_mode, file.new_mode} <= REGULAR_MODES | {"000000"}
    named = file.path in {POLICY_FILE, *STORED} or may_be_policy(file.path) or "owner" in name.casefold()
    return named or becomes_a_link
