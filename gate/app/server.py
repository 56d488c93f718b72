"""What a receiving repository lets in: the whole push, or nothing of it.

A protected branch moves only in steps that `gate check` would let pass now, and that `gate audit` will prove
afterwards: both are asked. The log only grows. What git itself guarantees is left to git: each ref is moved only
if it is still where the pusher saw it, so whoever is second in a race is turned away and asked anew.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gate.app.audit_moves import WATCHED
from gate.app.server_moves import Push, Received, Refusal, judge_moves
from gate.errors import InvalidInput, UsageError
from gate.gather import policy_at, unreadable_rules
from gate.git.change import fold
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.log.admission import refusal
from gate.log.index import Index, open_index
from gate.log.store import LOG, tips
from gate.model import BRANCHES
from gate.policy.types import Policy

USUAL = ("main", "master")
"""The branches that are protected, besides the default one, where no policy names any."""


def parse_pushes(lines: Iterable[str]) -> tuple[Push, ...]:
    """Every line of pre-receive's standard input; raises UsageError for one that is none."""
    pushes = []
    for line in lines:
        words = line.split(" ")
        if line and len(words) != 3:
            raise UsageError(f"pre-receive was told {line!r}; expected two object ids and a ref")
        if line:
            old, new = (oid if oid.strip("0") else "" for oid in words[:2])
            pushes.append(Push(words[2], old, new))
    return tuple(pushes)


def receive(start: Path, pushes: Sequence[Push]) -> Received:
    """Judge every ref of a push. Raises a GateError where that cannot be done: then nothing is accepted."""
    repository = Repository.find(start)
    real = _by_real_names(repository, pushes)
    refusals = [found for push in real if (found := _refuse_own(repository, push)) is not None]
    if refusals:
        return Received(tuple(refusals))
    branches = [push for push in real if push.ref.startswith(BRANCHES)]
    if not branches:
        return Received(())
    house = _House.of(repository, start, _log_after(repository, real))
    refusals = [found for push in branches if (found := house.refuse_alias(push)) is not None]
    if refusals:
        return Received(tuple(refusals))
    answers = [house.judge(push) for push in branches if house.protects(push)]
    notes = [note for answer in answers for note in answer.notes]
    return Received(tuple(refused for answer in answers for refused in answer.refusals), tuple(notes))


def _by_real_names(repository: Repository, pushes: Sequence[Push]) -> list[Push]:
    """The pushes by the refs that they move: others than they say, where a name here is only a symbolic link."""
    raw = repository.text("for-each-ref", "--format=%(refname) %(symref)")
    targets = dict(line.split(" ") for line in raw.splitlines())
    found = []
    for push in pushes:
        target = targets.get(push.ref, "")
        if push.ref not in targets and not push.ref.startswith("refs/tags/"):
            # git does not list a link that leads to what is not there yet.
            done = repository.attempt("symbolic-ref", "--quiet", push.ref)
            target = os.fsdecode(done.stdout).strip()
        found.append(replace(push, ref=target or push.ref))
    return found


def _refuse_own(repository: Repository, push: Push) -> Refusal | None:
    """Why a ref of gate's own may not move so; None if it may, or is none."""
    folded = fold(push.ref)
    if folded.startswith("refs/replace/") and push.new:
        way_out = "keep such refs in clones: gate heeds none, but git would here, whatever else is pushed"
        return Refusal(push.ref, "refs/replace/ would show other objects than there are", help=way_out)
    if not folded.startswith("refs/gate/"):
        return None
    if push.ref != LOG:
        return Refusal(push.ref, f"of refs/gate/ only {LOG} is shared", help=f"push {LOG} alone")
    if not push.new:
        return Refusal(LOG, "the log of approvals cannot be deleted")
    # Not what the pusher saw: who waits with a push could else outrun an objection.
    if wrong := refusal(repository, tips(repository).own, push.new):
        return Refusal(LOG, wrong, help="`gate approvals --fetch` unites both logs; then push again")
    return None


def _log_after(repository: Repository, pushes: Sequence[Push]) -> Index:
    """The log as it will be. Only what is there already is kept on disk: the rest may be gone in a moment."""
    there = tips(repository).own
    index = open_index(repository, there) if there else Index("")
    pushed = next((push.new for push in pushes if push.ref == LOG), "")
    return open_index(repository, pushed, keep=False) if pushed else index


