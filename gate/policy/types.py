"""The policy as typed, frozen values. Every default is defined here, once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Dialect = Literal["github", "gitlab", "gitea", "bitbucket"]
Role = Literal["senior", "member", "junior", "bot"]
Stale = Literal["change", "owned", "head", "hunks"]
Unowned = Literal["allow", "error"]
Block = Literal["new", "all"]
ReportFormat = Literal["none", "sarif", "junit"]
Select = Literal["auto", "off", "suite", "file"]
BY_FILE: frozenset[Select] = frozenset({"auto", "file"})
"""Selections with which each test file can run, and count, on its own."""
EnvironmentSource = Literal["auto", "project", "lock", "none"]
Kind = Literal["branch", "environment"]
AllowedHistory = Literal["any", "squash"]

DEFAULT_CHECKS = ("names", "lint", "types", "tests")


@dataclass(frozen=True, slots=True)
class OwnersRequired:
    """Code owners must approve. `stale` says when an approval stops counting.

    `explicit` means that the policy requires owners by name, so a missing CODEOWNERS file is an error. `need` is the
    minimum number of owners per file, or `all`. A file without an owner needs nobody (`unowned: allow`), or is an error
    unless one of `fallback` approves it. Approval by `optional` owners is never required. With `author`, authors count
    as approvers of files that every author of the change owns.
    """

    stale: Stale = "change"
    explicit: bool = False
    need: int | Literal["all"] = 1
    unowned: Unowned = "allow"
    fallback: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    author: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """At least `need` of `whom` (default: anyone) must approve the files that match `paths` (default: all).

    `authors` limits the rule to changes by these authors. `authors` and `whom` contain people, teams, or roles. `place`
    is the rule's position in the policy's list.
    """

    need: int = 1
    paths: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    whom: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class SeniorityRequired:
    """A change by any of `authors` (roles, or `unknown`) needs approval from a person with the role `need`."""

    authors: tuple[str, ...] = ("junior", "unknown")
    need: Role = "senior"


@dataclass(frozen=True, slots=True)
class SoakRequired:
    """A release must have been in the environment `place` for this many seconds.

    `healthy` is a Prometheus query that must return at least one value, and none that is 0. If empty, only time counts.
    """

    place: str
    seconds: float
    healthy: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A Prometheus query whose every value must be within these limits."""

    query: str
    below: float | None = None
    above: float | None = None


@dataclass(frozen=True, slots=True)
class BudgetRequired:
    """The downtime budget for a `window` in seconds (default: a year), and how much of it a release may risk.

    `minutes`, `risk`, and `low` are in minutes. If less than `low` is left, a senior must approve the release as well.
    The downtime so far comes from the query `downtime`, in seconds, or from the incident log `incidents`: a file in the
    policy's tree with one JSON object per line, with `at` and `downtime`. `slo` is the file with the promise, which
    then sets `minutes`, `window`, and `downtime`; `gaps` is the query for the seconds without measurements.
    """

    minutes: float = 20.0
    risk: float = 1.0
    low: float = 0.0
    downtime: str = ""
    incidents: str = ""
    slo: str = ""
    gaps: str = ""
    window: float = 365 * 86400.0


@dataclass(frozen=True, slots=True)
class Require:
    """The requirements of a protected branch or environment. `owners` is None for `owners: false`.

    Of the rules in `approvals`, the first that matches applies, for each file and each author. `history` limits which
    commits of a change can be merged: `any`, or with `squash` none. `passed` names the targets that the same commit
    must have passed; that, `soaked`, `metric`, and `budget` are for environments. `unenforced` are the ids of
    requirements that are evaluated but don't block.
    """

    owners: OwnersRequired | None = OwnersRequired()
    approvals: tuple[ApprovalRule, ...] = ()
    seniority: SeniorityRequired | None = None
    guarded: tuple[str, ...] = ()
    checks: tuple[str, ...] = DEFAULT_CHECKS
    history: AllowedHistory = "any"
    passed: tuple[str, ...] = ()
    soaked: SoakRequired | None = None
    metric: tuple[Metric, ...] = ()
    budget: BudgetRequired | None = None
    unenforced: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """The requirements in words: `owners`, `checks (names, lint)`."""
        checks = f"checks ({', '.join(self.checks)})" if self.checks else ""
        required = {
            "owners": self.owners,
            "approvals": self.approvals,
            "seniority": self.seniority,
            "guarded": self.guarded,
            checks: self.checks,
        }
        return tuple(
            f"{name}, not enforced" if name.partition(" ")[0] in self.unenforced else name
            for name, value in required.items()
            if value
        )


RELEASE = Require(owners=None, checks=())
"""The default for an environment: what was reviewed and checked once need not be reviewed or checked again."""


