"""Who counts on an older branch: nobody for more than the policy of the default branch grants them."""

from __future__ import annotations

from gate.git.repository import Repository
from gate.model import BRANCHES
from gate.policy.older_branches import still_listed
from gate.policy.types import Policy
from gate.rules import ProtectedBranches


def with_listed_people(repository: Repository, policy: Policy, into: str) -> Policy:
    """The policy of the branch `into` (a full ref name), as far as the default branch's policy still grants it.

    Raises InvalidInput if the policy of the default branch has mistakes: then nobody can say who is.
    """
    if not policy.people or not into.startswith(BRANCHES):
        return policy
    branches = ProtectedBranches.of(repository)
    if not branches.tip or into == f"{BRANCHES}{branches.default}":
        return policy
    return still_listed(policy, branches.policy, into.removeprefix(BRANCHES))
