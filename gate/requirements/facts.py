"""Everything that the requirements may look at: gathered once, at the edges, before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.codeowners import Rule
from gate.model import Approval, Change, CheckResult, Finding
from gate.policy.people import people_by_emails
from gate.policy.types import Policy, Protection


@dataclass(frozen=True, slots=True)
class Facts:
    """The evidence about one change. Policy and code owners are those at the base, never the change's own.

    `ownership` has every changed path; a path that no rule matches has an empty tuple. `codeowners_file` is
    empty where the base has none. `approvals` holds counted and discounted decisions alike. `weakenings` are
    the findings about what would make the gate see less. `log_gap` says why the log of approvals that is here
    may lack decisions, if so.
    """

    change: Change
    policy: Policy
    protection: Protection
    codeowners_file: str = ""
    ownership: Mapping[str, tuple[Rule, ...]] = field(default_factory=dict)
    approvals: tuple[Approval, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    weakenings: tuple[Finding, ...] = ()
    log_gap: str = ""

    @property
    def branch(self) -> str:
        """The short name of the branch that the change would enter."""
        return self.change.into.removeprefix("refs/heads/")

    def author_names(self) -> frozenset[str]:
        """The people of the policy who had a hand in the change; they can never approve it."""
        return people_by_emails(self.policy, (author.email for author in self.change.authors))