@dataclass(frozen=True, slots=True)
class Protection:
    """An entry of `protect`.

    `verdicts` are people and teams whose signed verdict replaces running the checks. If there are any, no other verdict
    counts, and the server runs no checks itself. Without `enforce`, everything is evaluated and displayed, but nothing
    blocks.
    """

    require: Require = Require()
    verdicts: tuple[str, ...] = ()
    kind: Kind = "branch"
    enforce: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """An entry of `people`. `name` is its key, including the `@`.

    `records` means that reviews on a forge count if this person signs a record of them (`gate record`).
    """

    name: str
    role: Role = "member"
    senior: str = ""
    emails: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    github: str = ""
    gitlab: str = ""
    gitea: str = ""
    records: bool = False

    def login(self, forge: str) -> str:
        """Return their login on a forge (github, gitlab, or gitea), or ""."""
        return {"github": self.github, "gitlab": self.gitlab, "gitea": self.gitea}[forge]


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """An entry of `checks`.

    `tool` is a tool that gate supports, or `command` for any command (then `command` is its argv, in which `{scratch}`
    is an empty temporary folder). `timeout` is in seconds. `memory` is in bytes, or 0 for a share of the free memory.
    `args` are appended to the tool's command line. `env` names variables of the caller's environment that the check can
    see. `bring` are files of the working tree that the check needs but git doesn't track. `report` is the format of a
    command's findings. The check runs only if a changed file matches one of `paths`, if given, and in the folder
    `working_directory`. `inputs` are patterns of all files that affect the result; by default, all files do. With
    `select`, a pass of the suite, or of each test file, also counts for a tree that differs only in files the tests
    didn't read. Failed tests are rerun `retries` times to detect flaky ones. With `on_commit` False, the commit hook
    leaves the check to the push.
    """

    id: str
    tool: str
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    timeout: float = 600.0
    memory: int = 0
    block: Block = "new"
    report: ReportFormat = "none"
    env: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    enforce: bool = True
    bring: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    working_directory: str = ""
    select: Select = "auto"
    retries: int = 1
    on_commit: bool = True


BUILT_IN_CHECKS: Mapping[str, CheckSettings] = {
    "names": CheckSettings("names", "names"),
    "lint": CheckSettings("lint", "ruff"),
    "types": CheckSettings("types", "mypy"),
    "tests": CheckSettings("tests", "pytest", block="all"),
}


@dataclass(frozen=True, slots=True)
class Extends:
    """The policy that another one extends: a `file` in a `repository` at a pinned `commit`."""

    repository: str
    commit: str
    file: str = "gate.yaml"


@dataclass(frozen=True, slots=True)
class Policy:
    """A parsed `gate.yaml`. `Policy()` is the default for a missing file.

    `python` is the project's interpreter, or empty to detect it. `prometheus` is the address of the server for queries.
    `file` is empty if the file is missing. `extends` is the shared policy that was merged into it.
    """

    version: int = 1
    repository: str = ""
    dialect: Dialect | None = None
    protect: Mapping[str, Protection] = field(default_factory=dict)
    people: Mapping[str, Person] = field(default_factory=dict)
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    checks: Mapping[str, CheckSettings] = field(default_factory=lambda: dict(BUILT_IN_CHECKS))
    python: str = ""
    environment: EnvironmentSource = "auto"
    prometheus: str = ""
    file: str = ""
    extends: Extends | None = None

    def protection(self, branch: str) -> Protection:
        """Return the protection of `branch` (a short name).

        Its own entry takes precedence, then the first matching pattern, then the defaults.
        """
        from fnmatch import fnmatchcase

        if branch in self.protect:
            return self.protect[branch]
        for pattern, protection in self.protect.items():
            if fnmatchcase(branch, pattern):
                return protection
        return Protection()

    def enforces_check(self, protection: Protection, check: str) -> bool:
        """Return whether `check` must pass under `protection`."""
        required = protection.enforce and "checks" not in protection.require.unenforced
        return required and (check not in self.checks or self.checks[check].enforce)

    def enforced_checks(self, protection: Protection) -> tuple[str, ...]:
        """Return the required checks that block."""
        return tuple(name for name in protection.require.checks if self.enforces_check(protection, name))

    def is_environment(self, name: str) -> bool:
        """Return whether `name` is a protected environment."""
        return name in self.protect and self.protect[name].kind == "environment"

    def protects(self, branch: str) -> bool:
        """Return whether the policy lists `branch` (a short name), by name or by pattern."""
        from fnmatch import fnmatchcase

        return any(fnmatchcase(branch, pattern) for pattern in self.branches)

    @property
    def branches(self) -> tuple[str, ...]:
        """The names and patterns of protected branches. If empty, the default branch is protected."""
        return tuple(name for name, entry in self.protect.items() if entry.kind == "branch")
