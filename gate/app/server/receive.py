"""Accept or reject a push to a receiving repository as a whole.

A protected branch only moves in steps that `gate check` lets pass now and that `gate audit` will be able to verify:
both are run. The log only grows. Git's own guarantees are left to git: it moves a ref only if it is still where the
pusher saw it, so the second push in a race is rejected and must be repeated.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.audit.audit import is_start
from gate.app.audit.rules_along import WATCHED
from gate.app.ref_updates import RefUpdate
from gate.app.server.moves import Received, Refusal, check_moves
from gate.errors import first_of
from gate.gather.invalid_rules import unreadable_rules
from gate.git.branches import USUAL
from gate.git.collisions import fold
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.log.admission import START_ANEW, refusal, unadmitted
from gate.log.admitted import ApprovalLog, log_at
from gate.log.store import LOG, tips
from gate.model import BRANCHES
from gate.rules import ProtectedBranches

FOREIGN_REFS = {
    "refs/replace/": "refs/replace/ would make git show other objects than the stored ones",
    "refs/remotes/": "refs/remotes/ would show a branch at another commit than its own",
}
"""Refs that nobody can push, since git and gate would trust them in this repository or in a mirror of it."""

RESULTS = "refs/gate/results/"


def receive(start: Path, pushes: Sequence[RefUpdate]) -> Received:
    """Check every ref of a push. Raises a GateError if that isn't possible; then nothing is accepted."""
    repository = Repository.find(start)
    real = _by_real_names(repository, pushes)
    own = tips(repository).own
    refusals = [refusal for push in real if (refusal := _refuse_reserved(repository, push, own)) is not None]
    if refusals := [*refusals, *_refuse_results(repository, real)]:
        return Received(tuple(refusals))
    branches = [push for push in real if push.branch]
    has_log = any(push.ref == LOG for push in real)
    if not branches and not has_log:
        return Received(())
    protected = ProtectedBranches.known(repository)
    log = _log_after(repository, real, protected, own)
    if has_log and (refused := _refuse_unadmitted(repository, log, own)):
        return Received((refused,))
    receiving = _ReceivingRepository(repository, start, log, protected)
    refusals = [refusal for push in branches if (refusal := receiving.refuse_alias(push)) is not None]
    if refusals:
        return Received(tuple(refusals))
    answers = [receiving.evaluate(push) for push in branches if receiving.protects(push)]
    notes = [note for answer in answers for note in answer.notes]
    return Received(tuple(refused for answer in answers for refused in answer.refusals), tuple(notes))


def _by_real_names(repository: Repository, pushes: Sequence[RefUpdate]) -> list[RefUpdate]:
    """Return the pushes with symbolic refs replaced by the refs that they point to and that really move."""
    raw = repository.text("for-each-ref", "--format=%(refname) %(symref)")
    targets = dict(line.split(" ") for line in raw.splitlines())
    renamed = []
    for push in pushes:
        target = targets.get(push.ref, "")
        if push.ref not in targets and not push.ref.startswith("refs/tags/"):
            # git doesn't list a symbolic ref whose target doesn't exist yet.
            done = repository.attempt("symbolic-ref", "--quiet", push.ref)
            target = os.fsdecode(done.stdout).strip()
        renamed.append(replace(push, ref=target or push.ref))
    return renamed


def _refuse_reserved(repository: Repository, push: RefUpdate, own: str) -> Refusal | None:
    """Return the refusal of a push to a ref that gate reserves, or None. `own` is the tip of the existing log."""
    folded = fold(push.ref)
    for prefix, reason in FOREIGN_REFS.items():
        if folded.startswith(prefix) and push.new:
            return Refusal(push.ref, reason, help="keep these refs in your clone: a server doesn't need them")
    if not folded.startswith("refs/gate/"):
        return None
    if push.ref.startswith(RESULTS):
        return None
    if push.ref != LOG:
        return Refusal(
            push.ref,
            f"under refs/gate/, only the approval log ({LOG}) and results of CI ({RESULTS}) can be pushed",
            help=f"push only {LOG}",
        )
    if not push.new:
        return Refusal(
            LOG,
            "the approval log cannot be deleted",
            help="an administrator starts a smaller one, on the server: `gate log --compact`",
        )
    # Compare with the current log, not with the one that the pusher saw: a delayed push could bypass an objection.
    reason, fix = refusal(repository, own, push.new)
    return Refusal(LOG, reason, help=fix) if reason else None


def _refuse_results(repository: Repository, pushes: Sequence[RefUpdate]) -> list[Refusal]:
    """Return the refusals of shared results, above all of those that no bot of the default branch's policy signed."""
    results = [push for push in pushes if push.ref.startswith(RESULTS)]
    if not results:
        return []
    from gate.approvals.keys import bots
    from gate.shared_results import admission

    policy = ProtectedBranches.known(repository).policy
    trusted = {blob: holder.key for blob, holder in bots(policy, int(time.time())).items()}
    deleted = [push.ref for push in results if not push.new]
    answers = [
        (push.ref, *admission.refusal(repository, push.ref, push.new, policy.repository, trusted, deleted))
        for push in results
    ]
    return [Refusal(ref, reason, help=fix) for ref, reason, fix in answers if reason]


def _refuse_unadmitted(repository: Repository, log: ApprovalLog, own: str) -> Refusal | None:
    """Return the refusal of a log with records by people whom the policy doesn't list, or None."""
    if reason := unadmitted(repository, own, log):
        return Refusal(
            LOG,
            reason,
            help=f"`gate log` lists what is not admitted; {START_ANEW}",
        )
    return None