@dataclass(frozen=True, slots=True)
class _House:
    """The receiving repository as it is before the push, with the log as it will be.

    `default` is the short name of the default branch, `tip` where it is ("" where it does not exist), and
    `policy` what holds there. `heirs` do not exist, and would be the default branch in its stead if they did.
    """

    repository: Repository
    start: Path
    log: Index
    default: str
    tip: str
    policy: Policy
    heirs: frozenset[str]

    @classmethod
    def of(cls, repository: Repository, start: Path, log: Index) -> _House:
        head = os.fsdecode(repository.attempt("symbolic-ref", "--quiet", "HEAD").stdout).strip()
        names = [*filter(None, [head]), *(f"refs/heads/{name}" for name in USUAL)]
        found = resolve(repository, names)
        ref = next((name for name in names if name in found), names[0])
        tip = found.get(ref, "")
        policy = policy_at(repository, tip) if tip else Policy()
        heirs = names[: names.index(ref)] if tip else []
        short = [name.removeprefix("refs/heads/") for name in (ref, *heirs)]
        return cls(repository, start, log, short[0], tip, policy, frozenset(short[1:]))

    def protects(self, push: Push) -> bool:
        """Is it a protected branch? By the default branch's policy, or by what holds on the branch itself."""
        branch = push.ref.removeprefix(BRANCHES)
        named = branch in {self.default, *USUAL}
        if self.policy.protects(branch) or (named and not self.policy.branches) or branch in self.heirs:
            return True
        try:
            own = policy_at(self.repository, push.old) if push.old else Policy()
        except InvalidInput:
            # Half-written rules on somebody's own branch protect nothing.
            return False
        return own.protects(branch)

    def refuse_alias(self, push: Push) -> Refusal | None:
        """Why a branch may not be made by this name: a file system may take it for one that is protected."""
        if push.old or not push.new:
            return None
        names = self.repository.text("for-each-ref", "--format=%(refname)", BRANCHES).splitlines()
        names += [f"{BRANCHES}{name}" for name in (self.default, *USUAL)]
        for name in names:
            if name != push.ref and fold(name) == fold(push.ref) and self.protects(replace(push, ref=name)):
                reason = (
                    f"some file systems cannot tell it from {name.removeprefix(BRANCHES)}, which is protected"
                )
                return Refusal(push.ref, reason, help="give it another name")
        return None

    def judge(self, push: Push) -> Received:
        """May this protected branch move so?"""
        reason, way_out = self._refused_at_once(push)
        if reason:
            return Received((Refusal(push.ref, reason, help=way_out),))
        if not push.old:
            return Received(())
        return judge_moves(self.repository, self.start, push, self.log)

    def _refused_at_once(self, push: Push) -> tuple[str, str]:
        """What forbids a move whatever has been approved: the sentence and the way out."""
        branch = push.ref.removeprefix(BRANCHES)
        if not push.new:
            return f"{branch} is protected, and cannot be deleted", ""
        if resolve(self.repository, [push.new]).get(push.new) != push.new:
            return f"{branch} can only be at a commit", ""
        if not push.old:
            return self._refused_birth(branch, push.new)
        mistakes = unreadable_rules(self.repository, push.new, push.ref)
        if mistakes:
            return f"{branch} would have rules that nobody can read: {mistakes[0]}", "mend that first"
        return "", ""

    def _refused_birth(self, branch: str, new: str) -> tuple[str, str]:
        """Why a protected branch cannot begin at this commit.

        The default branch, the first of all, can begin anywhere: there are no rules yet.
        """
        if not self.tip:
            return "", ""
        if branch in self.heirs:
            way_out = f"on the server, `git symbolic-ref HEAD refs/heads/{self.default}` settles which it is"
            return f"{branch} would become the default branch in place of {self.default}", way_out
        return refused_birth(self.repository, self.default, self.tip, new)


def refused_birth(repository: Repository, default: str, tip: str, new: str) -> tuple[str, str]:
    """Why a protected branch beside the `default` one, which is at `tip`, cannot begin at the commit `new`.

    It begins at a commit that the default branch has been at, with the rules of today: older ones may know
    people who have left. The sentence and the way out; both empty where it can.
    """
    been = repository.text("rev-list", "--first-parent", tip).split()
    way_out = f"begin it at the tip of {default}"
    if new not in been:
        return f"a protected branch begins at a commit that {default} has been at", way_out
    if _rules(repository, new) != _rules(repository, tip):
        return f"{default} has other rules (policy or code owners) by now", way_out
    return "", ""


def _rules(repository: Repository, commit: str) -> frozenset[tuple[str, str, str]]:
    return frozenset((entry.path, entry.mode, entry.oid) for entry in list_tree(repository, commit, WATCHED))
