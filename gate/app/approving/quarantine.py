"""Quarantine a test of a protected branch, end a quarantine, and list them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from gate.app.approving.eligible import refuse_non_guardian
from gate.app.recording.signing import (
    Signer,
    StoredRecord,
    fetch_branch,
    find_signer,
    put,
    revocation,
    send,
)
from gate.approvals.quarantine import LONGEST, Quarantine, end_of, reason_of, subject_of
from gate.approvals.record import LONGEST_REASON, Record
from gate.errors import UsageError
from gate.git.branches import known_tip
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.log.admitted import ApprovalLog, open_log
from gate.log.quarantines import quarantines_in
from gate.model import BRANCHES
from gate.policy.people import members
from gate.policy.types import Policy
from gate.rules import policy_at
from gate.wording import listed


@dataclass(frozen=True, slots=True)
class QuarantineRequest:
    """A test, by its exact id, on the protected branch `into` (the default branch if None)."""

    start: Path
    now: int
    test: str
    until: str = ""
    reason: str = ""
    owner: str = ""
    check: str = ""
    into: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class _Branch:
    """A protected branch, with its policy and the log."""

    repository: Repository
    name: str
    tip: str
    policy: Policy
    log: ApprovalLog

    @property
    def ref(self) -> str:
        return BRANCHES + self.name

    def all(self, now: int) -> tuple[Quarantine, ...]:
        return quarantines_in(self.log, self.ref, self.policy, self.policy.protection(self.name), now)


def quarantine(request: QuarantineRequest) -> StoredRecord:
    """Sign a quarantine, record it, and share it. Raises UsageError if it wouldn't count."""
    branch = _branch(request)
    signer = find_signer(branch.repository, branch.policy, request.key, request.now, branch.name)
    name = signer.person.name
    protection = branch.policy.protection(branch.name)
    refuse_non_guardian(name, request.reason, branch.policy, protection, "quarantine a test", "a quarantine")
    check = _check(request, branch.policy)
    until = _last_day(request.until, request.now)
    owner = _owner(request.owner or name, branch.policy)
    _exists(request.test, branch)
    reason = reason_of(owner, until, check, request.test, request.reason)
    if len(reason) > LONGEST_REASON:
        raise UsageError(
            f"the reason and the test's name together are longer than {LONGEST_REASON} characters"
        )
    latest = branch.log.latest_by(name, branch.ref, request.now)
    record = Record(
        kind="quarantine",
        repository=branch.policy.repository,
        into=branch.ref,
        base=branch.tip,
        head=branch.tip,
        change=subject_of(check, request.test),
        by=name,
        at=max(request.now, latest + 1),
        nonce=secrets.token_hex(16),
        reason=reason,
    )
    return send(branch.repository, put(branch.repository, record, signer))


def end(request: QuarantineRequest) -> tuple[StoredRecord, ...]:
    """End the quarantines of a test, and share that. Raises UsageError if there is none, or this person can't."""
    branch = _branch(request)
    signer = find_signer(branch.repository, branch.policy, request.key, request.now, branch.name)
    standing = [
        item
        for item in branch.all(request.now)
        if not item.why_not and item.test == request.test and request.check in {"", item.check}
    ]
    if not standing:
        raise UsageError(
            f"{request.test} is not quarantined on {branch.name}", "`gate flaky` lists quarantined tests"
        )
    guardians = members(branch.policy, branch.policy.protection(branch.name).require.guarded)
    for item in standing:
        allowed = {item.by, item.owner, *guardians}
        if signer.person.name not in allowed:
            raise UsageError(
                f"{signer.person.name} cannot end the quarantine by {item.by}",
                f"ask {listed(sorted(allowed), 'or')}",
            )
    return tuple(_ended(item, branch, signer, request) for item in standing)


def listing(start: Path, now: int, into: str | None = None) -> tuple[Quarantine, ...]:
    """Return the quarantines of a branch that have not ended, also those that don't count, with the reason.

    A repository without a protected branch or a policy has none.
    """
    repository = Repository.find(start)
    log = open_log(repository)
    if not log.tip:
        return ()
    name = into or default_branch(repository)
    tip = known_tip(repository, name)
    if not tip:
        return ()
    branch = _Branch(repository, name, tip, policy_at(repository, tip), log)
    return tuple(item for item in branch.all(now) if item.end > now and not item.why_not.startswith("ended"))


def _ended(item: Quarantine, branch: _Branch, signer: Signer, request: QuarantineRequest) -> StoredRecord:
    (entry,) = branch.log.with_ids([item.id])
    latest = branch.log.latest_by(signer.person.name, branch.ref, request.now)
    record = revocation(entry, signer, request.now, branch.tip, request.reason, latest)
    return send(branch.repository, put(branch.repository, record, signer))


def _branch(request: QuarantineRequest) -> _Branch:
    repository = Repository.find(request.start)
    name = request.into or default_branch(repository)
    fetch_branch(repository, name)
    tip = known_tip(repository, name)
    if not tip:
        raise UsageError(
            f"{name} is not in this clone", "run `git fetch origin`, or name another branch with `--into`"
        )
    return _Branch(repository, name, tip, policy_at(repository, tip), open_log(repository))


def _check(request: QuarantineRequest, policy: Policy) -> str:
    """Return the check that the test belongs to: the only one that runs pytest, unless one is named."""
    names = sorted(name for name, check in policy.checks.items() if check.tool == "pytest")
    if request.check:
        if request.check not in policy.checks:
            raise UsageError(
                f"gate.yaml has no check {request.check}", f"use one of {', '.join(sorted(policy.checks))}"
            )
        return request.check
    if len(names) != 1:
        raise UsageError(f"{len(names)} checks run pytest", f"name one with `--check`: {', '.join(names)}")
    return names[0]


def _last_day(text: str, now: int) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--until: expected a date such as 2026-12-31, got {text!r}") from None
    today = datetime.fromtimestamp(now, UTC).date()
    if end_of(day) <= now:
        raise UsageError(f"--until: {day} is in the past")
    if day - today > LONGEST:
        raise UsageError(
            f"--until: {day} is more than {LONGEST.days} days away",
            f"the last possible day is {today + LONGEST}; if needed, quarantine the test again then",
        )
    return day


def _owner(name: str, policy: Policy) -> str:
    if name not in policy.people:
        raise UsageError(
            f"--owner: {name} is not in the policy", f"use one of {', '.join(sorted(policy.people))}"
        )
    return name


def _exists(test: str, branch: _Branch) -> None:
    """Raise UsageError unless this is the id of one test, in a file that the branch has."""
    path, _, name = test.partition("::")
    if not name or "\n" in test or "*" in name.partition("[")[0]:
        raise UsageError(
            f"{test!r} is not the ID of one test",
            "use pytest's exact ID, such as tests/test_a.py::test_b, and no patterns",
        )
    if path not in {entry.path for entry in list_tree(branch.repository, branch.tip, [path])}:
        raise UsageError(
            f"{branch.name} has no file {path}",
            f"only tests on {branch.name} can be quarantined; for another branch, use `--into BRANCH`",
        )
