"""Read the environments that the default branch's policy protects."""

from __future__ import annotations

from dataclasses import dataclass

from gate.errors import UsageError
from gate.git.branches import known_tip
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.model import ENVIRONMENTS
from gate.policy.types import Policy, Protection
from gate.rules import policy_at


@dataclass(frozen=True, slots=True)
class ProtectedEnvironment:
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
        """The requirements of the environment."""
        return self.policy.protect[self.name]


def environment_named(repository: Repository, name: str | None) -> ProtectedEnvironment | None:
    """Return the environment with this name, or None if the default branch's policy has none."""
    return environments(repository).get(name.removeprefix(ENVIRONMENTS)) if name else None


def environments(repository: Repository) -> dict[str, ProtectedEnvironment]:
    """Return the environments in the default branch's policy by name. Raises InvalidInput with its mistakes."""
    try:
        branch = default_branch(repository)
    except UsageError:
        return {}
    rules = known_tip(repository, branch)
    if not rules:
        return {}
    policy = policy_at(repository, rules)
    return {
        name: ProtectedEnvironment(name, policy, rules)
        for name in policy.protect
        if policy.is_environment(name)
    }
