"""The rules in force: the policy at a commit, and the protected branches of a repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import InvalidInput, Mistake
from gate.git.branches import USUAL, default_candidates, known_tip, known_tips
from gate.git.objects import REGULAR_MODES, list_shallow, list_tree, read_objects, resolve
from gate.git.repository import Repository
from gate.policy.files import POLICY_FILE, STORED
from gate.policy.load import load_policy
from gate.policy.types import Policy

if TYPE_CHECKING:
    from gate.policy.extending import Stored

MOST_VERSIONS = 50
"""The maximum number of versions of a file to search for a valid one."""


def policy_at(repository: Repository, commit: str) -> Policy:
    """Return the policy in the tree of `commit`.

    Raises InvalidInput with its mistakes, if it is a symlink, and if it is missing but another file was probably meant
    as the policy.
    """
    return repository.once(("policy", commit), lambda: _read_policy(repository, commit))


def _read_policy(repository: Repository, commit: str) -> Policy:
    listed = {entry.path: entry for entry in list_tree(repository, commit, [POLICY_FILE, *STORED])}
    entry = listed.get(POLICY_FILE)
    if entry is None:
        _refuse_near_misses(repository, commit)
        return load_policy(None)
    if entry.mode not in REGULAR_MODES:
        raise behind_links([POLICY_FILE])
    contents = read_objects(repository, [item.oid for item in listed.values() if item.mode in REGULAR_MODES])
    beside = {path: contents.get(item.oid) for path, item in listed.items()}
    try:
        return load_policy(contents[entry.oid], POLICY_FILE, stored_in(beside))
    except InvalidInput as error:
        # The file in the working tree may be different, without the mistake.
        where = (
            f"gate reads {POLICY_FILE} from the protected branch, here at {commit[:12]}: fix it there; "
            "to commit and push that fix, skip the hooks with `--no-verify`"
        )
        raise InvalidInput(error.mistakes, error.hint or where) from error


def _refuse_near_misses(repository: Repository, commit: str) -> None:
    """Raise InvalidInput if a file at the top, or in a top-level folder, was probably meant as the policy."""
    from gate.policy.near_misses import looks_like_policy, may_be_policy

    shallow = list_shallow(repository, commit)
    named = {e.path: e.oid for e in shallow if e.mode in REGULAR_MODES and may_be_policy(e.path)}
    contents = read_objects(repository, named.values())
    missed = [path for path, oid in named.items() if looks_like_policy(contents[oid])]
    if missed:
        reason = f"is not read as a policy: expected {POLICY_FILE} at the top of the repository"
        hint = "rename it on the base branch, or delete it: without a policy the defaults apply"
        raise InvalidInput([Mistake(path, 0, 0, reason) for path in missed], hint)


def refuse_misnamed(repository: Repository, policy: Policy, branch: str) -> None:
    """Raise InvalidInput if the policy lists a misspelled name of the branch (a short name)."""
    if not policy.branches or policy.protects(branch):
        return
    from gate.policy.near_misses import meant_branch

    existing = [name for name in policy.branches if known_tip(repository, name)]
    is_default = branch in default_candidates(repository)
    name = meant_branch(policy, branch, default=is_default, existing=existing)
    if name:
        reason = f'protect: branch "{name}" does not exist; expected "{branch}"'
        hint = f"rename it to {branch} on the base branch; to keep the defaults for a branch, list it with `{{}}`"
        raise InvalidInput([Mistake(policy.file or POLICY_FILE, 0, 0, reason)], hint)


def absent_branches(repository: Repository, policy: Policy, branch: str) -> str:
    """Return a message if the policy protects only branches that don't exist, and not this one; else ""."""
    names = policy.branches
    if (
        not names
        or policy.protects(branch)
        or any("*" in name or known_tip(repository, name) for name in names)
    ):
        return ""
    listed = ", ".join(names)
    return f"{policy.file} protects {listed}, which does not exist; {branch} is protected by the defaults."


