"""Check each step by which a push would move a protected branch, as `gate check` and `gate audit` do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import time

from gate.app.audit.audit import unproven
from gate.app.audit.moves import Move, change_of, read_moves, read_stretches
from gate.app.checking.evaluate import evaluate
from gate.app.checking.request import Answer, CheckRequest
from gate.app.checking.rules_at_base import read_rules
from gate.app.ref_updates import RefUpdate
from gate.git.branch_history import History, read_onward
from gate.git.collisions import collision
from gate.git.objects import resolve
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog
from gate.log.store import contains
from gate.model import CheckResult, Outcome
from gate.requirements import checks
from gate.rules import policy_at
from gate.wording import listed

AHEAD = 24 * 60 * 60
"""How far ahead a clock may be, in seconds."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a ref must not move: a sentence, its evidence, and a hint."""

    ref: str
    reason: str
    help: str
    outcomes: tuple[Outcome, ...] = ()
    checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Received:
    """The answer to a push, which is accepted if there are no refusals. `notes` are always shown."""

    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...] = ()


def check_moves(repository: Repository, start: Path, push: RefUpdate, log: ApprovalLog) -> Received:
    """Check whether a protected branch can move from `push.old` to `push.new`, given the `log` after the push.

    Each commit that the branch would be at is a step, unless several commits pass as a whole; every step must pass.
    Checks only run here for changes that meet every other requirement and that an audit could verify afterwards.
    """
    history = read_onward(repository, push.old, push.new)
    if history.chain[:1] != [push.old]:
        return Received((refuse_non_fast_forward(repository, push),))
    moves = read_moves(repository, history, history.chain, log, push.ref)
    stretches = read_stretches(repository, history, history.chain, moves, log, push.ref)
    evaluate_move = partial(_evaluate_move, repository, start, push, log)
    notes: list[str] = []
    waiting = []
    position = 0
    while position < len(moves):
        alternatives = [*stretches.get(position, ()), (position + 1, moves[position])]
        position, move, answer = _first_that_passes(alternatives, evaluate_move)
        if refused := _too_early(push, move):
            return Received((refused,), tuple(notes))
        notes += [note for note in answer.verdict.notes if note.startswith("WAIVED")]
        if _waits_for_checks(answer):
            waiting.append(move)
        elif refused := _refused_by(push, move, answer):
            return Received((refused,), tuple(notes))
    if refused := _refused_by_audit(repository, push, log, history):
        return Received((refused,), tuple(notes))
    for move in waiting:
        if refused := _refused_by(push, move, evaluate_move(move, run=True)):
            return Received((refused,), tuple(notes))
    return Received((), tuple(notes))


def _first_that_passes(
    alternatives: Sequence[tuple[int, Move]], evaluate_move: Callable[..., Answer]
) -> tuple[int, Move, Answer]:
    """Return the first move, with its end, that passes or lacks only checks, or else the first one, with its answer."""
    tried = []
    for end, move in alternatives:
        answer = evaluate_move(move, run=False)
        if answer.verdict.decision == "pass" or _waits_for_checks(answer):
            return end, move, answer
        tried.append((end, move, answer))
    return tried[0]


def refuse_non_fast_forward(repository: Repository, push: RefUpdate) -> Refusal:
    """Return the refusal of a move that isn't a fast-forward along the first parents."""
    branch = push.branch
    if contains(repository, push.new, push.old):
        return Refusal(
            push.ref,
            f"this would make another branch the first parent of {branch}",
            help=f"merge the other way round: `gate merge REV --into {branch} --push`",
        )
    return Refusal(
        push.ref,
        f"{branch} is protected, and this push would remove commits (not a fast-forward)",
        help="`git fetch`, and rebase onto it",
    )


def _too_early(push: RefUpdate, move: Move) -> Refusal | None:
    """Return the refusal of a commit with a future date, or None.

    An audit would date all later commits by it, and check the validity of keys at that date.
    """
    if move.new.time <= time() + AHEAD:
        return None
    return Refusal(
        push.ref,
        f"{move.new.oid[:12]} ({move.new.title}) has a date in the future",
        help="recreate the commit on a machine with a correct clock",
    )


def _evaluate_move(
    repository: Repository, start: Path, push: RefUpdate, log: ApprovalLog, move: Move, *, run: bool
) -> Answer:
    """Return the answer of `gate check` about one step, as of now. Without `run`, no check is started."""
    policy = policy_at(repository, move.old.oid)
    change = change_of(repository, move, push.ref, policy)
    clash = collision(repository, change.tree, change.files)
    if clash:
        change = replace(change, merge_blocker=clash[0], conflicts=clash[1])
    if move.head not in resolve(repository, [move.head]):
        change = replace(change, head=move.new.oid)
    request = CheckRequest(start, trust_only=not run)
    return evaluate(repository, change, read_rules(repository, change, policy), request, log=log)


def _refused_by_audit(
    repository: Repository, push: RefUpdate, log: ApprovalLog, history: History
) -> Refusal | None:
    """Return the refusal of a step that an audit would fail, or None."""
    failed = unproven(repository, push.ref, log, history)
    if failed is None:
        return None
    return Refusal(
        push.ref,
        f"{failed.commit[:12]} ({failed.title}) can't merge, because `gate audit` would fail: {failed.reason}",
        help=f"`gate merge REV --into {push.branch} --push` records what was checked",
    )


def _unmet(answer: Answer) -> tuple[Outcome, ...]:
    return tuple(outcome for outcome in answer.verdict.outcomes if outcome.state in {"unmet", "undecided"})


def _waits_for_checks(answer: Answer) -> bool:
    """Return whether only checks are missing, and this server has to run them itself."""
    return (
        not answer.verdict.checks
        and not answer.trusted
        and {outcome.id for outcome in _unmet(answer)} == {checks.ID}
    )


def _refused_by(push: RefUpdate, move: Move, answer: Answer) -> Refusal | None:
    """Return the refusal of a step by its verdict, or None if that is a pass."""
    if answer.verdict.decision == "pass":
        return None
    branch = push.branch
    ran = bool(answer.verdict.checks)
    lacking = []
    for outcome in _unmet(answer):
        if outcome.id != checks.ID or ran:
            lacking.append(outcome)
        elif answer.trusted:
            reason = f"no verdict by {listed(answer.trusted, 'or')} is recorded yet"
            lacking.append(replace(outcome, reason=reason))
    verb = "can't merge into" if answer.verdict.decision == "blocked" else "could not be checked for"
    return Refusal(
        push.ref,
        f"{move.new.oid[:12]} ({move.new.title}) {verb} {branch}",
        f"`gate check --into {branch}` lists everything. For review, push to another branch; then run "
        f"`gate merge BRANCH --into {branch} --push`",
        tuple(lacking),
        answer.verdict.checks,
    )
