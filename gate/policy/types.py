"""The policy as typed, frozen values. Every default that a user may leave out is written here, once."""

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
"""Where each file of tests can run, and count, by itself."""
EnvironmentSource = Literal["auto", "project", "lock", "none"]
Kind = Literal["branch", "environment"]
AllowedHistory = Literal["any", "squash"]

DEFAULT_CHECKS = ("names", "lint", "types", "tests")


@dataclass(frozen=True, slots=True)
class OwnersRequired:
    """Code owners must approve; `stale` says when an approval no longer counts.

    `explicit` says that the policy requires it by name: then a missing CODEOWNERS file is no reason not to.
    `need` is how many owners of each file approve at least, or `all`. A file without an owner needs nobody
    (`unowned: allow`), or is an error unless one of `fallback` approves it. Approval by the `optional` owners is
    never required. `author` lets an author answer for the files that every author of the change owns.
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
    """At least `need` people of `whom` (anybody) approve the files that fit `paths` (all), by `authors` (any).

    `authors` and `whom` are names of people and teams, or roles. `place` is where in the policy's list it stands.
    """

    need: int = 1
    paths: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    whom: tuple[str, ...] = ()
    place: str = ""


@dataclass(frozen=True, slots=True)
class SeniorityRequired:
    """A change by anyone of `authors` (roles, or `unknown`) needs the approval of a `need`."""

    authors: tuple[str, ...] = ("junior", "unknown")
    need: Role = "senior"


@dataclass(frozen=True, slots=True)
class SoakRequired:
    """A release has been in the environment `place` for so many seconds.

    `healthy` is a query that Prometheus has to answer with something, and with nothing but other than 0; empty
    where the time alone counts.
    """

    place: str
    seconds: float
    healthy: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A query to Prometheus, of which every answer has to be below and above these limits."""

    query: str
    below: float | None = None
    above: float | None = None


@dataclass(frozen=True, slots=True)
class BudgetRequired:
    """The downtime budget of a `window` in seconds, a year by default, and how much of it a release may risk.

    `minutes`, `risk`, and `low` are in minutes. With less than `low` left, a senior has to approve the release as
    well. What has been used up is the answer to the query `downtime`, in seconds, or what the incident log
    `incidents` adds up to: a file in the policy's own tree, a JSON object a line with `at` and `downtime`. `slo` is
    the file with the promise, which then decides about `minutes`, `window`, and `downtime`; `gaps` is the query for
    the seconds of it in which nothing was measured.
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
    """What a protected branch or environment asks for. `owners` is None where the policy says `owners: false`.

    Of the rules in `approvals` the first one that fits counts, for each file and each author.

    `history` says what of a change's own commits can merge into a branch: `any`, or with `squash` none.
    `passed` names the targets through whose gates the very commit must have gone; that, `soaked`, `metric` and
    `budget` are for environments. `unenforced` are the ids of requirements that are evaluated and do not block.
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
        """What is required, in words: `owners`, `checks (names, lint)`."""
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
"""What an environment asks for where the policy does not say: what was reviewed and checked once need not be again."""


@dataclass(frozen=True, slots=True)
class Protection:
    """One entry of `protect`.

    `verdicts` are the people and teams whose signed verdict replaces running the checks; where there are
    any, no other verdict does, and the server starts no check itself. Without `enforce` everything is evaluated
    and shown, and nothing blocks.
    """

    require: Require = Require()
    verdicts: tuple[str, ...] = ()
    kind: Kind = "branch"
    enforce: bool = True


@dataclass(frozen=True, slots=True)
class Person:
    """One entry of `people`; `name` is the key, with its `@`.

    `records` says that what they sign about reviews on a forge is believed (`gate record`).
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
        """Their login on a forge (github, gitlab or gitea), or nothing."""
        return {"github": self.github, "gitlab": self.gitlab, "gitea": self.gitea}[forge]


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """One entry of `checks`.

    `tool` is one of the tools that gate knows, or `command` for any command (then `command` is its argv,
    in which `{scratch}` is an empty folder of the run's own). `timeout` is in seconds; `memory` in bytes,
    0 for a share of what is free. `args` are added to the tool's command line; `env` names the variables of the
    caller's environment that the check may see. `bring` are files of the working tree that git does not have and the
    check needs. `report` is how a command's findings are read. It runs only where a changed file matches one of
    `paths`, if there are any, and in the folder `working_directory` of the tree. `inputs` are patterns of all files
    that decide what it reports; without any, all files of the tree do.
    With `select`, a pass of the tests, or of each test file, also holds for a tree that differs only in what they did
    not look at; tests that fail are run again `retries` times, to name those that are flaky.
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


BUILT_IN_CHECKS: Mapping[str, CheckSettings] = {
    "names": CheckSettings("names", "names"),
    "lint": CheckSettings("lint", "ruff"),
    "types": CheckSettings("types", "mypy"),
    "tests": CheckSettings("tests", "pytest", block="all"),
}


@dataclass(frozen=True, slots=True)
class Extends:
    """The policy that another one builds on: a `file` in a `repository`, as it is at a `commit`."""

    repository: str
    commit: str
    file: str = "gate.yaml"


@dataclass(frozen=True, slots=True)
class Policy:
    """`gate.yaml`, parsed; `Policy()` is what holds where there is none.

    `python` is the project's interpreter, or empty to look for it. `prometheus` is the address of the server
    that queries go to. `file` is empty when there was no file. `extends` is the shared policy that is part of it.
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
        """What `branch` (a short name) asks for.

        Its own entry, else the first pattern that fits, else the defaults.
        """
        from fnmatch import fnmatchcase

        if branch in self.protect:
            return self.protect[branch]
        for pattern, protection in self.protect.items():
            if fnmatchcase(branch, pattern):
                return protection
        return Protection()

    def enforces_check(self, protection: Protection, check: str) -> bool:
        """Whether `check` has to pass where `protection` holds."""
        required = protection.enforce and "checks" not in protection.require.unenforced
        return required and (check not in self.checks or self.checks[check].enforce)

    def enforced_checks(self, protection: Protection) -> tuple[str, ...]:
        """The required checks that block."""
        return tuple(name for name in protection.require.checks if self.enforces_check(protection, name))

    def is_environment(self, name: str) -> bool:
        """Whether `name` is that of a protected environment."""
        return name in self.protect and self.protect[name].kind == "environment"

    def protects(self, branch: str) -> bool:
        """Whether the policy names `branch` (a short name), by itself or by a pattern."""
        from fnmatch import fnmatchcase

        return any(fnmatchcase(branch, pattern) for pattern in self.branches)

    @property
    def branches(self) -> tuple[str, ...]:
        """The names and patterns of branches that it protects; without any, the default branch is protected."""
        return tuple(name for name, entry in self.protect.items() if entry.kind == "branch")
