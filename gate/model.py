"""The values that gate reasons about: all frozen, none does I/O.

A repository path is a `str` decoded from git's bytes as UTF-8 with `surrogateescape`: the decoding is
one to one, so comparing two of them compares their bytes, whatever those are.
"""

from __future__ import annotations

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
"""Why a requirement is not applicable that nobody has set up."""
UNRESOLVED = "the index has unresolved conflicts"
"""The obstacle of a staged change that cannot be committed yet."""
ENVIRONMENTS = "refs/environments/"
"""Where a change may go: into a branch, or, as a release, into an environment."""


def short_name(into: str) -> str:
    """The name of a branch or an environment as people and the policy have it."""
    return into.removeprefix(BRANCHES).removeprefix(ENVIRONMENTS)


def decode_path(raw: bytes) -> str:
    """Turn git's bytes into a repository path, losing nothing."""
    return raw.decode("utf-8", "surrogateescape")


def encode_path(path: str) -> bytes:
    """Turn a repository path back into git's bytes."""
    return path.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class FileChange:
    """One path of a change, as `git diff-tree -r --raw --no-renames` has it: a rename is two of these."""

    path: str
    status: Status
    old_mode: str
    new_mode: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody a commit of the change names as author, committer or co-author."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Change:
    """What merging `head` into `into` would do: the step from the base tip to the merge result.

    `tree` is empty where no merge result exists; `merge_blocker` then says why in one sentence, and `conflicts`
    names the files in conflict. `merge_base` is empty for unrelated histories; of several it is the one
    git names first. `renames` maps a new path to the old one, where git sees a rename; it serves only to
    match findings and never decides who owns a file. `merged_commits` counts the commits that the merge of this
    change has added to the branch's history; 0 if it is not merged yet.
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
"""How a note of a check begins that names files which nobody may take for passed."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A check that ran to its end. `findings` holds all of them; `blocking` those that forbid the merge.

    `seconds` is the wall time of the run that produced it, also when the result was `cached`; `note` is one
    line of detail (files checked, tests run). `seen` is how many files or tests it has looked at; None where
    it does not say. A check that is not `enforced` is shown, and blocks nothing.
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
        """Whether it has anything that would block."""
        return bool(self.blocking)

    @property
    def empty(self) -> bool:
        """Whether nothing ran: there was nothing to look at, which says nothing about the change."""
        return self.seen == 0 and not self.findings


@dataclass(frozen=True, slots=True)
class Broken:
    """A check that could not say: never a pass.

    `hint` says what to do; `output` is the tail of what it printed.
    """

    id: str
    reason: str
    hint: str = ""
    seconds: float = 0.0
    output: str = ""
    enforced: bool = True

    @property
    def failed(self) -> bool:
        """Never a pass."""
        return True


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that was not run because an answer was known before its turn (`--fail-fast`): never a pass."""

    id: str
    reason: str
    enforced: bool = True

    @property
    def failed(self) -> bool:
        """Never a pass."""
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
    """What a requirement still lacks: `need` approvals by any of `whom`, for `paths`, because of `rule`."""

    paths: tuple[str, ...]
    need: int
    whom: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class MissingApprovals:
    """Approvals that are still missing: `need` of the people `whom`, for the files `paths`.

    `names` is how CODEOWNERS or the policy names those people, teams included; empty means by their own names.
    `role` is the capacity in which they are asked, such as `code owner`.
    """

    paths: tuple[str, ...]
    need: int
    whom: frozenset[str]
    names: tuple[str, ...] = ()
    role: str = "reviewer"


@dataclass(frozen=True, slots=True)
class Duty:
    """What somebody is asked to approve, and as what."""

    role: str
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Whom to ask: the approval of `need` of `names`, which are people or one team.

    With a single name nobody else can do it; of several, any can.
    """

    names: tuple[str, ...]
    need: int
    duties: tuple[Duty, ...]

    @property
    def required(self) -> bool:
        """Whether this person or team cannot be replaced by anybody else."""
        return len(self.names) == 1

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file that they answer for."""
        return tuple(dict.fromkeys(path for duty in self.duties for path in duty.paths))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one requirement says.

    `advice` is what to do next, and whom to ask, in one or more lines; `findings` are the places that made it
    apply (what a change of settings would hide). `asks` are the approvals that are missing and that people could
    give; the verdict turns those of all outcomes into its `reviewers`. One that is not `enforced` blocks nothing.
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
        """Whether it keeps the change out."""
        return self.enforced and self.state in {"unmet", "undecided"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one answer. `decision` is `pass` only if a requirement is met and none is unmet or undecided.

    `reviewers` says whom to ask for what is missing, and `approve_with` how they approve it. `environments` says
    where the checks ran, in a few words each.
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
