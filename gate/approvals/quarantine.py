"""Quarantined tests: signed records that let a known failing or flaky test warn instead of block, until a date.

A quarantine counts only if a guardian signed it, and lasts at most `LONGEST`. It is about one test of one check, by its
exact ID. For a change by its signer, it is a weakened check, and another guardian must approve: otherwise, the signer
could silence the test that finds their own mistake.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from gate.approvals.decisions import Decision, Identified, Signed, identify
from gate.approvals.keys import Holder, holders
from gate.approvals.record import QUARANTINE, Record
from gate.finding import OWN_QUARANTINE, TEST_FAILED, Finding
from gate.model import Change, CheckResult, Ran
from gate.policy.people import members
from gate.policy.types import Policy, Protection

LONGEST = timedelta(days=90)
"""How long a quarantine can last. To renew it, a guardian signs another record."""
DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A quarantine of `test` by `by`. `owner` has to fix the test. `until` is its last day, in UTC.

    `why_not` says why it doesn't count; empty if it does. `by_author` means that an author of the change signed it.
    """

    id: str
    check: str
    test: str
    owner: str
    by: str
    until: date
    reason: str
    why_not: str = ""
    by_author: bool = False

    @property
    def end(self) -> int:
        """The moment at which it ends, in seconds since the epoch."""
        return end_of(self.until)

    def __str__(self) -> str:
        """Describe it for people: which test, by whom, until when, and why."""
        reason = " ".join(self.reason.split())
        return f"{self.test} is quarantined by {self.by} until {self.until} (owner {self.owner}): {reason}"


def end_of(day: date) -> int:
    """Return the end of a day in UTC, in seconds since the epoch."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + DAY


def reason_of(owner: str, until: date, check: str, test: str, reason: str) -> str:
    """Return what a record says in its `reason`."""
    return f"{until.isoformat()} {owner} {check} {test}\n{reason.strip()}"


def subject_of(check: str, test: str) -> str:
    """Return what a record has as its `change`: a digest of the test's name."""
    return hashlib.sha256(f"{check}\0{test}".encode("utf-8", "surrogateescape")).hexdigest()


def quarantines(
    decisions: Iterable[Decision],
    policy: Policy,
    protection: Protection,
    into: str,
    now: int,
    authors: frozenset[str] = frozenset(),
) -> tuple[Quarantine, ...]:
    """Return the quarantines for a branch, from its admitted records. `authors` are those of the change, if any."""
    key_holders = holders(policy)
    identified = [
        (decision.id, decision.record, who)
        for decision in decisions
        if (decision.record.repository, decision.record.into) == (policy.repository, into)
        and isinstance(who := identify(decision, _holder(decision, key_holders), policy, now), Identified)
    ]
    guardians = members(policy, protection.require.guarded)
    ended = {(record.of, who.person) for _, record, who in identified if record.kind == "revoke"}
    standing = []
    for identity, record, who in identified:
        item = _parsed(identity, record, who.person) if record.kind == "quarantine" else None
        if item is not None:
            enders = {item.by, item.owner, *guardians}
            why_not = _why_not(item, record.at, who.validity, guardians, now) or (
                f"ended by {min(enders & _who(ended, item.id))}" if enders & _who(ended, item.id) else ""
            )
            standing.append(replace(item, why_not=why_not, by_author=item.by in authors))
    return tuple(sorted(standing, key=lambda item: (item.test, item.until, item.id)))


def _holder(decision: Decision, key_holders: Mapping[str, Holder]) -> Holder | None:
    return key_holders.get(decision.signature.key) if isinstance(decision.signature, Signed) else None


def _who(ended: Iterable[tuple[str, str]], identity: str) -> set[str]:
    return {person for of, person in ended if of == identity}


def _parsed(identity: str, record: Record, person: str) -> Quarantine | None:
    match = re.fullmatch(QUARANTINE, record.reason)
    if match is None or record.change != subject_of(match["check"], match["test"]):
        return None
    try:
        until = date.fromisoformat(match["until"])
    except ValueError:
        return None
    return Quarantine(
        identity,
        match["check"],
        match["test"],
        match["owner"],
        person,
        until,
        match["reason"].strip(),
    )


def _why_not(item: Quarantine, at: int, validity: str, guardians: frozenset[str], now: int) -> str:
    if item.by not in guardians:
        return f"{item.by} is not one of the guardians"
    if validity != "valid":
        return f"the key of {item.by} is {validity}"
    if now >= item.end:
        return f"it ended on {item.until}"
    # The signer's clock only matters here: a date in the future would make it last longer.
    if item.end - min(at, now) > LONGEST.total_seconds() + DAY:
        return f"it lasts longer than {LONGEST.days} days"
    return ""


def apply(results: CheckResult, standing: Sequence[Quarantine]) -> CheckResult:
    """Return the result of a check in which failures of quarantined tests are marked, and don't block."""
    if not isinstance(results, Ran):
        return results
    counted = [item for item in standing if item.check == results.id and not item.why_not]
    # One that somebody else signed needs no further approval.
    by_test = {item.test: item for item in sorted(counted, key=lambda item: not item.by_author)}
    if not by_test:
        return results
    return replace(
        results,
        findings=tuple(_marked(finding, by_test) for finding in results.findings),
        blocking=tuple(finding for finding in results.blocking if not _covering(finding, by_test)),
    )


def _covering(finding: Finding, by_test: Mapping[str, Quarantine]) -> Quarantine | None:
    """Return the quarantine of the test that failed, if any. A file or class that can't be imported has none."""
    return by_test.get(finding.test) if finding.rule == TEST_FAILED else None


def _marked(finding: Finding, by_test: Mapping[str, Quarantine]) -> Finding:
    item = _covering(finding, by_test)
    return replace(finding, severity="warning", quarantined=str(item)) if item else finding


def by_authors(
    results: Iterable[CheckResult], standing: Iterable[Quarantine], change: Change
) -> tuple[Finding, ...]:
    """Return the failures that only quarantines by the change's own authors let pass: these are weakened checks.

    Each is reported in a changed file, the test's own if possible, which another guardian has to approve.
    """
    used = set(quarantined(results))
    paths = [entry.path for entry in change.files]
    signed_by_others = {str(item) for item in standing if not item.by_author and not item.why_not}
    return tuple(
        Finding(path, 0, 0, 0, OWN_QUARANTINE, "warning", f"{item}; {item.by} is an author of this change")
        for item in standing
        if item.by_author and str(item) in used - signed_by_others
        for path in [
            item.test.partition("::")[0] if item.test.partition("::")[0] in paths else next(iter(paths), "")
        ]
    )


def quarantined(results: Iterable[CheckResult]) -> tuple[str, ...]:
    """Return a description of each quarantine because of which a failure doesn't block."""
    findings = [finding for result in results if isinstance(result, Ran) for finding in result.findings]
    return tuple(dict.fromkeys(finding.quarantined for finding in findings if finding.quarantined))
