"""Check, then move the branch to the very commit that was checked, by compare-and-swap."""

from __future__ import annotations

from collections.abc import Callable

from gate.app.check import check
from gate.app.checking.request import Answer, CheckRequest, no_progress
from gate.app.merging.advance import LostRace, Merged, MergeRequest, NotMerged, advance_branch, own_signer
from gate.approvals.keys import holders
from gate.errors import CannotDecide, UsageError
from gate.gather.environments import environment_named
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.git.worktrees import busy_worktree
from gate.log.store import contains, settle, tips
from gate.log.sync import ROUNDS, UNMOVED, fetch, remote_of, rounds, stuck
from gate.model import short_name
from gate.policy.people import members
from gate.rules import policy_at
from gate.runner import Event


def merge(
    request: MergeRequest,
    progress: Callable[[Event], None] = no_progress,
    report: Callable[[str], None] = lambda _line: None,
) -> Merged | NotMerged:
    """Check and merge. If the branch or the log changes in the meantime, call `report` and check again.

    Raises UsageError, InvalidInput, or CannotDecide; then nothing has moved either.
    """
    repository = Repository.find(request.start)
    if environment_named(repository, request.into) is not None:
        raise UsageError(
            f"{request.into} is an environment; releases are promoted, not merged",
            f"`gate promote {request.rev} --into {request.into}`",
        )
    branch = (request.into or default_branch(repository)).removeprefix("refs/heads/")
    remote = remote_of(repository) if request.push else ""
    if request.push and not remote:
        raise UsageError(
            "there is no remote to push to", "run `git remote add origin URL`, or remove `--push`"
        )
    started, unmoved = None, 0
    for _ in rounds():
        if remote:
            fetch(repository, remote, branch)
        else:
            _refuse_if_busy(repository, branch)
        base, old = _sides(repository, branch, remote)
        log = settle(repository)
        question = CheckRequest(
            request.start, into=branch, head=request.rev, base=base, allow_lock_out=request.force
        )
        answer = check(question, progress, repository=repository)
        if answer.verdict.decision != "pass":
            return NotMerged(answer.verdict)
        if answer.locked_out and not request.force:
            return _lock_out(answer, branch)
        if tips(repository).own != log:
            report("someone recorded a decision in the meantime: checking again")
            continue
        if refused := _refuse_unsigned(repository, request, answer):
            return refused
        result = advance_branch(repository, request, remote, answer.verdict, old)
        if not isinstance(result, LostRace):
            return result
        now = base, tips(repository).remote
        unmoved = unmoved + 1 if now == started else 0
        started = now
        if result.pushed and unmoved == UNMOVED:
            raise stuck(remote, result.pushed)
        if not unmoved:
            report(f"{branch} or the approval log changed in the meantime: checking again")
    raise CannotDecide(
        f"{branch} or the approval log changed {ROUNDS} times during the checks", "try again later"
    )


def _lock_out(answer: Answer, branch: str) -> NotMerged:
    """Return the refusal of a change whose rules lock people out, although the current rules allow it."""
    sentences = "; ".join(answer.locked_out)
    return NotMerged(
        answer.verdict,
        f"{branch} was not moved, because this change would lock people out: {sentences}",
        "change gate.yaml or CODEOWNERS on the branch (`gate init --print` proposes a policy that works), "
        "or merge it anyway with `--force`",
    )


def _sides(repository: Repository, branch: str, remote: str) -> tuple[str, str]:
    """Return the commit to merge onto, and the tip of the local branch ("" if there is none), which has to move.

    Without `remote`, the former is the local branch or `origin`'s, whichever is ahead; otherwise, it is the remote's.
    """
    ours, theirs = f"refs/heads/{branch}", f"refs/remotes/{remote or 'origin'}/{branch}"
    commits = resolve(repository, [ours, theirs])
    own, tracking = commits.get(ours, ""), commits.get(theirs, "")
    if remote and not tracking:
        raise UsageError(f"{remote} has no branch {branch}", "push it first")
    if remote or not own:
        return tracking or own or ours, own
    if not tracking or contains(repository, own, tracking):
        return own, own
    if contains(repository, tracking, own):
        return tracking, own
    raise UsageError(
        f"your local {branch} and origin's have diverged",
        f"reconcile them first, or merge on the remote with `gate merge REV --into {branch} --push`",
    )


def _refuse_unsigned(repository: Repository, request: MergeRequest, answer: Answer) -> NotMerged | None:
    """Return a refusal if there is no signed verdict about the checks, and the user can't sign one.

    The server and the audit would reject the merge. Raises CannotDecide if the policy names who has to sign.
    """
    change = answer.verdict.change
    policy = policy_at(repository, change.base)
    branch = short_name(change.into)
    protection = policy.protection(branch)
    if answer.attestation or not policy.enforced_checks(protection):
        return None
    if any(approval.counted and approval.kind == "waive" for approval in answer.verdict.approvals):
        return None
    signer, problem = None, None
    try:
        signer = own_signer(repository, request, change)
    except UsageError as error:
        if request.key:
            raise
        problem = error
    if protection.verdicts and (
        signer is None or signer.person.name not in members(policy, protection.verdicts)
    ):
        raise CannotDecide(
            f"{branch} needs a verdict signed by {' or '.join(protection.verdicts)}, and there is none yet",
            "wait for CI, then run `gate approvals --fetch`",
        )
    if problem and holders(policy):
        return NotMerged(
            answer.verdict,
            f"{branch} was not moved: the merge must be signed, but {problem.message}",
            problem.hint,
        )
    return None


def _refuse_if_busy(repository: Repository, branch: str) -> None:
    busy = busy_worktree(repository, f"refs/heads/{branch}")
    if busy:
        raise UsageError(
            f"{branch} is checked out in {busy}, with changes that are not committed",
            "commit or stash them there, or check out another branch",
        )
