"""Determine the commits of a branch to audit."""

from __future__ import annotations

from gate.errors import CannotDecide, InvalidInput, UsageError
from gate.git.branch_history import History, existing
from gate.git.branches import refs_of
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.revisions import unknown_branch
from gate.log.store import contains
from gate.policy.files import POLICY_FILE
from gate.rules import policy_at


def ends_of(repository: Repository, branch: str, span: str) -> tuple[str, str]:
    """Return the commits where the audit begins ("" for the first with a policy) and ends."""
    below, dots, above = span.partition("..")
    end = above if dots else below
    names = [name for name in (below if dots else "", end) if name]
    refs = refs_of(repository, branch)
    commits = resolve(repository, [*names, *refs])
    for name in names:
        if name not in commits:
            raise UsageError(f"{name!r} is not a known revision", "run `git fetch`, or check the spelling")
    if end:
        return commits.get(below, "") if dots else "", commits[end]
    tips = [commits[name] for name in refs if name in commits]
    if not tips:
        raise unknown_branch(branch)
    bottom = commits.get(below, "") if dots else ""
    if len(tips) == 2 and contains(repository, tips[0], tips[1]):
        return bottom, tips[0]
    return bottom, tips[-1]


def chain_of(repository: Repository, history: History, bottom: str, branch: str) -> list[str]:
    """Return the commits of the branch to audit, oldest first. The first is the one that they build on."""
    chain = history.chain
    if bottom:
        if bottom not in chain:
            raise UsageError(
                f"{bottom[:12]} was never the tip of {branch}",
                f"start at a commit that `git log --first-parent {branch}` lists",
            )
        return chain[chain.index(bottom) :]
    if (repository.common_dir / "shallow").exists():
        raise CannotDecide(
            "this clone is shallow, so the commit that added the policy is missing",
            "run `git fetch --unshallow`, or give a range: `gate audit A..B`",
        )
    present = existing(repository, (f"{oid}:{POLICY_FILE}" for oid in chain))
    with_policy = (number for number, oid in enumerate(present) if oid)
    first = next((number for number in with_policy if _is_valid(repository, chain[number])), None)
    if first is None:
        raise CannotDecide(
            f"{branch} never had a valid {POLICY_FILE}, so there is nothing to verify",
            "`gate init` writes one",
        )
    return chain[first:]


def _is_valid(repository: Repository, commit: str) -> bool:
    try:
        policy_at(repository, commit)
    except InvalidInput:
        return False
    return True
