"""The evidence for all requirements, gathered once before anything is decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gate.codeowners import Rule
from gate.finding import Finding
from gate.model import Approval, Change, CheckResult, short_name
from gate.policy.people import people_by_emails
from gate.policy.types import Policy, Protection


@dataclass(frozen=True, slots=True)
class Deployment:
    """A release's stay in an environment, from `since`, in seconds since the epoch.

    `until` is None while it is live. `returned` is when it was rolled back to the release before, or 0. `record` is the
    id of its record, and `returned_by` that of the release that rolled it back.
    """

    commit: str
    since: int
    until: int | None = None
    returned: int = 0
    record: str = ""
    returned_by: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """Prometheus's response to a query, with one value per series, or why there is none."""

    values: tuple[float, ...] = ()
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """The evidence about releasing into an environment, at the time `now`.

    `passed` says, for each required target, why it was not passed, or "". `deployments` lists, oldest first, what was
    in the environment in which the release must soak. `readings` are by query. `downtime` is in minutes over the last
    year; if it is None, `no_downtime` says why. `promoter` is the person who releases, as their key shows. `returning`
    is true for the release before the current one, because rolling back is always allowed. `rolled_back` has the
    environments that last rolled this commit back, with the ids of those records. `recent` has the ids of records about
    this release that were added to the log after all of these rollbacks.
    """

    now: int
    passed: Mapping[str, str] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()
    readings: Mapping[str, Reading] = field(default_factory=dict)
    downtime: float | None = None
    no_downtime: str = ""
    promoter: str = ""
    returning: bool = False
    rolled_back: Mapping[str, frozenset[str]] = field(default_factory=dict)
    recent: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """The evidence about one change. Policy and code owners are those at the base, never the change's own.

    `ownership` has every changed path, with an empty tuple if no rule matches. `codeowners_file` is empty if the base
    has none. `approvals` has all decisions, counted or not. `weakenings` are the findings about weakened checks.
    `log_gap` says why the local approval log may be incomplete, or "". `release` is set for an environment. If reviews
    on a forge count, `request` names the pull request, `contributors` are people who contributed according to the
    forge, and `unread_teams` says, by team, why its members are unknown. `locked` are the branches into which nobody
    could merge anything after this change.
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
    release: Release | None = None
    request: str = ""
    contributors: frozenset[str] = frozenset()
    unread_teams: Mapping[str, str] = field(default_factory=dict)
    locked: tuple[str, ...] = ()

    @property
    def branch(self) -> str:
        """The short name of the branch or environment that the change targets."""
        return short_name(self.change.into)

    def author_names(self) -> frozenset[str]:
        """The people in the policy who contributed to the change. They can't approve it."""
        return (
            people_by_emails(self.policy, (author.email for author in self.change.authors))
            | self.contributors
        )
