"""Prove, offline, that each merge into a protected branch is verified, or report which ones aren't, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gate.app.audit.auditor import Auditor
from gate.app.audit.memory import Memory, recall, remember
from gate.app.audit.span import chain_of, ends_of
from gate.app.audit.step import Step
from gate.errors import CannotDecide, UsageError
from gate.gather.environments import environment_named
from gate.git.branch_history import History, read_history, read_onward
from gate.git.branches import default_candidates, known_tip, known_tips, origin_default
from gate.git.repository import Repository
from gate.git.revisions import default_beside, default_branch
from gate.log.admitted import ApprovalLog
from gate.log.decisions import complete_log
from gate.log.store import LOG
from gate.log.sync import fetch, log_exists_on, remote_of
from gate.rules import policy_at

LONGEST = 100
"""The maximum number of commits in a verified move, if only its last commit is known."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The steps of `branch`, latest first. `start` is the commit before the first step.

    `replaced` is True if the log has merges into the branch that its history doesn't contain. The latest step then says
    so.
    """

    branch: str
    start: str
    steps: tuple[Step, ...]
    replaced: bool = False


def audit(start: Path, *, span: str = "", into: str | None = None, bring: bool = False) -> Audit:
    """Audit the branch, or a `span` of it (`A..B` or `B`). Raises CannotDecide if nothing can be proven."""
    repository = Repository.find(start)
    if into and environment_named(repository, into) is not None:
        raise UsageError(
            f"{into} is an environment; its releases are signed records",
            f"`gate check --into {into} --head REV` evaluates a release; `gate audit` verifies a branch",
        )
    branch = (into or default_branch(repository)).removeprefix("refs/heads/")
    if bring and (remote := remote_of(repository)):
        fetch(repository, remote, branch)
        _fetch_default(repository, remote)
    bottom, top = ends_of(repository, branch, span)
    ref = f"refs/heads/{branch}"
    log = complete_log(repository, top, [top])
    # A range, or a branch that forked off another, has a start of its own.
    whole = not bottom and branch == default_beside(repository, branch)
    if whole and (memory := recall(repository, ref, log, top)):
        return _continued(repository, branch, log, top, memory)
    history = read_history(repository, "", top)
    fork = "" if bottom else _fork(repository, history, branch)
    chain = chain_of(repository, history, bottom or fork, branch)
    auditor = Auditor(repository, ref, log, history, chain)
    if not log.tip and any(move.trailers.log for move in auditor.moves):
        if remote := remote_of(repository):
            # Without a connection, the log may well be on the remote.
            log_exists_on(repository, remote)
        raise CannotDecide(
            f"the approval log ({LOG}) is neither in this clone nor on its remote, but the branch refers to it",
            f"the person who merged has to push it: `git push {remote_of(repository) or 'origin'} {LOG}`",
        )
    steps = [*_started_elsewhere(repository, log, history, fork, branch), *auditor.steps()]
    replaced = _rewritten(log, ref, history, top)
    steps += replaced
    if whole:
        marks = auditor.concerns()
        remember(repository, ref, Memory(chain[0], top, log.tip, auditor.now, tuple(steps), marks))
    return Audit(branch, chain[0], tuple(reversed(steps)), bool(replaced))


def _fetch_default(repository: Repository, remote: str) -> None:
    """Fetch the default branch if the clone lacks it: an audit of another branch begins where that branch left it."""
    names = default_candidates(repository)
    if remote == "origin" and not any(known_tips(repository, names).values()):
        name = origin_default(repository)
        if name:
            fetch(repository, remote, name)


def _continued(repository: Repository, branch: str, log: ApprovalLog, top: str, memory: Memory) -> Audit:
    """Audit a branch whose history is already verified up to `memory.top`. Only later moves are verified."""
    ref = f"refs/heads/{branch}"
    history = read_onward(repository, memory.top, top)
    auditor = Auditor(repository, ref, log, history, history.chain, memory.now)
    steps = (*memory.steps, *auditor.steps())
    if auditor.moves or log.tip != memory.log:
        marks = memory.marks | auditor.concerns()
        remember(repository, ref, Memory(memory.start, top, log.tip, auditor.now, steps, marks))
    return Audit(branch, memory.start, tuple(reversed(steps)))


def unproven(repository: Repository, ref: str, log: ApprovalLog, history: History) -> Step | None:
    """Return the first step in the history that an audit of `ref` with this log would fail, or None.

    Like the audit, it starts at the first commit with a policy.
    """
    chain = history.chain
    start = next((n for n, oid in enumerate(chain[:-1]) if policy_at(repository, oid).file), None)
    if start is None:
        return None
    steps = Auditor(repository, ref, log, history, chain[start:]).steps()
    return next((step for step in steps if step.outcome == "failed"), None)


def is_verified(repository: Repository, ref: str, log: ApprovalLog, commit: str) -> bool:
    """Return whether a verified move brought the branch `ref` to this commit of its history.

    After a fast-forward, the history has commits that the branch was never at.
    """
    chain = repository.text("rev-list", "--first-parent", f"--max-count={LONGEST}", commit).split()[::-1]
    if len(chain) < 2:
        return False
    history = read_onward(repository, chain[0], commit)
    return Auditor(repository, ref, log, history, chain).verifies(len(chain) - 1)


def is_start(repository: Repository, log: ApprovalLog, tip: str, commit: str) -> bool:
    """Return whether a protected branch can start at a commit in the history of the default branch, which is at `tip`.

    A verified move must have brought the default branch to that commit. No proof is needed for the tip, for a commit
    whose parent has no policy, or if there is no log.
    """
    if commit == tip or not log.tip:
        return True
    parents = repository.text("rev-list", "--max-count=1", "--parents", commit).split()[1:]
    if not parents or not policy_at(repository, parents[0]).file:
        return True
    return is_verified(repository, f"refs/heads/{default_branch(repository)}", log, commit)


def _fork(repository: Repository, history: History, branch: str) -> str:
    """Return the last commit of the branch that the default branch was at too, or "" for the default branch itself."""
    default = default_beside(repository, branch)
    tip = known_tip(repository, default)
    if branch == default or not tip:
        return ""
    shared = set(repository.text("rev-list", "--first-parent", tip).split())
    return next((oid for oid in reversed(history.chain) if oid in shared), "")


def _started_elsewhere(
    repository: Repository, log: ApprovalLog, history: History, fork: str, branch: str
) -> list[Step]:
    """Return a failed step if the branch starts at a commit to which no verified move brought the default branch."""
    default = default_beside(repository, branch) if fork else ""
    if not fork or is_start(repository, log, known_tip(repository, default), fork):
        return []
    reason = f"the branch starts here, and no verified merge brought {default} to this commit"
    return [Step(fork, history.commits[fork].title, "failed", (reason,))]


def _rewritten(log: ApprovalLog, ref: str, history: History, top: str) -> list[Step]:
    """Return a failed step if the log has merges into this branch, but its history contains no such merge.

    The branch was then moved to another root, which would otherwise pass for the point where the policy began.
    """
    bases = {record.record.base for record in log.given_for(ref, "verdict")}
    if not bases or bases & history.commits.keys():
        return []
    reason = (
        "history was replaced: the log records merges into this branch that its history no longer contains"
    )
    return [Step(top, history.commits[top].title, "failed", (reason,))]
