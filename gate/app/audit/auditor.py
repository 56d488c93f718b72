"""Verify the moves of a protected branch with the records in the approval log."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gate.app.audit.check_evidence import CheckEvidence
from gate.app.audit.larger_changes import still_about
from gate.app.audit.moves import Move, change_of, read_moves, read_stretches
from gate.app.audit.records import MoveRecords
from gate.app.audit.rules_along import RulesAlongBranch
from gate.app.audit.step import NOT_ENFORCED, Step
from gate.approvals.content import contents_of
from gate.approvals.count import CountContext, count
from gate.approvals.record import is_afterwards
from gate.approvals.spent import Timeline, files_of
from gate.errors import InvalidInput
from gate.gather.weakenings import blobs_of, weakenings_of
from gate.git.branch_history import History
from gate.git.objects import read_objects
from gate.git.repository import Repository
from gate.log.admitted import ApprovalLog, decisions_of
from gate.log.carried_over import carry
from gate.log.index import LoggedRecord
from gate.log.retired import mark_earlier
from gate.log.spent import SPENDABLE, spent_on
from gate.log.store import LOG
from gate.policy.people import members
from gate.requirements import REQUIREMENTS, checks, enforcement, mergeable, waiver
from gate.requirements.approvals import approvers
from gate.requirements.facts import Facts
from gate.wording import listed

NOT_EVALUATED = frozenset({mergeable.ID, checks.ID})
"""The requirements whose outcome is in the recorded verdict; the others are evaluated again."""
AT_ONCE = 500
"""The number of moves whose files are read in one call of git."""
MARK = 16
"""Characters remembered of a digest or commit ID. A collision can only cause more moves to be verified again."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A move, the number of the commit where it ends, and the facts that decide about it.

    If somebody objected after the move, `facts` are those at the time of the move, and `afterwards` today's.
    """

    end: int
    move: Move
    facts: Facts | str
    settings: Mapping[str, str]
    afterwards: Facts | str | None = None


class Auditor:
    """Verifies the moves along `chain`. Reads the log's records about all of them at once."""

    def __init__(
        self,
        repository: Repository,
        ref: str,
        log: ApprovalLog,
        history: History,
        chain: Sequence[str],
        now: int = 0,
    ) -> None:
        """Read the moves and the records about them. `now` is the latest time that an earlier move claims."""
        self._repository, self._ref, self._approvals = repository, ref, log
        self.moves = read_moves(repository, history, chain, log, ref, now)
        self.now = self.moves[-1].now if self.moves else now
        self._stretches = read_stretches(repository, history, chain, self.moves, log, ref)
        every = [*self.moves, *(move for entry in self._stretches.values() for _, move in entry)]
        self._numbers = {oid: number for number, oid in enumerate(chain)}
        self._rules = RulesAlongBranch(repository)
        if chain:
            self._rules.start(chain[0])
        self._records = MoveRecords(repository, ref, log, every)
        self._evidence = CheckEvidence(ref, self._records)

    def steps(self, first: int = 0) -> Iterator[Step]:
        """Verify the moves in order, starting with the one with the number `first`.

        Several commits that are verified as a whole are one step; otherwise, each commit is a step.
        """
        position = 0
        for candidates in self._alternatives():
            number = candidates[0].end - 1
            if number < max(position, first):
                continue
            *stretches, single = (self._step(candidate) for candidate in (*candidates[1:], candidates[0]))
            ends = [candidate.end for candidate in candidates[1:]]
            chosen = next(
                ((step, end) for step, end in zip(stretches, ends, strict=True) if step.outcome == "passed"),
                None,
            )
            step, position = chosen or (single, number + 1)
            yield step

    def concerns(self) -> frozenset[str]:
        """Return the prefixes of all changes and commits that a record about one of these moves could name."""
        every = [*self.moves, *(move for stretch in self._stretches.values() for _, move in stretch)]
        return frozenset(
            name[:MARK] for move in every for name in (move.digest, move.new.oid, move.old.oid, *move.brought)
        )

    def verifies(self, end: int) -> bool:
        """Return whether a verified move, of one commit or several, ends at the commit with this number."""
        ending = (
            candidate
            for candidates in self._alternatives()
            for candidate in candidates
            if candidate.end == end
        )
        return any(self._step(candidate).outcome == "passed" for candidate in ending)

    def _alternatives(self) -> Iterator[list[_Candidate]]:
        """Yield, for each move, the facts about it and about the longer moves that start with it, longest first."""
        for start in range(0, len(self.moves), AT_ONCE):
            alternatives = []
            for number, move in enumerate(self.moves[start : start + AT_ONCE], start):
                settings = self._rules.settings()
                candidates = [self._candidate(number, number + 1, move, settings)]
                for end, stretch in self._stretches.get(number, ()):
                    candidates.append(self._candidate(number, end, stretch, settings))
                self._rules.follow(move.new.oid, move.files)
                alternatives.append(candidates)
            yield from self._with_weakenings(alternatives)

    def _with_weakenings(self, alternatives: list[list[_Candidate]]) -> list[list[_Candidate]]:
        """Add the weakened checks to the facts about each move for which they matter."""
        wanted: set[str] = set()
        for item in (item for candidates in alternatives for item in candidates):
            for facts in (item.facts, item.afterwards):
                if isinstance(facts, Facts) and _unguarded(facts):
                    wanted |= blobs_of(facts.change) | set(item.settings.values())
        contents = read_objects(self._repository, sorted(wanted))

        def complete(facts: Facts | str | None, settings: Mapping[str, str]) -> Facts | str | None:
            if not isinstance(facts, Facts) or not _unguarded(facts):
                return facts
            return replace(facts, weakenings=weakenings_of(facts.change, contents, facts.policy, settings))

        return [
            [
                replace(
                    item,
                    facts=complete(item.facts, item.settings) or item.facts,
                    afterwards=complete(item.afterwards, item.settings),
                )
                for item in candidates
            ]
            for candidates in alternatives
        ]

    def _candidate(self, start: int, end: int, move: Move, settings: Mapping[str, str]) -> _Candidate:
        """Return the candidate from the commit `start` to the commit `end`, by number.

        If an objection itself says that it came after the move, it doesn't affect a move that passed without it.
        """
        if not self._records.late_objections(move):
            return _Candidate(end, move, self._facts(start, move), settings)
        then = self._facts(start, move, without=self._late(move))
        return _Candidate(end, move, then, settings, self._facts(start, move))

    def _step(self, candidate: _Candidate) -> Step:
        move, facts = candidate.move, candidate.facts
        reasons, passed = self._evaluate(move, facts) if isinstance(facts, Facts) else ((facts,), False)
        if not passed and candidate.afterwards is not None:
            return self._step(replace(candidate, facts=candidate.afterwards, afterwards=None))
        waived = isinstance(facts, Facts) and bool(waiver.waivers(facts))
        return Step(
            move.new.oid,
            move.new.title,
            "passed" if passed else "failed",
            reasons,
            waived,
            move.old.oid,
            move.digest,
            _approvers(facts) if isinstance(facts, Facts) else (),
            isinstance(facts, Facts) and passed and self._decided_afterwards(move, facts),
        )

    def _evaluate(self, move: Move, facts: Facts) -> tuple[tuple[str, ...], bool]:
        """Return why the move passed or failed, and whether it passed."""
        if not move.files and not move.brought - {move.new.oid}:
            return ("nothing changed",), True
        outcomes = [evaluate(facts) for name, evaluate in REQUIREMENTS.items() if name not in NOT_EVALUATED]
        waived = enforcement.mark(waiver.waive(tuple(outcomes), facts), facts)
        failed = [f"{outcome.id}: {outcome.reason}" for outcome in waived if outcome.blocks]
        checked, evidence = self._evidence.checked(move, facts.policy, facts.protection)
        notes = waiver.notes(facts)
        if not checked and not notes:
            failed.append(f"checks: {evidence[0]}")
        if failed:
            return tuple(failed), False
        approved = self._approved_by(move, facts)
        tried = [
            f"{NOT_ENFORCED}{outcome.id}: {outcome.reason}"
            for outcome in waived
            if not outcome.enforced and outcome.state in {"unmet", "undecided"}
        ]
        if unsettled := self._evidence.unenforced(move, facts.policy, facts.protection):
            tried.append(f"{NOT_ENFORCED}checks: no recorded verdict says that {listed(unsettled)} passed")
        return (*notes, approved, *(evidence if checked else ()), *tried), True

    def _approved_by(self, move: Move, facts: Facts) -> str:
        """Return the text that names the approvers, and says whether they approved before the merge."""
        late = self._late(move)
        counted = [entry for entry in facts.approvals if entry.counted and entry.kind == "approve"]
        early_names = sorted({approval.by for approval in counted if approval.id not in late})
        late_names = sorted({approval.by for approval in counted if approval.id in late} - set(early_names))
        words = [f"approved by {', '.join(early_names)}"] if early_names else []
        words += [f"approved afterward by {', '.join(late_names)}"] if late_names else []
        withdrawn = sorted({entry.record.by for entry in self._records.withdrawn_later(move)})
        words += [f"objection of {', '.join(withdrawn)} withdrawn afterward"] if withdrawn else []
        objectors = sorted({entry.record.by for entry in self._records.late_objections(move)})
        words += [f"{', '.join(objectors)} objected afterward"] if objectors else []
        return ", ".join(words) or "needed no approval"

    def _decided_afterwards(self, move: Move, facts: Facts) -> bool:
        """Return whether it was approved or objected to after the merge, or an objection was revoked after it."""
        late = self._late(move)
        approved = any(approval.counted and approval.id in late for approval in facts.approvals)
        return approved or bool(self._records.withdrawn_later(move) or self._records.late_objections(move))

    def _late(self, move: Move) -> set[str]:
        """Return the IDs of the records that say themselves that they were made after the move."""
        return {entry.id for entry in self._records.bearing(move) if is_afterwards(entry.record)}

    def _facts(self, start: int, move: Move, without: Collection[str] = ()) -> Facts | str:
        """Return the facts about a move from commit `start`, at which the rules must be, or why there are none.

        The records `without` don't count.
        """
        try:
            return self._gathered(start, move, without)
        except InvalidInput as error:
            return f"its base had no valid rules: {error.mistakes[0]}"

    def _gathered(self, start: int, move: Move, without: Collection[str]) -> Facts | str:
        if move.trailers.log and not self._approvals.state(move.trailers.log):
            return (
                f"the log lacks the commit {move.trailers.log[:12]} that it refers to: "
                f"{move.new.committer.name} has to push it (`git push origin {LOG}`)"
            )
        own_policy = self._rules.policy()
        policy = self._records.grants.policy(own_policy, move)
        protection = policy.protection(self._ref.removeprefix("refs/heads/"))
        change = change_of(self._repository, move, self._ref, policy)
        paths = [entry.path for entry in move.files]
        required = protection.require.owners is not None
        file, ownership = self._rules.ownership(policy, paths, required=required)
        bearing = [
            item
            for item in self._records.bearing(move)
            if item.id not in without and self._records.grants.counts(own_policy, item)
        ]
        records = self._records.for_move(move, bearing)
        own = self._records.own(move)
        certain = frozenset(
            item.id for item in records if item.id in own and item.record.change != move.digest
        )
        spent = self._spent(start, move, records)
        question = CountContext(
            change, policy, protection, move.now, certain, certain, self._records.lists, spent=spent
        )
        question = carry(self._repository, question, [(item.id, item.record) for item in records])
        records = still_about(records, own, question.earlier)
        earlier = frozenset(item.id for item in records if item.record.change != move.digest)
        question = replace(question, earlier=question.earlier | earlier)
        decisions = mark_earlier(self._approvals, move.old.oid, decisions_of(records, policy))
        counted = count(decisions, question)
        return Facts(change, policy, protection, file, ownership, counted.approvals)

    def _spent(self, start: int, move: Move, records: Sequence[LoggedRecord]) -> dict[str, str]:
        """Return, by ID, the records that were already used before the move, each with the commit that used it."""
        contents = contents_of(move.files)
        elsewhere = []
        spent_files = {}
        for item in records:
            record = item.record
            if record.kind not in SPENDABLE or record.base == move.old.oid:
                continue
            position = self._numbers.get(record.base)
            if position is None:
                elsewhere.append(item)
                continue
            files = files_of(self._records.lists, record.change, contents)
            number = self._brought_at.get(record.head, start + 1)
            number = (
                number
                if number <= start
                else self._timeline.first_with(files, position, start)
                if files
                else 0
            )
            if number:
                spent_files[item.id] = self.moves[number - 1].new.oid
        return spent_files | spent_on(
            self._repository, move.old.oid, elsewhere, contents, self._records.lists
        )

    @cached_property
    def _timeline(self) -> Timeline:
        return Timeline(move.files for move in self.moves)

    @cached_property
    def _brought_at(self) -> dict[str, int]:
        """For each commit, the number of the move that brought it into the branch."""
        return {oid: number for number, move in enumerate(self.moves, 1) for oid in move.brought}


def _approvers(facts: Facts) -> tuple[str, ...]:
    counted = (approval for approval in facts.approvals if approval.counted and approval.kind == "approve")
    return tuple(sorted({approval.by for approval in counted}))


def _unguarded(facts: Facts) -> bool:
    """Return whether weakened checks matter: not if guardians approved every file, or if none are required."""
    guarded = facts.protection.require.guarded
    guardians = members(facts.policy, guarded) - facts.author_names()
    return bool(guarded) and not all(people & guardians for people in approvers(facts).values())
