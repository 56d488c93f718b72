"""The rules by which a change is checked: read at its base once, and never from the change itself."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gate.app.checking.current_people import with_listed_people
from gate.app.checking.request import CheckRequest
from gate.errors import UsageError
from gate.gather import refuse_misnamed, spoilt_rules
from gate.git.repository import Repository
from gate.model import Change, short_name
from gate.policy.types import CheckSettings, Policy, Protection

if TYPE_CHECKING:
    from gate.requirements.facts import Release

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Rules:
    """The policy, what it says of the branch, and the checks that it requires there."""

    policy: Policy
    protection: Protection
    checks: tuple[CheckSettings, ...]
    release: Release | None = None
    """What would be put into an environment, where the question is about that."""
    owners_at: str = ""
    """The commit that CODEOWNERS is read from, if it is not the base."""
    asks_verdicts: bool = False
    """Whether the checks may be taken from a verdict that somebody trusted has signed."""


def read_rules(
    repository: Repository,
    change: Change,
    policy: Policy,
    request: CheckRequest,
    *,
    release: Release | None,
    owners_at: str,
) -> tuple[Change, Rules]:
    """The change as the policy sees it, and the rules for it; raises UsageError or InvalidInput for bad ones."""
    branch = short_name(change.into)
    policy = with_listed_people(repository, policy, change.into)
    change = replace(change, repository=policy.repository)
    if release is None and change.tree and not change.obstacle:
        # Whoever may approve it: nothing else could enter afterwards, and least of all what mends it.
        change = replace(change, obstacle=spoilt_rules(repository, change))
    if release is None:
        refuse_misnamed(repository, policy, branch)
    protection = policy.protection(branch)
    _log(change, policy, protection)
    checks = _required_checks(policy, protection, request.only)
    if request.only:
        protection = replace(protection, require=replace(protection.require, checks=request.only))
    asks_verdicts = bool(protection.verdicts) and not request.only
    return change, Rules(policy, protection, checks, release, owners_at, asks_verdicts)


def _required_checks(
    policy: Policy, protection: Protection, only: tuple[str, ...]
) -> tuple[CheckSettings, ...]:
    names = only or protection.require.checks
    unknown = [name for name in names if name not in policy.checks]
    if unknown:
        defined = ", ".join(policy.checks)
        raise UsageError(f"unknown check {unknown[0]!r}; the policy on the base branch has {defined}")
    return tuple(policy.checks[name] for name in names)


def _log(change: Change, policy: Policy, protection: Protection) -> None:
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
        change.tree[:12] or change.obstacle,
    )
    logger.debug("authors: %s", ", ".join(author.email for author in change.authors) or "none")
    logger.debug(
        "policy: %s",
        f"{policy.file} at {change.base[:12]}" if policy.file else "none at the base: the defaults",
    )
    logger.debug("required: %s", ", ".join(protection.require.names) or "nothing")