def _log_after(
    repository: Repository, pushes: Sequence[RefUpdate], protected: ProtectedBranches, own: str
) -> ApprovalLog:
    """Return the log as it will be after the push, with the people whom the protected branches will list.

    `own` is its tip before. Only objects of the repository are cached on disk: those of a push may soon be gone.
    """
    commits = _protected_tips(pushes, protected)
    pushed = next((push.new for push in pushes if push.ref == LOG), "")
    return log_at(repository, pushed or own, commits, lasting=own)


def _protected_tips(pushes: Sequence[RefUpdate], protected: ProtectedBranches) -> list[str]:
    """Return the tips of the protected branches after the push."""
    branches = [push for push in pushes if push.branch and push.new]
    return [push.new for push in branches if protected.protects(push.branch, push.old)]


@dataclass(frozen=True, slots=True)
class _ReceivingRepository:
    """The receiving repository before the push, with the log after it."""

    repository: Repository
    start: Path
    log: ApprovalLog
    branches: ProtectedBranches

    def protects(self, push: RefUpdate) -> bool:
        """Return whether the push is to a protected branch."""
        return self.branches.protects(push.branch, push.old)

    def refuse_alias(self, push: RefUpdate) -> Refusal | None:
        """Return the refusal of a new branch whose name a file system may confuse with a protected branch's."""
        if push.old or not push.new:
            return None
        names = self.repository.text("for-each-ref", "--format=%(refname)", BRANCHES).splitlines()
        names += [f"{BRANCHES}{name}" for name in (self.branches.default, *USUAL)]
        for name in names:
            if name != push.ref and fold(name) == fold(push.ref) and self.protects(replace(push, ref=name)):
                reason = (
                    f"some file systems confuse it with {name.removeprefix(BRANCHES)}, which is protected"
                )
                return Refusal(push.ref, reason, help="give it another name")
        return None

    def evaluate(self, push: RefUpdate) -> Received:
        """Check whether this protected branch can move."""
        reason, fix = self._refused_at_once(push)
        if reason:
            return Received((Refusal(push.ref, reason, help=fix),))
        if not push.old:
            return Received(())
        return check_moves(self.repository, self.start, push, self.log)

    def _refused_at_once(self, push: RefUpdate) -> tuple[str, str]:
        """Return why a move is forbidden regardless of approvals, and the fix; both are empty if it isn't."""
        branch = push.branch
        if not push.new:
            return f"{branch} is protected, and cannot be deleted", administrator_deletes(branch)
        commits = resolve(self.repository, [push.new, push.ref])
        if commits.get(push.new) != push.new:
            return f"{branch} can only point to a commit", "push a commit, not a tag or a file"
        if commits.get(push.ref, "") != push.old:
            # git would reject the push too, but only after everything in it was checked.
            return (
                f"{branch} has moved since this push began",
                "fetch it, merge again, and push (`gate merge` does)",
            )
        if stuck := self._invalid_rules(push):
            return stuck
        if not push.old:
            return why_not_created(self.branches, self.log, branch, push.new)
        mistakes = unreadable_rules(self.repository, push.new, push.ref)
        if mistakes:
            return (
                f"{branch} would have an invalid policy or CODEOWNERS file: {first_of(mistakes)}",
                "fix that first",
            )
        return "", ""

    def _invalid_rules(self, push: RefUpdate) -> tuple[str, str] | None:
        """Return the mistake in the current rules because of which nothing can merge, and the fix, or None."""
        default, branch = self.branches.default, push.ref.removeprefix(BRANCHES)
        invalid, mistakes = default, self.branches.mistake.mistakes if self.branches.mistake else ()
        if not mistakes and push.old:
            invalid, mistakes = branch, unreadable_rules(self.repository, push.old, push.ref)
        if not mistakes:
            return None
        fix = (
            f"push the fix to another branch; an administrator then runs, in the repository on the server, "
            f"`git update-ref refs/heads/{invalid} COMMIT`, and someone approves it: "
            f"`gate approve COMMIT --into {invalid}`"
        )
        return f"nothing can merge, because the rules on {invalid} are invalid: {mistakes[0]}", fix


def administrator_deletes(branch: str) -> str:
    """Return how to delete a protected branch, which no push can."""
    return f"an administrator can delete it, on the server: `git update-ref -d refs/heads/{branch}`"


def why_not_created(branches: ProtectedBranches, log: ApprovalLog, branch: str, new: str) -> tuple[str, str]:
    """Return why the protected `branch` can't start at the commit `new`, and the fix; both are empty if it can.

    The default branch, which comes first, can start anywhere, because there are no rules yet. Another branch starts at
    a commit to which a verified merge brought the default branch, and which has today's rules: older ones may list
    people who have left. A clone may lack the `log`; the server checks again.
    """
    repository, default = branches.repository, branches.default
    if not branches.tip:
        return "", ""
    if branch in branches.candidates:
        fix = f"on the server, `git symbolic-ref HEAD refs/heads/{default}` sets the default branch"
        return f"{branch} would become the default branch in place of {default}", fix
    been = repository.text("rev-list", "--first-parent", branches.tip).split()
    fix = f"start it at the tip of {default}"
    if new not in been:
        return f"a protected branch starts at a commit that {default} has been at", fix
    if not is_start(repository, log, branches.tip, new):
        return (
            f"{new[:12]} is not the result of a verified merge into {default}: nobody approved it on its own",
            fix,
        )
    if _rule_files(repository, new) != _rule_files(repository, branches.tip):
        return f"{default} has different rules (policy or code owners) now", fix
    return "", ""


def _rule_files(repository: Repository, commit: str) -> frozenset[tuple[str, str, str]]:
    return frozenset((entry.path, entry.mode, entry.oid) for entry in list_tree(repository, commit, WATCHED))
