"""The evidence that the checks passed on a move of a branch: recorded verdicts, signed by people who count."""

from __future__ import annotations

from gate.app.audit.moves import Move
from gate.app.audit.records import MoveRecords
from gate.app.audit.step import QUARANTINED
from gate.approvals.keys import holders
from gate.approvals.quarantine import quarantined
from gate.log.admitted import decisions_of
from gate.log.trusted_verdicts import VerdictSubject, passed, trusted
from gate.policy.types import Policy, Protection


class CheckEvidence:
    """Reads the verdicts about moves of the branch `ref` among their records."""

    def __init__(self, ref: str, records: MoveRecords) -> None:
        """Use the records that were read for these moves."""
        self._ref, self._records = ref, records

    def checked(self, move: Move, policy: Policy, protection: Protection) -> tuple[bool, tuple[str, ...]]:
        """Return whether somebody attested that the checks passed on this tree, and who, or what is missing.

        If the policy names people whose verdicts count, no other verdict does, signed or not.
        """
        required = policy.enforced_checks(protection)
        if not required:
            enforced = "checks were not enforced" if protection.require.checks else "no checks were required"
            return True, (enforced,)
        target = VerdictSubject(policy.repository, self._ref, move.old.oid, move.digest)
        attestations = [
            item
            for item in self._records.about(move)
            if target.fits(item.record)
            and self._records.grants.counts(policy, item)
            and passed(self._records.documents.get(item.record.of), target, required) is not None
        ]
        for decision in trusted(decisions_of(attestations, policy), policy, protection, move.now):
            results = passed(self._records.documents.get(decision.record.of), target, required) or ()
            failed = (f"{QUARANTINED}{text}" for text in quarantined(results))
            return True, (f"checks passed, signed by {decision.record.by}", *failed)
        if protection.verdicts:
            return False, (f"no verdict of {' or '.join(protection.verdicts)} about them is recorded",)
        document = self._records.documents.get(move.trailers.verdict)
        if not holders(policy) and passed(document, target, required) is not None:
            # Without keys nobody can sign, so the verdict that the commit refers to is the only evidence there
            # can be.
            return True, ("checks passed, by an unsigned verdict (the policy lists no key)",)
        return False, ("no signed verdict about them is recorded",)

    def unenforced(self, move: Move, policy: Policy, protection: Protection) -> list[str]:
        """Return the required checks that weren't enforced, and that no recorded verdict says passed.

        This is only for people to read, so the verdict may be unsigned.
        """
        target = VerdictSubject(policy.repository, self._ref, move.old.oid, move.digest)
        records = [item.record.of for item in self._records.about(move) if target.fits(item.record)]
        documents = [self._records.documents.get(name) for name in (move.trailers.verdict, *records)]
        return [
            name
            for name in protection.require.checks
            if not policy.enforces_check(protection, name)
            and all(passed(document, target, (name,)) is None for document in documents)
        ]