def stored_in(contents: Mapping[str, bytes | None]) -> Stored | None:
    """Return the shared policy among some files by path, or None if a part is missing."""
    shared, proof = (contents.get(path) for path in STORED)
    if shared is None or proof is None:
        return None
    from gate.policy.extending import Stored

    return Stored(shared, proof)


def stored_here(top: Path) -> Stored | None:
    """Return the shared policy that is stored in a working tree."""
    return stored_in({path: (top / path).read_bytes() for path in STORED if (top / path).is_file()})


def behind_links(paths: Iterable[str]) -> InvalidInput:
    """Return the error for rules that are a symlink or a submodule.

    They would be read as no rules at all, which the author didn't intend.
    """
    reason = (
        "expected a file, got a symbolic link, a submodule, or a folder, through which gate reads no rules"
    )
    return InvalidInput([Mistake(path, 0, 0, reason) for path in paths], "replace it with the file itself")


def last_valid_policy(repository: Repository, commit: str) -> Policy | None:
    """Return the policy at `commit`, else the last valid one before it on the branch, else None."""
    for oid in versions(repository, commit, [POLICY_FILE, *STORED]):
        with suppress(InvalidInput):
            return policy_at(repository, oid)
    return None


def versions(repository: Repository, commit: str, paths: Sequence[str]) -> Iterator[str]:
    """Yield the commit, then the earlier first-parent commits that changed one of the paths."""
    yield commit
    # git searches the whole history for these: only do so if the version here isn't enough.
    options = ("--first-parent", f"--max-count={MOST_VERSIONS}")
    earlier = repository.text("rev-list", *options, commit, "--", *paths).split()
    yield from (oid for oid in earlier if oid != commit)


@dataclass(frozen=True, slots=True)
class ProtectedBranches:
    """The branches of a repository that gate protects.

    `default` is the short name of the default branch, `tip` its commit ("" if it doesn't exist), and `policy` its
    policy. `candidates` don't exist but would take precedence as default branch. If the policy at `tip` is invalid,
    `mistake` says so, and `policy` is the last valid one: it still says which branches are protected, and nothing can
    be merged into them.
    """

    repository: Repository
    default: str
    tip: str
    policy: Policy
    candidates: frozenset[str]
    mistake: InvalidInput | None = None

    @classmethod
    def of(cls, repository: Repository) -> ProtectedBranches:
        """Return the protected branches of this repository, or of `origin` in a clone. Raises InvalidInput for a bad
        policy.
        """
        branches = cls.known(repository)
        if branches.mistake is not None:
            raise branches.mistake
        return branches

    @classmethod
    def known(cls, repository: Repository) -> ProtectedBranches:
        """Return the same, even if the default branch's policy is invalid."""
        names = default_candidates(repository)
        tips = known_tips(repository, names)
        default = next((name for name in names if tips[name]), names[0])
        tip, policy, mistake = tips[default], Policy(), None
        try:
            policy = policy_at(repository, tip) if tip else policy
        except InvalidInput as error:
            policy, mistake = last_valid_policy(repository, tip) or policy, error
        earlier = names[: names.index(default)] if tip else []
        return cls(repository, default, tip, policy, frozenset(earlier), mistake)

    def protects(self, branch: str, tip: str = "") -> bool:
        """Return whether a branch (a short name) with the tip `tip` ("" if unknown) is protected.

        The default branch always is. Others are if its policy or their own says so. If it lists no branches, the usual
        names are protected.
        """
        if branch == self.default or branch in self.candidates or self.policy.protects(branch):
            return True
        if branch in USUAL and not self.policy.branches:
            return True
        folded = branch.casefold()
        if any(fnmatchcase(folded, name.casefold()) for name in self.policy.branches):
            # A protected name written in a different case: evaluating it reports that, and rejects everything.
            return True
        if not tip or not resolve(self.repository, [tip]):
            return False
        try:
            return policy_at(self.repository, tip).protects(branch)
        except InvalidInput:
            # Unfinished rules on a person's own branch protect nothing.
            return False
