"""Follow the policy and the code owners along a branch, and read them only where a commit may have changed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gate.codeowners import ALL_PLACES, PLACES, CodeOwners, Rule
from gate.errors import InvalidInput
from gate.gather.invalid_rules import may_alter_rules
from gate.gather.ownership import codeowners_at
from gate.git.objects import REGULAR_MODES, list_tree
from gate.git.repository import Repository
from gate.model import FileChange
from gate.policy.files import POLICY_FILE, STORED
from gate.policy.types import Policy
from gate.rules import last_valid_policy, policy_at, versions
from gate.weakenings import SETTINGS

WATCHED = (POLICY_FILE, *STORED, *dict.fromkeys(place for places in PLACES.values() for place in places))


@dataclass(slots=True)
class RulesAlongBranch:
    """The policy and the code owners at one commit of a branch after the other, as `gate check` reads them."""

    repository: Repository
    _commit: str = ""
    _settings: dict[str, str] = field(default_factory=dict)
    _policy: Policy | InvalidInput | None = None
    _owners: dict[bool, CodeOwners | InvalidInput | None] = field(default_factory=dict)

    def start(self, commit: str) -> None:
        """Begin at this commit."""
        listed = list_tree(self.repository, commit, sorted(SETTINGS))
        self._settings = {entry.path: entry.oid for entry in listed if entry.mode in REGULAR_MODES}
        self._read_at(commit)

    def follow(self, commit: str, files: Iterable[FileChange]) -> None:
        """Move on to the next commit, which changed these files."""
        files = list(files)
        for file in files:
            if file.path in SETTINGS:
                self._settings.pop(file.path, None)
                if file.new_mode in REGULAR_MODES:
                    self._settings[file.path] = file.new
        if any(may_alter_rules(file) for file in files):
            self._read_at(commit)

    def policy(self) -> Policy:
        """Return the policy here, or the branch's last valid one. Raises InvalidInput if it never had one.

        Nothing can merge while the policy is invalid. A fix that an administrator pushed can then be approved by the
        people whom the branch named before.
        """
        if self._policy is None:
            try:
                self._policy = policy_at(self.repository, self._commit)
            except InvalidInput as error:
                self._policy = last_valid_policy(self.repository, self._commit) or error
        if isinstance(self._policy, InvalidInput):
            raise self._policy
        return self._policy

    def settings(self) -> dict[str, str]:
        """Return the top-level files that configure the checks, with their blobs."""
        return dict(self._settings)

    def ownership(
        self, policy: Policy, paths: Sequence[str], *, required: bool
    ) -> tuple[str, Mapping[str, tuple[Rule, ...]]]:
        """Return the CODEOWNERS file here ("" if there is none) and the owners of the paths. Raises InvalidInput."""
        if required not in self._owners:
            self._owners[required] = self._read_owners(policy, required=required)
        owners = self._owners[required]
        if isinstance(owners, InvalidInput):
            raise owners
        if owners is None or not owners.rules:
            return "", {}
        return owners.file, owners.owners_of_all(paths)

    def _read_owners(self, policy: Policy, *, required: bool) -> CodeOwners | InvalidInput | None:
        """Return the code owners here, or the branch's last valid ones, as with the policy."""
        first: InvalidInput | None = None
        for commit in versions(self.repository, self._commit, ALL_PLACES) if self._commit else ():
            try:
                owners = codeowners_at(self.repository, commit, policy, required=required)
            except InvalidInput as error:
                first = first or error
                continue
            if owners is None or not owners.mistakes:
                return owners
            first = first or InvalidInput(owners.mistakes)
        return first

    def _read_at(self, commit: str) -> None:
        self._commit, self._policy, self._owners = commit, None, {}
