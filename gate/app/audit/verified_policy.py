"""Determine the policy for a release: the default branch's, as far as its versions are verified.

Somebody who can bypass gate when pushing to the default branch could also push a policy that requires nothing. So if a
release requires a commit that was verified on the default branch, its policy must be verified too: trust begins with
the first policy, and each later one counts if the step that brought it is verified by the policy before.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gate.app.audit.audit import audit
from gate.codeowners import ALL_PLACES
from gate.errors import CannotDecide, UsageError
from gate.gather.environments import ProtectedEnvironment
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.log.admitted import open_log
from gate.policy.files import POLICY_FILE
from gate.policy.types import Policy
from gate.rules import policy_at


def verified(repository: Repository, start: Path, environment: ProtectedEnvironment) -> ProtectedEnvironment:
    """Return the environment with the last verified policy. Raises UsageError if that policy lacks the environment.

    As long as no environment of the policy requires `passed: [DEFAULT BRANCH]`, its next version counts as pushed.
    """
    branch, tip = default_branch(repository), environment.rules
    budgets = [protection.require.budget for protection in environment.policy.protect.values()]
    files = [POLICY_FILE, *ALL_PLACES, *(budget.slo for budget in budgets if budget and budget.slo)]
    chain = repository.text("rev-list", "--first-parent", "--reverse", tip).split()
    position = {commit: number for number, commit in enumerate(chain)}
    trusted, unverified = _last_verified(repository, start, branch, files, tip, position)
    if unverified and not _same(repository, files, trusted, tip):
        policy = policy_at(repository, trusted)
        if not policy.is_environment(environment.name):
            raise UsageError(
                f"the policy that {unverified[:12]} brought to {branch} was never verified, and the last verified one"
                f" ({trusted[:12]}) has no environment {environment.name!r}",
                f"`gate audit --into {branch}` says why",
            )
        change = f"{unverified[:12]} changed the rules on {branch} without being verified"
        note = f"{change}: the rules at {trusted[:12]} apply instead"
        environment = replace(environment, policy=policy, rules=trusted, note=note)
    budget = environment.protection.require.budget
    if budget is None or not budget.incidents or not _strict(environment.policy, branch):
        return environment
    logs = _incident_logs(repository, start, branch, budget.incidents, tip, position)
    return replace(environment, logs=logs)


def _last_verified(
    repository: Repository, start: Path, branch: str, files: list[str], tip: str, position: dict[str, int]
) -> tuple[str, str]:
    """Return the last commit whose version of the files counts, and the first unverified one after it ("" if none)."""
    touching = repository.text("rev-list", "--first-parent", "--reverse", tip, "--", *files).split()
    oldest = next(iter(position))
    trusted = next((commit for commit in touching if list_tree(repository, commit, [POLICY_FILE])), oldest)
    for commit in touching:
        if position[commit] <= position[trusted]:
            continue
        if not _strict(policy_at(repository, trusted), branch):
            trusted = commit
            continue
        end = _verified_end(repository, start, branch, commit, position)
        if not end:
            return trusted, commit
        trusted = end
    return trusted, ""


def _incident_logs(
    repository: Repository, start: Path, branch: str, file: str, tip: str, position: dict[str, int]
) -> tuple[str, ...]:
    """Return the commits whose incident log counts: the current one, and the last verified one.

    A push that bypasses gate can add an incident, but can't remove one.
    """
    changes = repository.text("rev-list", "--first-parent", tip, "--", file).split()
    for commit in changes[:-1]:
        if _verified_end(repository, start, branch, commit, position):
            return tip, commit
    return tip, *changes[-1:]


def _strict(policy: Policy, branch: str) -> bool:
    return any(
        branch in protection.require.passed
        for protection in policy.protect.values()
        if protection.kind == "environment"
    )


def _verified_end(
    repository: Repository, start: Path, branch: str, commit: str, position: dict[str, int]
) -> str:
    """Return the end of the verified step that consists of or includes `commit`, or "" if there is none."""
    into, at = f"refs/heads/{branch}", position[commit]
    spans = {(f"{commit}^1", commit)} | {
        (entry.record.base, entry.record.head)
        for entry in open_log(repository).given_for(into, "approve", "waive", "verdict")
        if position.get(entry.record.base, at) < at <= position.get(entry.record.head, -1)
    }
    for bottom, top in spans:
        try:
            steps = audit(start, span=f"{bottom}..{top}", into=branch).steps
        except (UsageError, CannotDecide):
            continue
        if steps and all(step.outcome == "passed" for step in steps):
            return top
    return ""


def _same(repository: Repository, files: list[str], first: str, second: str) -> bool:
    def entries(commit: str) -> set[tuple[str, str, str]]:
        return {(entry.path, entry.mode, entry.oid) for entry in list_tree(repository, commit, files)}

    return entries(first) == entries(second)
