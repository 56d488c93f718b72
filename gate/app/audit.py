"""Prove, offline, that each step of a protected branch went through the gate, or say which did not, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from gate.app.audit_moves import Move, Rules, chain_of, change_of, ends_of, read_moves
from gate.approvals.content import Contents, parse_contents
from gate.approvals.count import Question, count
from gate.approvals.entries import Entry
from gate.approvals.keys import holders
from gate.errors import CannotDecide, InvalidInput, UsageError
from gate.gather import blobs_of, environment_named, weakenings_of
from gate.git.change import default_branch
from gate.git.objects import read_objects
from gate.git.repository import Repository
from gate.git.steps import History, existing, read_history
from gate.log.carried import carry
from gate.log.history import read_list_blobs
from gate.log.index import Found, Index, open_index
from gate.log.paths import record_path
from gate.log.proofs import prove
from gate.log.store import settle
from gate.log.sync import fetch, remote_of
from gate.log.vouched import Place, passed, read_documents, trusted
from gate.policy.keys import PublicKey
from gate.policy.people import members
from gate.policy.types import Policy, Protection
from gate.requirements import REQUIREMENTS, checks, enforcement, mergeable, waiver
from gate.requirements.approvals import approvers
from gate.requirements.facts import Facts

NOT_EVALUATED = frozenset({mergeable.ID, checks.ID})
"""What the verdict that was recorded with the step answers for; the other requirements are worked out anew."""
AT_ONCE = 500
"""Moves whose files are read in one call of git."""
CLOSING = frozenset({"block", "revoke"})


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the branch, and whether it went through the gate. `title` is of the commit it moved to.

    `waived` is True where a guardian's waiver stands in for something that was missing.
    """

    commit: str
    title: str
    outcome: Literal["passed", "failed"]
    reason: str
    waived: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """The steps of `branch`, the latest first. `start` is the commit that they build on."""

    branch: str
    start: str
    steps: tuple[Step, ...]


def audit(start: Path, *, span: str = "", into: str | None = None, bring: bool = False) -> Audit:
    """Audit the branch, or the `span` of it (`A..B` or `B`); raises CannotDecide where nothing can be proven."""
    repository = Repository.find(start)
    if into and environment_named(repository, into) is not None:
        raise UsageError(
            f"{into} is an environment: nothing but signed records says what was there, and no other counts",
            f"`gate check --into {into} --head REV` says by them what REV went through; `gate audit` proves the branch",
        )
    branch = (into or default_branch(repository)).removeprefix("refs/heads/")
    if bring and (remote := remote_of(repository)):
        fetch(repository, remote, branch)
    bottom, top = ends_of(repository, branch, span)
    history = read_history(repository, "", top)
    chain = chain_of(repository, history, bottom, branch)
    tip = settle(repository)
    index = open_index(repository, tip) if tip else Index("")
    records = index.all()
    moves = read_moves(repository, history, chain, records)
    if not tip and any(move.trailers.log for move in moves):
        raise CannotDecide(
            "the log of approvals is not in this clone, and the branch refers to it", "`gate audit --fetch`"
        )
    auditor = _Auditor(repository, f"refs/heads/{branch}", index, records, moves)
    steps = list(auditor.steps(moves))
    steps += auditor.rewritten(history, top)
    return Audit(branch, chain[0], tuple(reversed(steps)))


def prove_moves(
    repository: Repository, ref: str, index: Index, records: Sequence[Found], moves: Sequence[Move]
) -> list[Step]:
    """What an audit with this log (and all the `records` of it) would say of these moves of `ref`, in order."""
    return list(_Auditor(repository, ref, index, records, moves).steps(moves))


