"""Find the permissions that the default branch granted when another branch moved, to audit release branches.

On another branch, `gate check` lets nobody count for more than the default branch's policy grants them today. An audit
runs later: changes merged before somebody left stay verified, and records they sign afterwards never count, whatever
date they claim. So each version of the policy is compared with the log that its own merge refers to (`Gate-Log`): a
record missing from this log came later. If the merge refers to no log, the next merge that does sets the limit: a
record missing from its log came later as well. Dates decide only between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gate.app.audit.moves import Move
from gate.approvals.keys import holders
from gate.errors import InvalidInput
from gate.git.branch_history import existing
from gate.git.branches import known_tip
from gate.git.commits import Commit, read_commits
from gate.git.repository import Repository
from gate.git.revisions import default_beside
from gate.log.admitted import ApprovalLog
from gate.log.index import LoggedRecord
from gate.log.paths import LOG_TRAILER, record_path
from gate.log.store import contains
from gate.log.trailers import read_trailers
from gate.model import BRANCHES
from gate.policy.files import POLICY_FILE, STORED
from gate.policy.older_branches import still_listed
from gate.policy.types import Policy
from gate.rules import MOST_VERSIONS, policy_at

OPENING = frozenset({"approve", "waive", "verdict"})
"""Kinds of records that count only if their author does; an objection outlives its author."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A version of the default branch's policy, the commit that brought it, and the log at that time ("" if unknown).

    If the commit refers to no log, `state` is that of the next commit that does, and `exact` is False.
    """

    policy: Policy
    commit: Commit
    state: str
    exact: bool


@dataclass(slots=True)
class Granted:
    """The versions of the default branch's policy, latest first, for the audit of another branch."""

    repository: Repository
    log: ApprovalLog
    branch: str
    versions: Sequence[_Version] = ()
    witnessed: Mapping[tuple[str, str], bool] = field(default_factory=dict)
    _narrowed: dict[tuple[int, int], tuple[Policy, Policy]] = field(default_factory=dict)
    _contained: dict[tuple[str, str], bool] = field(default_factory=dict)

    @classmethod
    def read(
        cls, repository: Repository, log: ApprovalLog, ref: str, records: Callable[[], Iterable[LoggedRecord]]
    ) -> Granted:
        """Read these versions, and which of the `records` were in the log at each of them.

        `ref` is the full name of the audited branch. The default branch has no versions, because its own policy counts.
        """
        branch = ref.removeprefix(BRANCHES)
        default = default_beside(repository, branch)
        tip = known_tip(repository, default)
        if branch == default or not tip:
            return cls(repository, log, branch)
        options = ("--first-parent", f"--max-count={MOST_VERSIONS}")
        oids = repository.text("rev-list", *options, tip, "--", POLICY_FILE, *STORED).split()
        commits = (
            {commit.oid: commit for commit in read_commits(repository, ["--no-walk", *oids])} if oids else {}
        )
        known = []
        own = {oid: log.state(read_trailers(commit.message).log) for oid, commit in commits.items()}
        following = _next_states(repository, log, tip, [oid for oid, state in own.items() if not state])
        for oid in oids:
            with suppress(InvalidInput):
                state = own[oid] or following.get(oid, "")
                known.append(_Version(policy_at(repository, oid), commits[oid], state, bool(own[oid])))
        states = dict.fromkeys(version.state for version in known if version.state)
        pairs = [(state, entry.id) for entry in records() for state in states]
        blobs = existing(repository, (f"{state}:{record_path(identity)}" for state, identity in pairs))
        witnessed = {pair: bool(blob) for pair, blob in zip(pairs, blobs, strict=True)}
        return cls(repository, log, branch, known, witnessed)

    def policy(self, own: Policy, move: Move) -> Policy:
        """Return the policy at the base of a move, limited to what the default branch granted at that time."""
        state = self.log.state(move.trailers.log)
        return self._granted(
            own, [version for version in self.versions if not self._preceded(state, move, version)]
        )

    def _preceded(self, state: str, move: Move, version: _Version) -> bool:
        """Return whether the move was made before the default branch got this version."""
        if state and version.state:
            pair = (version.state, state)
            if pair not in self._contained:
                self._contained[pair] = contains(self.repository, *pair)
            if version.exact or not self._contained[pair]:
                return self._contained[pair]
        return move.now <= version.commit.time

    def counts(self, own: Policy, entry: LoggedRecord) -> bool:
        """Return whether a record, if it permits something, is by somebody who counted when it was added to the log."""
        if not self.versions or entry.record.kind not in OPENING:
            return True
        since = [version for version in self.versions if not self._had(version, entry)]
        keys = holders(self._granted(own, since))
        return any(key in keys and keys[key].person == entry.record.by for key in entry.keys)

    def _had(self, version: _Version, entry: LoggedRecord) -> bool:
        """Return whether the record was in the log before the default branch got this version."""
        witnessed = self.witnessed.get((version.state, entry.id), True)
        return witnessed and (version.exact or entry.record.at <= version.commit.time)

    def _granted(self, own: Policy, since: Sequence[_Version]) -> Policy:
        """Return the policy without anything that these versions, latest first, don't grant."""
        if not since:
            return own
        key = (id(own), id(since[0].policy))
        if key not in self._narrowed:
            self._narrowed[key] = own, still_listed(own, since[0].policy, self.branch)
        return self._narrowed[key][1]


def _next_states(
    repository: Repository, log: ApprovalLog, tip: str, commits: Sequence[str]
) -> dict[str, str]:
    """Return, for each of these commits of the branch at `tip`, the log that the next later commit refers to."""
    if not commits:
        return {}
    form = f"--format=%H {LOG_TRAILER}"
    lines = repository.text("log", "--first-parent", form, tip, "--not", f"{commits[-1]}^@").splitlines()
    states = {}
    state = ""
    for oid, _, names in (line.partition(" ") for line in lines):
        state = next(filter(None, map(log.state, filter(None, names.split(",")[:1]))), state)
        states[oid] = state
    return {oid: states.get(oid, "") for oid in commits}
