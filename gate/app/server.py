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

from gate.app.audit import prove_moves
from gate.app.audit_moves import WATCHED, Move, change_of, read_moves
from gate.app.check import Answer, CheckRequest, judge
from gate.errors import InvalidInput, UsageError
from gate.gather import codeowners_at, policy_at
from gate.git.change import collision
from gate.git.objects import list_tree, resolve
from gate.git.repository import Repository
from gate.git.steps import read_onward
from gate.log.admission import refusal
from gate.log.index import Found, Index, open_index
from gate.log.store import LOG, contains, tips
from gate.model import CheckResult, Outcome
from gate.policy.types import Policy
from gate.reports.words import listed
from gate.requirements import checks

USUAL = ("main", "master")
"""The branches that are protected, besides the default one, where no policy names any."""


@dataclass(frozen=True, slots=True)
class Push:
    """One line that git gives to pre-receive: a ref, and the objects it is to go from and to ("" for none)."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a ref may not move: a sentence, what it rests on, and the way out."""

    ref: str
    reason: str
    outcomes: tuple[Outcome, ...] = ()
    help: str = ""
    checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to a push: it is accepted if nothing is refused. `notes` are to be told either way."""

    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()


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
    branches = [push for push in real if push.ref.startswith("refs/heads/")]
    if not branches:
        return Received(())
    house = _House.of(repository, start, _log_after(repository, real))
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
    if not push.ref.startswith("refs/gate/"):
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
        branch = push.ref.removeprefix("refs/heads/")
        named = branch in {self.default, *USUAL}
        if self.policy.protects(branch) or (named and not self.policy.protect) or branch in self.heirs:
            return True
        try:
            own = policy_at(self.repository, push.old) if push.old else Policy()
        except InvalidInput:
            # Half-written rules on somebody's own branch protect nothing.
            return False
        return own.protects(branch)

    def judge(self, push: Push) -> Received:
        """May this protected branch move so?"""
        reason, way_out = self._refused_at_once(push)
        if reason:
            return Received((Refusal(push.ref, reason, help=way_out),))
        if not push.old:
            return Received(())
        history = read_onward(self.repository, push.old, push.new)
        if history.chain[:1] != [push.old]:
            return Received((self._astray(push),))
        records = self.log.all()
        moves = read_moves(self.repository, history, history.chain, records)
        # What nobody has approved is not run here, nor what could not be proven afterwards.
        notes: list[str] = []
        waiting = []
        for move in moves:
            answer = self._answer(push, move, run=False)
            notes += [note for note in answer.verdict.notes if note.startswith("WAIVED")]
            if _waits_for_checks(answer):
                waiting.append(move)
            elif refused := _refused_by(push, move, answer):
                return Received((refused,), tuple(notes))
        if refused := self._unproven(push, moves, records):
            return Received((refused,), tuple(notes))
        for move in waiting:
            if refused := _refused_by(push, move, self._answer(push, move, run=True)):
                return Received((refused,), tuple(notes))
        return Received((), tuple(notes))

    def _refused_at_once(self, push: Push) -> tuple[str, str]:
        """What forbids a move whatever has been approved: the sentence and the way out."""
        branch = push.ref.removeprefix("refs/heads/")
        if not push.new:
            return f"{branch} is protected, and cannot be deleted", ""
        if resolve(self.repository, [push.new]).get(push.new) != push.new:
            return f"{branch} can only be at a commit", ""
        if not push.old:
            return self._refused_birth(branch, push.new)
        try:
            policy = policy_at(self.repository, push.new)
            owners = codeowners_at(self.repository, push.new, policy)
            mistakes = owners.mistakes if owners else ()
        except InvalidInput as error:
            mistakes = error.mistakes
        if mistakes:
            return f"{branch} would have rules that nobody can read: {mistakes[0]}", "mend that first"
        return "", ""

    def _refused_birth(self, branch: str, new: str) -> tuple[str, str]:
        """Why a protected branch cannot begin at this commit.

        The default branch, the first of all, can begin anywhere: there are no rules yet. Any other begins at a
        commit that this one has been at, with the rules of today: older ones may know people who have left.
        """
        if not self.tip:
            return "", ""
        if branch in self.heirs:
            way_out = f"on the server, `git symbolic-ref HEAD refs/heads/{self.default}` settles which it is"
            return f"{branch} would become the default branch in place of {self.default}", way_out
        been = self.repository.text("rev-list", "--first-parent", self.tip).split()
        way_out = f"begin it at the tip of {self.default}"
        if new not in been:
            return f"a protected branch begins at a commit that {self.default} has been at", way_out
        if _rules(self.repository, new) != _rules(self.repository, self.tip):
            return f"{self.default} has other rules (policy or code owners) by now", way_out
        return "", ""

    def _astray(self, push: Push) -> Refusal:
        """The refusal of a move that does not lead on from where the branch is."""
        branch = push.ref.removeprefix("refs/heads/")
        if contains(self.repository, push.new, push.old):
            return Refusal(
                push.ref,
                f"the history of {branch} would go on from another branch, and its own be merged into that",
                help=f"merge the other way round: `gate merge REV --into {branch} --push`",
            )
        return Refusal(
            push.ref,
            f"{branch} is protected, and commits of it would be lost (no fast-forward)",
            help="`git fetch`, and build on what is there",
        )

    def _answer(self, push: Push, move: Move, *, run: bool) -> Answer:
        """What `gate check` says of one step, now and here; without `run` no check is started."""
        policy = policy_at(self.repository, move.old.oid)
        change = change_of(self.repository, move, push.ref, policy)
        clash = collision(self.repository, change.tree, change.files)
        if clash:
            change = replace(change, obstacle=clash[0], conflicts=clash[1])
        if move.head not in resolve(self.repository, [move.head]):
            change = replace(change, head=move.new.oid)
        request = CheckRequest(self.start, trust_only=not run)
        return judge(self.repository, change, policy, request, log=self.log)

    def _unproven(self, push: Push, moves: Sequence[Move], records: Sequence[Found]) -> Refusal | None:
        """The refusal of what an audit could not prove afterwards; it looks at steps since there is a policy."""
        start = next(
            (n for n, move in enumerate(moves) if policy_at(self.repository, move.old.oid).file), None
        )
        if start is None:
            return None
        steps = prove_moves(self.repository, push.ref, self.log, records, moves[start:])
        failed = next((step for step in steps if step.outcome == "failed"), None)
        if failed is None:
            return None
        return Refusal(
            push.ref,
            f"{failed.commit[:12]} ({failed.title}) may not enter, for an audit would find: {failed.reason}",
            help=f"`gate merge REV --into {push.ref.removeprefix('refs/heads/')} --push` records what was checked",
        )


def _open(answer: Answer) -> tuple[Outcome, ...]:
    return tuple(one for one in answer.verdict.outcomes if one.state in {"unmet", "undecided"})


def _waits_for_checks(answer: Answer) -> bool:
    """Is there nothing in the way but checks that this server has to run itself?"""
    return (
        not answer.verdict.checks and not answer.trusted and {one.id for one in _open(answer)} == {checks.ID}
    )


def _refused_by(push: Push, move: Move, answer: Answer) -> Refusal | None:
    """The refusal of a step by its verdict; None where that is a pass."""
    if answer.verdict.decision == "pass":
        return None
    branch = push.ref.removeprefix("refs/heads/")
    known = bool(answer.verdict.checks)
    lacking = []
    for outcome in _open(answer):
        if outcome.id != checks.ID or known:
            lacking.append(outcome)
        elif answer.trusted:
            reason = f"no verdict of {listed(answer.trusted, 'or')} about this is recorded yet"
            lacking.append(replace(outcome, reason=reason))
    verb = "may not enter" if answer.verdict.decision == "blocked" else "cannot be judged, and does not enter"
    return Refusal(
        push.ref,
        f"{move.new.oid[:12]} ({move.new.title}) {verb} {branch}",
        tuple(lacking),
        f"`gate check --into {branch}` shows it all; then `gate merge REV --into {branch} --push`",
        answer.verdict.checks,
    )


def _rules(repository: Repository, commit: str) -> frozenset[tuple[str, str, str]]:
    return frozenset((entry.path, entry.mode, entry.oid) for entry in list_tree(repository, commit, WATCHED))
