"""The values that gate reasons about. All are frozen, and none does I/O.

A repository path is a `str` decoded from git's bytes as UTF-8 with `surrogateescape`. Decoding is one-to-one, so
comparing two paths compares their bytes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gate.finding import Finding

Status = Literal["added", "modified", "deleted"]
RequirementState = Literal["met", "unmet", "not_applicable", "undecided"]
Decision = Literal["pass", "blocked", "undecided"]
Source = Literal["ssh", "github", "gitlab", "gitea"]

BRANCHES = "refs/heads/"
NOT_ASKED = "not required"
"""The reason of a requirement that isn't applicable because it isn't set up."""
OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
"""An object ID of git: SHA-1 or SHA-256."""
UNRESOLVED = "the index has unresolved conflicts"
"""The merge blocker of a staged change that can't be committed yet."""
ENVIRONMENTS = "refs/environments/"
"""The prefix of environments, which releases target, as `BRANCHES` is of branches."""


def short_name(into: str) -> str:
    """Return the short name of a branch or environment, as people and the policy use it."""
    return into.removeprefix(BRANCHES).removeprefix(ENVIRONMENTS)


def decode_path(raw: bytes) -> str:
    """Decode a repository path from git's bytes, without losing anything."""
    return raw.decode("utf-8", "surrogateescape")


def encode_path(path: str) -> bytes:
    """Encode a repository path into git's bytes."""
    return path.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of a change, as printed by `git diff-tree -r --raw --no-renames`. A rename is two of these."""

    path: str
    status: Status
    old_mode: str
    new_mode: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Author:
    """A person whom a commit of the change names as author, committer, or co-author."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Change:
    """What merging `head` into `into` changes, from the base tip to the merge result.

    If no merge result exists, `tree` is empty, `merge_blocker` says why in one sentence, and `conflicts` lists the
    files in conflict. `merge_base` is git's first merge base, or empty for unrelated histories. `renames` maps new
    paths to old ones; it only matches findings and never decides who owns a file. `merged_commits` counts the commits
    that the merge added to the branch's history, or 0 if it isn't merged yet.
    """

    repository: str
    into: str
    base: str
    head: str
    merge_base: str
    tree: str
    base_tree: str
    digest: str
    authors: tuple[Author, ...]
    files: tuple[FileChange, ...]
    renames: Mapping[str, str] = field(default_factory=dict)
    merge_blocker: str = ""
    conflicts: tuple[str, ...] = ()
    staged: bool = False
    merged_commits: int = 0


NOT_RUN = "not run, though they look like tests"
"""The prefix of a check's note that names files which must not be mistaken for passed tests."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A check that ran to completion. `findings` contains all findings; `blocking` those that block.

    `seconds` is the wall time of the original run, even if the result is `cached`. `note` is one line of detail, such
    as the number of tests. `seen` is the number of files or tests, or None if unknown. A check that isn't `enforced` is
    displayed but doesn't block.
    """

    id: str
    findings: tuple[Finding, ...]
    blocking: tuple[Finding, ...]
    seconds: float
    cached: bool = False
    note: str = ""
    seen: int | None = None
    enforced: bool = True

    @property
    def failed(self) -> bool:
        """Whether it has a finding that would block."""
        return bool(self.blocking)

    @property
    def empty(self) -> bool:
        """Whether there was nothing to run, which says nothing about the change."""
        return self.seen == 0 and not self.findings


@dataclass(frozen=True, slots=True)
class Broken:
    """A check that failed to run, which is never a pass.

    `hint` says what to do; `output` is the tail of its output.
    """

    id: str
    reason: str
    hint: str = ""
    seconds: float = 0.0
    output: str = ""
    enforced: bool = True

    @property
    def failed(self) -> bool:
        """True: never a pass."""
        return True


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check skipped because the answer was already known (`--fail-fast`). Never a pass."""

    id: str
    reason: str
    enforced: bool = True

    @property
    def failed(self) -> bool:
        """True: never a pass."""
        return True


CheckResult = Ran | Broken | Skipped


@dataclass(frozen=True, slots=True)
class Approval:
    """A decision of a person about a change, counted or discounted, with the reason in `why`.

    `by` is the person's name in the policy, with its `@`; a person who signed with an unknown key is named by
    that key. `files` are the changed paths that a counted decision answers for: all of them, unless the
    policy lets an approval go stale file by file (`stale: owned`). `owned` are those of them that the person is a
    code owner of.
    """

    id: str
    by: str
    kind: Literal["approve", "block", "waive"]
    source: Source
    counted: bool
    why: str = ""
    files: tuple[str, ...] = ()
    owned: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """What a requirement still needs: `need` approvals from any of `whom`, for `paths`, because of `rule`."""

    paths: tuple[str, ...]
    need: int
    whom: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class MissingApprovals:
    """Missing approvals: `need` of the people `whom`, for the files `paths`.

    `names` are those people as CODEOWNERS or the policy names them, teams included; if empty, their own names are used.
    `role` is the capacity in which they are asked, such as `code owner`.
    """

    paths: tuple[str, ...]
    need: int
    whom: frozenset[str]
    names: tuple[str, ...] = ()
    role: str = "reviewer"


@dataclass(frozen=True, slots=True)
class Duty:
    """What someone is asked to approve, and in which role."""

    role: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Whom to ask: approval from `need` of `names`, which are people or one team.

    A single name can't be replaced; of several, any will do.
    """

    names: tuple[str, ...]
    need: int
    duties: tuple[Duty, ...]

    @property
    def required(self) -> bool:
        """Whether the approval of this person or team is mandatory."""
        return len(self.names) == 1

    @property
    def paths(self) -> tuple[str, ...]:
        """All files that they are asked to approve."""
        return tuple(dict.fromkeys(path for duty in self.duties for path in duty.paths))


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one requirement.

    `advice` says what to do next and whom to ask, in one or more lines. `findings` are the places that made it apply,
    such as weakened settings. `asks` are the approvals that people could still give; the verdict combines those of all
    outcomes into its `reviewers`. An outcome that isn't `enforced` doesn't block.
    """

    id: str
    state: RequirementState
    reason: str
    missing: tuple[Missing, ...] = ()
    advice: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    asks: tuple[MissingApprovals, ...] = ()
    enforced: bool = True

    @property
    def blocks(self) -> bool:
        """Whether it blocks the change."""
        return self.enforced and self.state in {"unmet", "undecided"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict. `decision` is `pass` only if a requirement is met and none is unmet or undecided.

    `reviewers` says whom to ask for missing approvals, and `approve_with` how they approve. `environments` describes
    where the checks ran. With `partial`, only some of the required checks were to run.
    """

    decision: Decision
    change: Change
    outcomes: tuple[Outcome, ...]
    checks: tuple[CheckResult, ...]
    approvals: tuple[Approval, ...]
    notes: tuple[str, ...] = ()
    reviewers: tuple[ReviewRequest, ...] = ()
    approve_with: str = ""
    environments: tuple[str, ...] = ()
    partial: bool = False
