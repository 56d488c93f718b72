"""Examine the user's identity: the author of their commits, and the key that they approve with."""

from __future__ import annotations

from time import time

from gate.app.recording.signing import find_signer
from gate.app.setup.doctor.items import Item
from gate.errors import UsageError
from gate.git.branches import known_tip
from gate.git.history import past_of
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.policy.people import person_by_email
from gate.policy.types import Policy
from gate.rules import policy_at


def you(repository: Repository) -> list[Item]:
    """Report whom the user's email address and key belong to, by the policy of the default branch."""
    if repository.work_tree is None:
        return [Item("note", "a bare repository, where nobody commits or approves")]
    branch = default_branch(repository, unborn=True)
    tip = known_tip(repository, branch)
    policy = policy_at(repository, tip) if tip else None
    if policy is None or not policy.people:
        return [Item("note", f"no people are listed on {branch}")]
    return [_author(repository, policy), _approver(repository, policy, branch)]


def _author(repository: Repository, policy: Policy) -> Item:
    email = past_of(repository).email
    if not email:
        return Item("warning", "git doesn't know your email address", "git config user.email ADDRESS")
    person = person_by_email(policy, email)
    if person is None:
        return Item(
            "warning",
            f"{email} is not listed in `people`, so your commits count as an unknown author's",
            f"add it: `gate init --person @NAME --email {email}`",
        )
    return Item("ok", f"your commits ({email}) count as {person.name}, {person.role}")


def _approver(repository: Repository, policy: Policy, branch: str) -> Item:
    try:
        signer = find_signer(repository, policy, None, int(time()), branch)
    except UsageError as error:
        return Item("note", f"you can't sign approvals: {error.message}", error.hint)
    return Item("ok", f"you approve as {signer.person.name}, with the key {signer.key.public.fingerprint}")
