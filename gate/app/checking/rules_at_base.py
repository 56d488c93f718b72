"""Read the rules for checking a change: once, at its base, and never from the change itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gate.app.checking.current_people import with_listed_people
from gate.errors import UsageError
from gate.gather.environments import ProtectedEnvironment
from gate.gather.invalid_rules import invalid_rules
from gate.gather.ownership import Ownership, ownership_at
from gate.git.repository import Repository
from gate.model import Change, short_name
from gate.policy.types import CheckSettings, Policy, Protection
from gate.rules import refuse_misnamed

if TYPE_CHECKING:
    from gate.requirements.facts import Release

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy, the branch's protection and required checks, and the owners of the changed files."""

    policy: Policy
    protection: Protection
    checks: tuple[CheckSettings, ...]
    ownership: Ownership
    release: Release | None = None
    """The release to check, if it is one."""
    takes_verdicts: bool = False
    """Whether check results may come from a verdict that a trusted signer has signed."""
    invalid_after: str = ""
    """Why the rules would be invalid if the change were merged, in one sentence, or ""."""
    deferred: tuple[str, ...] = ()
    """At a commit, the required checks that run at the push."""

    def at_commit(self) -> Rules:
        """Return the rules for a commit hook, without the checks that the policy leaves to the push."""
        checks = tuple(check for check in self.checks if check.on_commit)
        required = tuple(check.id for check in checks)
        return replace(
            self,
            checks=checks,
            protection=replace(self.protection, require=replace(self.protection.require, checks=required)),
            deferred=tuple(check.id for check in self.checks if not check.on_commit),
        )

    def apply_to(self, change: Change) -> Change:
        """Return the change with its repository, and blocked if it would make the rules invalid."""
        return replace(
            change,
            repository=self.policy.repository,
            merge_blocker=change.merge_blocker or self.invalid_after,
        )


def read_rules(repository: Repository, change: Change, policy: Policy, only: tuple[str, ...] = ()) -> Rules:
    """Return the rules for a change to a branch. `policy` is the one at its base; `only` names the checks to run.

    Raises UsageError or InvalidInput for invalid rules.
    """
    branch = short_name(change.into)
    policy = with_listed_people(repository, policy, change.into)
    invalid = ""
    if change.tree and not change.merge_blocker:
        # This blocks regardless of approvals: with invalid rules nothing else could merge, not even the fix.
        invalid = invalid_rules(repository, change)
    refuse_misnamed(repository, policy, branch)
    ownership = ownership_at(repository, change, policy)
    return _rules(change, policy, ownership, only, invalid_after=invalid)


def rules_for_release(
    repository: Repository, change: Change, environment: ProtectedEnvironment, release: Release
) -> Rules:
    """Return the rules for a release into an environment: those of the default branch."""
    ownership = ownership_at(repository, change, environment.policy, environment.rules)
    return _rules(change, environment.policy, ownership, release=release)


def _rules(
    change: Change,
    policy: Policy,
    ownership: Ownership,
    only: tuple[str, ...] = (),
    *,
    release: Release | None = None,
    invalid_after: str = "",
) -> Rules:
    protection = policy.protection(short_name(change.into))
    _log_rules(change, policy, protection)
    checks = _required_checks(policy, protection, only)
    if only:
        protection = replace(protection, require=replace(protection.require, checks=only))
    takes_verdicts = bool(protection.verdicts) and not only
    return Rules(policy, protection, checks, ownership, release, takes_verdicts, invalid_after)


def _required_checks(
    policy: Policy, protection: Protection, only: tuple[str, ...]
) -> tuple[CheckSettings, ...]:
    names = only or protection.require.checks
    unknown = [name for name in names if name not in policy.checks]
    if unknown:
        defined = ", ".join(policy.checks)
        raise UsageError(f"unknown check {unknown[0]!r}; the policy on the base branch has {defined}")
    return tuple(policy.checks[name] for name in names)


def _log_rules(change: Change, policy: Policy, protection: Protection) -> None:
    logger.debug(
        "change: %s into %s at %s, %d files",
        change.head[:12],
        change.into,
        change.base[:12],
        len(change.files),
    )
    logger.debug(
        "merge base %s, merge result %s",
        change.merge_base[:12] or "none",
        change.tree[:12] or change.merge_blocker,
    )
    logger.debug("authors: %s", ", ".join(author.email for author in change.authors) or "none")
    logger.debug(
        "policy: %s",
        f"{policy.file} at {change.base[:12]}" if policy.file else "none at the base: the defaults",
    )
    logger.debug("required: %s", ", ".join(protection.require.names) or "nothing")
