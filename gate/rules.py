"""The rules in force: the policy at a commit, and which branches of a repository are protected."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
"""How many versions of a file are searched for one that is valid."""


def policy_at(repository: Repository, commit: str) -> Policy:
    """The policy in the tree of `commit`.

    Raises InvalidInput with every mistake in it; if it is a link; and if there is none, and a file that must be meant
    as one is not read as one.
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
        # The file in the working tree may well be another one, without the mistake.
        where = f"gate reads {POLICY_FILE} from the protected branch, here at {commit[:12]}: fix it there"
        raise InvalidInput(error.mistakes, error.hint or where) from error


def _refuse_near_misses(repository: Repository, commit: str) -> None:
    """Raise InvalidInput if a file at the top, or in a folder there, must be meant as the policy."""
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
    """Raise InvalidInput if the policy must mean the branch (a short name) by a name that is not the branch's."""
    if not policy.branches or policy.protects(branch):
        return
    from gate.policy.near_misses import meant_branch

    existing = [name for name in policy.branches if known_tip(repository, name)]
    is_default = branch in default_candidates(repository)
    name = meant_branch(policy, branch, default=is_default, existing=existing)
    if name:
        reason = f'protect: branch "{name}" does not exist; expected "{branch}"'
        hint = f"rename it to {branch} on the base branch; a branch that is to keep the defaults is listed with `{{}}`"
        raise InvalidInput([Mistake(policy.file or POLICY_FILE, 0, 0, reason)], hint)


def absent_branches(repository: Repository, policy: Policy, branch: str) -> str:
    """What to say where the policy protects branches that do not exist, and not this one; else ""."""
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
    """The shared policy among some files by path; None if not all of it is there."""
    shared, proof = (contents.get(path) for path in STORED)
    if shared is None or proof is None:
        return None
    from gate.policy.extending import Stored

    return Stored(shared, proof)


def stored_here(top: Path) -> Stored | None:
    """The shared policy that is stored in a working tree."""
    return stored_in({path: (top / path).read_bytes() for path in STORED if (top / path).is_file()})


def behind_links(paths: Iterable[str]) -> InvalidInput:
    """The error where rules should be, and there is only the name of another file or a submodule.

    It would be read as no rules at all, which its author did not mean.
    """
    reason = "expected a file, got a symbolic link, a submodule or a folder, and no rules are read through it"
    return InvalidInput([Mistake(path, 0, 0, reason) for path in paths], "put the file itself there")


def last_valid_policy(repository: Repository, commit: str) -> Policy | None:
    """The policy at `commit`, or else the last valid one that its branch had before; None if it never had one."""
    for oid in versions(repository, commit, [POLICY_FILE, *STORED]):
        with suppress(InvalidInput):
            return policy_at(repository, oid)
    return None


def versions(repository: Repository, commit: str, paths: Sequence[str]) -> list[str]:
    """The commit, and those of its branch before it (by first parents) that brought another version of the paths."""
    options = ("--first-parent", f"--max-count={MOST_VERSIONS}")
    return list(dict.fromkeys([commit, *repository.text("rev-list", *options, commit, "--", *paths).split()]))


@dataclass(frozen=True, slots=True)
class ProtectedBranches:
    """The branches of a repository that gate protects.

    `default` is the short name of the default branch, `tip` the commit where it is ("" where it does not exist),
    and `policy` what holds there. `candidates` do not exist, and would be the default branch instead if they did.
    Where the policy at `tip` is invalid, `mistake` says so, and `policy` is the last valid one before it: it still
    says which branches are protected, and nothing can merge into those.
    """

    repository: Repository
    default: str
    tip: str
    policy: Policy
    candidates: frozenset[str]
    mistake: InvalidInput | None = None

    @classmethod
    def of(cls, repository: Repository) -> ProtectedBranches:
        """Those of this repository, or of its `origin` where it is a clone; raises InvalidInput for a bad policy."""
        branches = cls.known(repository)
        if branches.mistake is not None:
            raise branches.mistake
        return branches

    @classmethod
    def known(cls, repository: Repository) -> ProtectedBranches:
        """The same, also where the policy of the default branch is invalid."""
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
        """Is the branch (a short name), which is at the commit `tip` ("" for none known), protected?

        The default branch always is. Others are where its policy says so, or the policy on the branch itself;
        where it names no branch at all, the usual names are.
        """
        if branch == self.default or branch in self.candidates or self.policy.protects(branch):
            return True
        if branch in USUAL and not self.policy.branches:
            return True
        folded = branch.casefold()
        if any(fnmatchcase(folded, name.casefold()) for name in self.policy.branches):
            # Meant, and written in another case: evaluating it reports that, and rejects everything.
            return True
        if not tip or not resolve(self.repository, [tip]):
            return False
        try:
            return policy_at(self.repository, tip).protects(branch)
        except InvalidInput:
            # Half-written rules on somebody's own branch protect nothing.
            return False
