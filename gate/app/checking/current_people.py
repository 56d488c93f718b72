"""Who counts on an older branch: nobody whom the default branch no longer lists, and no key that it does not."""

from __future__ import annotations

from gate.git.repository import Repository
from gate.model import BRANCHES
from gate.policy.people import still_listed
from gate.policy.types import Policy
from gate.rules import ProtectedBranches


def with_listed_people(repository: Repository, policy: Policy, into: str) -> Policy:
    """The policy of the branch `into` (a full ref name) with the people who are still there.

    Raises InvalidInput if the policy of the default branch has mistakes: then nobody can say who is.
    """
    if not policy.people or not into.startswith(BRANCHES):
        return policy
    branches = ProtectedBranches.of(repository)
    if not branches.tip or into == f"{BRANCHES}{branches.default}":
        return policy
    return still_listed(policy, branches.policy)
