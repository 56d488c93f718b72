"""Notes to a verdict: that it is partial, who ran the checks, and what merging the change would break."""

from __future__ import annotations

from gate.app.checking.check_results import CheckResults
from gate.app.checking.request import CheckRequest
from gate.app.checking.rules_at_base import Rules
from gate.git.repository import Repository
from gate.model import Change, short_name
from gate.rules import absent_branches


def notes_about(
    repository: Repository,
    change: Change,
    rules: Rules,
    request: CheckRequest,
    checked: CheckResults,
    now: int,
    lock_out: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Return the lines to show with the verdict. `lock_out` says whom the change would lock out."""
    notes = _about_checks(request, rules, checked)
    if request.parts:
        from gate.app.checking.shards import unsigned_note

        notes += (unsigned_note(rules.policy, now, unsigned=request.unsigned),)
    if rules.release is None and change.tree and not change.merge_blocker:
        notes += tuple(f"This change would lock people out: {sentence}" for sentence in lock_out)
        notes += (absent_branches(repository, rules.policy, short_name(change.into)),)
    return tuple(filter(None, notes))


def _about_checks(request: CheckRequest, rules: Rules, checked: CheckResults) -> tuple[str, ...]:
    protection = rules.protection
    if request.only:
        return (f"Partial run (`--only {' '.join(request.only)}`): not a merge decision.",)
    if checked.attestation is not None:
        return (f"Checks were run by {checked.attestation.by} (verdict {checked.attestation.id[:12]}).",)
    if protection.verdicts and rules.policy.enforced_checks(protection) and not request.staged:
        return (
            f"To merge, it also needs a verdict signed by {' or '.join(protection.verdicts)}; there is none yet.",
        )
    return ()
