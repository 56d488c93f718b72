"""Who can decide what about a change. A decision that would not count is refused before it is signed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from gate.app.approving.proposed_change import ProposedChange
from gate.errors import UsageError
from gate.model import Approval, Change
from gate.policy.people import members, people_by_emails, person_by_email
from gate.policy.types import Person, Policy, Protection
from gate.wording import listed


def refuse_ineligible(
    person: Person,
    kind: Literal["approve", "block", "waive"],
    reason: str,
    proposed: ProposedChange,
    recorded: Iterable[Approval],
) -> None:
    """Raise UsageError if the decision of this person would not count, given those `recorded` already."""
    name, policy, protection = person.name, proposed.policy, proposed.protection
    match kind:
        case "block":
            return
        case "waive":
            refuse_non_guardian(name, reason, policy, protection)
        case "approve":
            _refuse_approver(person, proposed.change, policy, protection)
    for approval in recorded:
        if approval.counted and approval.kind == "block" and approval.by == name:
            raise UsageError(
                f"{name} has objected to this change and must withdraw the objection first",
                f"`gate revoke {approval.id[:12]}`, then approve",
            )


def _refuse_approver(person: Person, change: Change, policy: Policy, protection: Protection) -> None:
    """Raise UsageError if an approval by this person would not count."""
    name = person.name
    if person.role == "bot":
        raise UsageError(f"{name} is a bot, and bots cannot approve")
    if person.role == "junior" and protection.kind == "environment":
        raise UsageError(
            f"{name} is a junior, and juniors cannot approve a release",
            "`gate check` lists whom to ask",
        )
    if name in people_by_emails(policy, (author.email for author in change.authors)):
        raise UsageError(
            f"{name} is an author of this change and cannot approve it",
            "`gate check` lists whom to ask",
        )
    strangers = [a.email for a in change.authors if person_by_email(policy, a.email) is None]
    if person.role == "junior" and strangers:
        raise UsageError(
            f"{strangers[0]} wrote part of this change and is not in the policy; that could be you",
            "if it is you, add the address to your `emails`; ask someone else to approve",
        )


def refuse_non_guardian(
    name: str,
    reason: str,
    policy: Policy,
    protection: Protection,
    what: str = "waive",
    noun: str = "a waiver",
) -> None:
    """Raise UsageError unless this person can `what` (such as waive), with this reason."""
    guardians = members(policy, protection.require.guarded)
    if not guardians:
        raise UsageError(
            f"only guardians (policy administrators) can {what}, and the policy lists none",
            "ask an administrator of the branch to merge it, and name guardians under `guarded` in gate.yaml before "
            "the next emergency",
        )
    if name not in guardians:
        raise UsageError(
            f"{name} is not one of the guardians ({', '.join(sorted(guardians))})",
            f"ask {listed(sorted(guardians), 'or')}",
        )
    if not reason.strip():
        raise UsageError(f"{noun} needs a reason", "add `--reason TEXT`")
