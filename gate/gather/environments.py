"""The environments that the policy of the default branch protects."""

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
        """What it asks for."""
        return self.policy.protect[self.name]


def environment_named(repository: Repository, name: str | None) -> ProtectedEnvironment | None:
    """The environment of this name; None if the policy of the default branch has none."""
    return environments(repository).get(name.removeprefix(ENVIRONMENTS)) if name else None


def environments(repository: Repository) -> dict[str, ProtectedEnvironment]:
    """The environments in the policy of the default branch, by name; raises InvalidInput with its mistakes."""
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
