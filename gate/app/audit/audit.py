"""Prove, offline, that each merge into a protected branch is verified, or report which is not, and why."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gate.app.audit.auditor import Auditor, Step
from gate.app.audit.memory import Memory, recall, remember
from gate.app.audit.span import chain_of, ends_of
from gate.errors import CannotDecide, UsageError
from gate.gather.environments import environment_named
from gate.git.branch_history import History, read_history, read_onward
from gate.git.branches import default_candidates, known_tip, known_tips, origin_default
from gate.git.repository import Repository
from gate.git.revisions import default_beside, default_branch
from gate.log.admitted import ApprovalLog
from gate.log.decisions import complete_log
from gate.log.store import LOG
from gate.log.sync import fetch, remote_of
from gate.rules import policy_at

LONGEST = 100
"""Commits that a verified move can have, where only the end of one is looked for."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The steps of `branch`, the latest first. `start` is the commit that they build on.

    `replaced` is True where the log knows of merges into the branch, and its history has no such merge; then the
    latest step says so.
    """

    branch: str
    start: str
    steps: tuple[Step, ...]
    replaced: bool = False


def audit(start: Path, *, span: str = "", into: str | None = None, bring: bool = False) -> Audit:
    """Audit the branch, or the `span` of it (`A..B` or `B`); raises CannotDecide where nothing can be proven."""
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
    # A range, and a branch that left another, begin where that says.
    whole = not bottom and branch == default_beside(repository, branch)
    if whole and (memory := recall(repository, ref, log, top)):
        return _continued(repository, branch, log, top, memory)
    history = read_history(repository, "", top)
    fork = "" if bottom else _fork(repository, history, branch)
    chain = chain_of(repository, history, bottom or fork, branch)
    auditor = Auditor(repository, ref, log, history, chain)
    if not log.tip and any(move.trailers.log for move in auditor.moves):
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
    """Fetch the default branch if a clone of another branch lacks it: the audit begins where that branch left it."""
    names = default_candidates(repository)
    if remote == "origin" and not any(known_tips(repository, names).values()):
        name = origin_default(repository)
        if name:
            fetch(repository, remote, name)


def _continued(repository: Repository, branch: str, log: ApprovalLog, top: str, memory: Memory) -> Audit:
    """The audit of a branch of which an earlier part is verified: only the rest is looked at."""
    ref = f"refs/heads/{branch}"
    history = read_onward(repository, memory.top, top)
    auditor = Auditor(repository, ref, log, history, history.chain, memory.now)
    steps = (*memory.steps, *auditor.steps())
    if auditor.moves or log.tip != memory.log:
        marks = memory.marks | auditor.concerns()
        remember(repository, ref, Memory(memory.start, top, log.tip, auditor.now, steps, marks))
    return Audit(branch, memory.start, tuple(reversed(steps)))


def unproven(repository: Repository, ref: str, log: ApprovalLog, history: History) -> Step | None:
    """The first step along the history that an audit of `ref`, with this log, would find fault with.

    None if there is none. Like the audit, it looks at steps since there is a policy.
    """
    chain = history.chain
    start = next((n for n, oid in enumerate(chain[:-1]) if policy_at(repository, oid).file), None)
    if start is None:
        return None
    steps = Auditor(repository, ref, log, history, chain[start:]).steps()
    return next((step for step in steps if step.outcome == "failed"), None)


def is_verified(repository: Repository, ref: str, log: ApprovalLog, commit: str) -> bool:
    """Did a verified move bring the branch `ref` to this commit of its history?

    A fast-forward leaves commits in that history that the branch has never been at.
    """
    chain = repository.text("rev-list", "--first-parent", f"--max-count={LONGEST}", commit).split()[::-1]
    if len(chain) < 2:
        return False
    history = read_onward(repository, chain[0], commit)
    return Auditor(repository, ref, log, history, chain).verifies(len(chain) - 1)


def is_start(repository: Repository, log: ApprovalLog, tip: str, commit: str) -> bool:
    """Can a protected branch start at this commit of the history of the default branch, which is at `tip`?

    It has to be one to which a verified move brought that branch. Nothing has to be proven of where it is now, of
    where it was before it had a policy, and where there is no log.
    """
    if commit == tip or not log.tip:
        return True
    parents = repository.text("rev-list", "--max-count=1", "--parents", commit).split()[1:]
    if not parents or not policy_at(repository, parents[0]).file:
        return True
    return is_verified(repository, f"refs/heads/{default_branch(repository)}", log, commit)


def _fork(repository: Repository, history: History, branch: str) -> str:
    """The last commit of the branch that the default branch has been at, too; "" for the default branch itself."""
    default = default_beside(repository, branch)
    tip = known_tip(repository, default)
    if branch == default or not tip:
        return ""
    shared = set(repository.text("rev-list", "--first-parent", tip).split())
    return next((oid for oid in reversed(history.chain) if oid in shared), "")


def _started_elsewhere(
    repository: Repository, log: ApprovalLog, history: History, fork: str, branch: str
) -> list[Step]:
    """A step that failed, if the branch left the default one where that has never been."""
    default = default_beside(repository, branch) if fork else ""
    if not fork or is_start(repository, log, known_tip(repository, default), fork):
        return []
    reason = f"the branch starts here, and no verified merge brought {default} to this commit"
    return [Step(fork, history.commits[fork].title, "failed", reason)]


def _rewritten(log: ApprovalLog, ref: str, history: History, top: str) -> list[Step]:
    """A failed merge, if the log has merges into this branch, and its history has none of these.

    Then the branch was put upon another root, which would otherwise pass for where the policy began.
    """
    bases = {record.record.base for record in log.given_for(ref, "verdict")}
    if not bases or bases & history.commits.keys():
        return []
    reason = (
        "history was replaced: the log records merges into this branch that its history no longer contains"
    )
    return [Step(top, history.commits[top].title, "failed", reason)]