class _Auditor:
    """Judges the moves with what the log holds about all of them, read at once."""

    def __init__(
        self,
        repository: Repository,
        ref: str,
        index: Index,
        records: Sequence[Found],
        moves: Sequence[Move],
    ) -> None:
        self._repository, self._ref = repository, ref
        tip = index.tip
        self._rules = Rules(repository)
        if moves:
            self._rules.start(moves[0].old.oid)
        self._by_change: dict[str, list[Found]] = {}
        self._by_head: dict[str, list[Found]] = {}
        for found in records:
            self._by_change.setdefault(found.record.change, []).append(found)
            if found.record.kind != "verdict":
                self._by_head.setdefault(found.record.head, []).append(found)
        self._records = records
        self._log = frozenset(repository.text("rev-list", tip).split()) if tip else frozenset()
        bearing = {move.new.oid: self._bearing(move) for move in moves}
        self._seen = self._witnessed(moves, bearing)
        self._proven: dict[str, Entry] = {}
        self._keys: dict[str, PublicKey] = {}
        self._wanted = {found.id: found for several in bearing.values() for found in several}
        self._documents = self._read_documents(tip, moves, bearing)
        self._lists = self._read_lists(index, moves, bearing)

    def steps(self, moves: Sequence[Move]) -> Iterator[Step]:
        """Judge the moves, which must come in order: each brings the rules of the one after it."""
        for start in range(0, len(moves), AT_ONCE):
            some = [
                (move, self._rules.settings(), self._facts(move)) for move in moves[start : start + AT_ONCE]
            ]
            to_read = {
                oid
                for _, settings, facts in some
                if isinstance(facts, Facts) and _unguarded(facts)
                for oid in blobs_of(facts.change) | set(settings.values())
            }
            contents = read_objects(self._repository, sorted(to_read))
            for move, settings, facts in some:
                if isinstance(facts, Facts) and _unguarded(facts):
                    found = weakenings_of(facts.change, contents, facts.policy, settings)
                    facts = replace(facts, weakenings=found)
                reason, passed = self._judge(move, facts) if isinstance(facts, Facts) else (facts, False)
                waived = isinstance(facts, Facts) and bool(waiver.waivers(facts))
                yield Step(move.new.oid, move.new.title, "passed" if passed else "failed", reason, waived)

    def rewritten(self, history: History, top: str) -> list[Step]:
        """A step that failed, if the log knows of merges into this branch, and none of them is in its history.

        Then the branch was put upon another root, which would otherwise pass for where the policy began.
        Whose signatures these are is not asked: who replaced the branch has replaced its policy, too.
        """
        bases = {
            found.record.base
            for found in self._records
            if found.record.kind == "verdict" and found.record.into == self._ref
        }
        if not bases or bases & history.commits.keys():
            return []
        reason = "history was replaced: the log knows of merges into this branch, and none of them is in it"
        return [Step(top, history.commits[top].title, "failed", reason)]

    def _judge(self, move: Move, facts: Facts) -> tuple[str, bool]:
        """Why the move passed or failed, and which of the two."""
        if not move.files and not move.brought - {move.new.oid}:
            return "nothing changed", True
        outcomes = [evaluate(facts) for name, evaluate in REQUIREMENTS.items() if name not in NOT_EVALUATED]
        waived = enforcement.mark(waiver.waive(tuple(outcomes), facts), facts)
        failed = [f"{outcome.id}: {outcome.reason}" for outcome in waived if outcome.blocks]
        vouched, told = self._vouched(move, facts.policy, facts.protection)
        notes = waiver.notes(facts)
        if not vouched and not notes:
            failed.append(f"checks: {told}")
        if failed:
            return "; ".join(failed), False
        people = sorted({approval.by for approval in facts.approvals if approval.counted})
        approved = f"approved by {', '.join(people)}" if people else "needed no approval"
        tried = [
            f"not enforced: {outcome.id}: {outcome.reason}"
            for outcome in waived
            if not outcome.enforced and outcome.state in {"unmet", "undecided"}
        ]
        return "; ".join([*notes, approved, *([told] if vouched else []), *tried]), True

    def _facts(self, move: Move) -> Facts | str:
        """The facts about the next move, or why there are none: then it has failed."""
        try:
            return self._gathered(move)
        except InvalidInput as error:
            return f"its base had no valid rules: {error.mistakes[0]}"
        finally:
            self._rules.follow(move.files)

    def _gathered(self, move: Move) -> Facts | str:
        if move.trailers.log and move.trailers.log not in self._log:
            return f"the log lacks the commit {move.trailers.log[:12]} that it refers to"
        policy = self._rules.policy()
        protection = policy.protection(self._ref.removeprefix("refs/heads/"))
        change = change_of(self._repository, move, self._ref, policy)
        file, ownership = self._rules.ownership(policy, [entry.path for entry in move.files])
        records = [found for found in self._bearing(move) if self._was_there(move, found)]
        earlier = frozenset(found.id for found in records if found.record.change != move.digest)
        question = Question(change, policy, protection, move.now, earlier, earlier, self._lists)
        question = carry(self._repository, question, [(found.id, found.record) for found in records])
        counted = count(self._prove(records, policy), question)
        return Facts(change, policy, protection, file, ownership, counted.approvals)

    def _bearing(self, move: Move) -> list[Found]:
        """The records about what the move changed, and those about an earlier form of it."""
        found = {one.id: one for one in self._by_change.get(move.digest, ())}
        for oid in move.brought & self._by_head.keys():
            found |= {one.id: one for one in self._by_head[oid]}
        return list(found.values())

    def _witnessed(
        self, moves: Sequence[Move], bearing: Mapping[str, Sequence[Found]]
    ) -> set[tuple[str, str]]:
        """Which records were in the log that a move refers to, as pairs of its commit and the record's id."""
        asked = [
            (move, found)
            for move in moves
            if move.trailers.log in self._log
            for found in bearing[move.new.oid]
        ]
        answers = existing(
            self._repository, (f"{move.trailers.log}:{record_path(found.id)}" for move, found in asked)
        )
        return {(move.new.oid, found.id) for (move, found), blob in zip(asked, answers, strict=True) if blob}

    def _was_there(self, move: Move, found: Found) -> bool:
        """Was the record made before the move? What was objected or revoked afterwards undoes no merge."""
        if (move.new.oid, found.id) in self._seen:
            return True
        if found.record.kind in CLOSING:
            return found.record.at <= move.now
        return not move.trailers.log

    def _prove(self, records: Iterable[Found], policy: Policy) -> list[Entry]:
        keys = {blob: holder.key for blob, holder in holders(policy).items()}
        if keys.keys() - self._keys.keys():
            # A key that no earlier policy listed: everything that is wanted is looked at once more, at once.
            self._keys |= keys
            entries = prove(self._repository, list(self._wanted.values()), self._keys)
            self._proven = {entry.id: entry for entry in entries}
        records = list(records)
        missing = [found for found in records if found.id not in self._proven]
        self._proven |= {entry.id: entry for entry in prove(self._repository, missing, self._keys)}
        return [self._proven[found.id] for found in records]

    def _read_documents(
        self, tip: str, moves: Sequence[Move], bearing: Mapping[str, Sequence[Found]]
    ) -> dict[str, dict[str, Any]]:
        """The verdicts that the moves and the records name."""
        names = {move.trailers.verdict for move in moves if len(move.trailers.verdict) == 64}
        names |= {
            found.record.of
            for several in bearing.values()
            for found in several
            if found.record.kind == "verdict"
        }
        return read_documents(self._repository, tip, names) if tip else {}

    def _read_lists(
        self, index: Index, moves: Sequence[Move], bearing: Mapping[str, Sequence[Found]]
    ) -> dict[str, Contents]:
        """What earlier forms of the changes consisted of: of an approval of one, some files may still count."""
        digests = {
            found.record.change
            for move in moves
            for found in bearing[move.new.oid]
            if found.record.change != move.digest
        }
        blobs = index.lists_of(digests)
        read = read_list_blobs(self._repository, blobs.values())
        return {digest: parse_contents(read[blob]) for digest, blob in blobs.items() if blob in read}

    def _vouched(self, move: Move, policy: Policy, protection: Protection) -> tuple[bool, str]:
        """Did somebody vouch that the checks passed on this very tree? And who, or what is missing.

        Where the policy names those whose verdict counts, no other does, signed or not.
        """
        required = policy.enforced_checks(protection)
        if not required:
            return True, "no checks were asked for"
        place = Place(policy.repository, self._ref, move.old.oid, move.digest)
        vouchers = [
            found
            for found in self._by_change.get(move.digest, ())
            if place.fits(found.record)
            and passed(self._documents.get(found.record.of), place, required) is not None
        ]
        for entry in trusted(self._prove(vouchers, policy), policy, protection, move.now):
            return True, f"checks passed, signed by {entry.record.by}"
        if protection.verdicts:
            return False, f"no verdict of {' or '.join(protection.verdicts)} about them is recorded"
        if passed(self._documents.get(move.trailers.verdict), place, required) is not None:
            return True, "checks passed, by an unsigned verdict"
        return False, "no verdict about them is recorded"


def _unguarded(facts: Facts) -> bool:
    """Does it matter whether the move weakened the gate? Not where guardians approved all of it, or are none."""
    guarded = facts.protection.require.guarded
    guardians = members(facts.policy, guarded) - facts.author_names()
    return bool(guarded) and not all(people & guardians for people in approvers(facts).values())
