"""Who counts on an older branch: nobody whom the default branch no longer lists, and no key that it does not."""

from __future__ import annotations

from gate.errors import UsageError
from gate.gather import policy_at
from gate.git.change import default_branch
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.model import BRANCHES
from gate.policy.people import still_listed
from gate.policy.types import Policy


def with_listed_people(repository: Repository, policy: Policy, into: str) -> Policy:
    """The policy of the branch `into` (a full ref name) with the people who are still there.

    Raises InvalidInput if the policy of the default branch has mistakes: then nobody can say who is.
    """
    if not policy.people or not into.startswith(BRANCHES):
        return policy
    try:
        branch = default_branch(repository)
    except UsageError:
        return policy
    if into == f"{BRANCHES}{branch}":
        return policy
    # What somebody pushed to a place for copies says nothing on a server.
    tracking = [f"refs/remotes/origin/{branch}"] if repository.work_tree else []
    tips = resolve(repository, [*tracking, f"{BRANCHES}{branch}"])
    tip = next((tips[name] for name in (*tracking, f"{BRANCHES}{branch}") if name in tips), "")
    return still_listed(policy, policy_at(repository, tip)) if tip else policy
