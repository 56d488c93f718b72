"""Limit the policy of an older branch: people count for no more than the default branch's policy grants them."""

from __future__ import annotations

from gate.git.branches import known_tip
from gate.git.repository import Repository
from gate.git.revisions import default_beside
from gate.model import BRANCHES
from gate.policy.older_branches import still_listed
from gate.policy.types import Policy
from gate.rules import ProtectedBranches, policy_at


def with_listed_people(repository: Repository, policy: Policy, into: str) -> Policy:
    """Return the policy of the branch `into` (a full ref name), as far as the default branch's policy still grants it.

    Raises InvalidInput if the policy of the default branch has mistakes, and CannotDecide if a clone lacks that branch,
    because the current people are then unknown.
    """
    if not policy.people or not into.startswith(BRANCHES):
        return policy
    branch = into.removeprefix(BRANCHES)
    branches = ProtectedBranches.of(repository)
    if branches.tip:
        default, current = branches.default, branches.policy
    else:
        default = default_beside(repository, branch)
        current = policy_at(repository, known_tip(repository, default)) if default != branch else policy
    return policy if branch == default else still_listed(policy, current, branch)
