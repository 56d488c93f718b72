"""Read the change that people decide about, and the rules at its base."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.audit.moves import change_of, read_moves
from gate.app.checking.current_people import with_listed_people
from gate.gather.environments import environment_named
from gate.gather.ownership import Ownership, ownership_at
from gate.git.branch_history import read_onward
from gate.git.change import read_change
from gate.git.repository import Repository
from gate.log.admitted import open_log
from gate.model import Change, short_name
from gate.policy.types import Policy, Protection
from gate.rules import last_valid_policy, policy_at


@dataclass(frozen=True, slots=True)
class ProposedChange:
    """A change that people decide about, its policy, and the commit that has this policy."""

    change: Change
    policy: Policy
    rules_commit: str

    @property
    def branch(self) -> str:
        """The short name of the branch, or of the environment."""
        return short_name(self.change.into)

    @property
    def protection(self) -> Protection:
        """What the policy requires there."""
        return self.policy.protection(self.branch)

    def ownership(self, repository: Repository) -> Ownership:
        """Look up the owners of the changed files. Raises InvalidInput for an invalid CODEOWNERS file."""
        return ownership_at(repository, self.change, self.policy, self.rules_commit)


def read_proposed_change(
    repository: Repository, start: Path, rev: str | None, into: str | None, now: int
) -> ProposedChange:
    """Read the change that merges `rev` into `into`, or that would release it into an environment."""
    environment = environment_named(repository, into)
    if environment is not None:
        from gate.app.audit.verified_policy import verified
        from gate.app.releases.release import release_change

        environment = verified(repository, start, environment)
        release = release_change(repository, environment, rev, open_log(repository), now)
        return ProposedChange(release, environment.policy, environment.rules)
    change = read_change(repository, into=into, head=rev)
    change = _step_of(repository, change) or change
    # A merged change is evaluated as in an audit: where the rules were invalid, by the last valid ones.
    policy = (change.merged_commits and last_valid_policy(repository, change.base)) or policy_at(
        repository, change.base
    )
    policy = with_listed_people(repository, policy, change.into)
    return ProposedChange(replace(change, repository=policy.repository), policy, change.base)


def _step_of(repository: Repository, change: Change) -> Change | None:
    """Return the change that the branch made with its commit `change.head`, or None if it was never at that commit."""
    if change.files or change.merge_base != change.head:
        return None
    parents = repository.text("rev-list", "--max-count=1", "--parents", change.head).split()[1:]
    if not parents or change.head not in repository.text("rev-list", "--first-parent", change.base).split():
        return None
    history = read_onward(repository, parents[0], change.head)
    (move,) = read_moves(repository, history, history.chain, open_log(repository), change.into)
    policy = last_valid_policy(repository, move.old.oid) or policy_at(repository, move.old.oid)
    return change_of(repository, move, change.into, policy)
