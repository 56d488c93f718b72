"""Answer the git hooks: can this be committed, can this be pushed?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gate.app.check import check
from gate.app.checking.request import Answer, CheckRequest, no_progress
from gate.app.ref_updates import RefUpdate
from gate.app.server.moves import Refusal, refuse_non_fast_forward
from gate.app.server.receive import administrator_deletes, why_not_created
from gate.errors import UsageError
from gate.git.branches import head_branch
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.log.admitted import open_log
from gate.log.store import contains
from gate.model import UNRESOLVED, Outcome, Ran, Verdict, short_name
from gate.rules import ProtectedBranches
from gate.verdict import draw
from gate.wording import listed

if TYPE_CHECKING:
    from gate.runner import Event

# Nobody can approve a commit that doesn't exist yet: these are only noted here, and block at the push.
LATER = frozenset({"owners", "approvals", "seniority", "guarded"})
SLOW = 60.0
"""A check that takes longer at a commit, in seconds, is worth a hint on how to leave it to the push."""


def for_commit(verdict: Verdict, deferred: Sequence[str] = ()) -> Verdict:
    """Return the verdict about a commit: without approvals, which can't exist yet and are only noted.

    The `deferred` checks are noted too: they run at the push.
    """
    now = tuple(outcome for outcome in verdict.outcomes if outcome.id not in LATER)
    # These have no effect yet, but a policy that requires nothing else still requires something.
    later = [replace(outcome, enforced=False) for outcome in verdict.outcomes if outcome.id in LATER]
    missing = [outcome.id for outcome in later if outcome.state in {"unmet", "undecided"}]
    branch = short_name(verdict.change.into)
    notes = [f"To merge into {branch}, this commit also needs: {listed(missing)}"] if missing else []
    if deferred:
        notes.append(left_out(deferred, branch))
        later.append(Outcome("checks", "undecided", "will run at the push", enforced=False))
    return replace(
        verdict,
        outcomes=now,
        decision=draw((*now, *later)),
        notes=(*verdict.notes, *notes),
        reviewers=(),
        approve_with="",
    )


def left_out(deferred: Sequence[str], branch: str) -> str:
    """Return which required checks don't run at a commit, and when they do."""
    return f"{listed(deferred)} will run when the change is merged, or pushed to {branch}"


def at_commit(start: Path, index_file: str | None, progress: Callable[[Event], None] = no_progress) -> Answer:
    """Return the verdict about merging the index into the default branch, or into the current one if there is none yet.

    If the branch conflicts with it, only the commit counts: the index is compared with the merge base, and a warning
    mentions the conflict. A pass is noted where the hook's shell script finds it the next time.
    """
    from gate.app.hooks.shell_note import Watch

    repository = Repository.find(start)
    branch = _default(repository)
    watch = Watch.begin(repository, branch, index_file) if branch else None
    into = None if branch else head_branch(repository) or None
    request = CheckRequest(start=start, into=into, staged=True, index_file=index_file, at_commit=True)
    answer = check(request, progress, repository=repository)
    change, warning = answer.verdict.change, ""
    if change.conflicts and change.merge_blocker != UNRESOLVED and change.merge_base:
        warning = (
            f"This branch conflicts with {short_name(change.into)} in {listed(change.conflicts[:3])}"
            f"{' and other files' if change.conflicts[3:] else ''}: resolve the conflicts before you push."
        )
        answer = check(replace(request, base=change.merge_base), progress, repository=repository)
    answer = replace(answer, verdict=for_commit(answer.verdict, answer.deferred))
    if warning:
        verdict = replace(answer.verdict, notes=(*answer.verdict.notes, warning))
        return replace(answer, verdict=verdict, warnings=(warning,))
    if watch is not None:
        watch.leave_note(answer)
    return replace(answer, warnings=tuple(_slow(answer)))


def _slow(answer: Answer) -> Iterator[str]:
    """Yield how to leave each slow check to the push."""
    for result in answer.verdict.checks:
        if isinstance(result, Ran) and not result.cached and result.seconds > SLOW:
            yield (
                f"{result.id} took {result.seconds:.0f} s; to run it at the push only, set `on-commit: false` "
                f"under `checks: {result.id}:` in gate.yaml."
            )


def at_push(
    start: Path, updates: Sequence[RefUpdate], progress: Callable[[Event], None] = no_progress
) -> list[tuple[RefUpdate, Answer | Refusal]]:
    """Return a verdict or a refusal for each update of a protected branch, as the server's hook would."""
    repository = Repository.find(start)
    protected = ProtectedBranches.known(repository)
    answers: list[tuple[RefUpdate, Answer | Refusal]] = []
    for update in updates:
        # Without a ref, the update is for the default branch, which is always protected.
        if update.ref and not (update.branch and protected.protects(update.branch, update.old)):
            continue
        created = bool(update.branch) and update.branch != protected.default and not update.old
        if refused := _refused(protected, update):
            answers.append((update, refused))
        elif not created:
            request = CheckRequest(
                start=start, into=update.branch or None, head=update.new, base=update.old or None
            )
            answers.append((update, check(request, progress, repository=repository)))
    return answers


def _default(repository: Repository) -> str:
    """Return the default branch, or "" if the repository has none yet."""
    try:
        return default_branch(repository)
    except UsageError:
        return ""


def _refused(protected: ProtectedBranches, update: RefUpdate) -> Refusal | None:
    """Return the refusal of a move that no approval allows: a deletion, a rewritten history, or an invalid start."""
    repository, branch = protected.repository, update.branch
    reason, fix = "", ""
    if not update.new:
        reason = f"{branch} is protected, and this push would delete it"
        fix = administrator_deletes(branch)
    elif update.old and not resolve(repository, [update.old]):
        reason = f"{branch} has moved to {update.old[:12]}, which is not in this clone"
        fix = "`git fetch`, and rebase onto it"
    elif update.old:
        return (
            None
            if contains(repository, update.new, update.old)
            else refuse_non_fast_forward(repository, update)
        )
    elif branch and branch != protected.default:
        reason, fix = why_not_created(protected, open_log(repository), branch, update.new)
    return Refusal(update.ref, reason, help=fix) if reason else None
