"""Simulate a policy before it takes effect: whose changes could be merged, and who would have to approve them.

Hypothetical changes are evaluated by the real requirements, with an approval from everyone who can give one. A change
that is still blocked can never be merged: the policy locks people out. A change that passes without any approval isn't
reviewed by anyone. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gate.approvals.count import CountContext, count
from gate.approvals.decisions import Decision, Reviewed, Signed
from gate.approvals.keys import holders
from gate.approvals.record import Record
from gate.codeowners import CodeOwners, Rule
from gate.codeowners.github import pattern_of
from gate.codeowners.matcher import NONE, Matcher
from gate.finding import Finding
from gate.model import BRANCHES, Approval, Author, Change, FileChange, Outcome
from gate.policy.files import POLICY_FILE
from gate.policy.types import Person, Policy
from gate.requirements import enforcement, outcomes_of, waiver
from gate.requirements.facts import Facts
from gate.requirements.not_required import discount_unrequired
from gate.requirements.owners import people_of

STRANGER = "someone who is not in `people`"
NO_ADDRESS = "an address that the policy doesn't list"
HEAD = "2" * 40
FIRST_FILE = "new-file"
"""A file to change in a repository that has only rules yet. No message names it."""
Kind = Literal["code", "rules"]
Opening = Literal["approve", "waive"]


@dataclass(frozen=True, slots=True)
class Setup:
    """The input of a simulation: a policy and the code owners, over the repository's files.

    `branches` are the names of protected branches; a pattern in the policy is represented by a branch that it matches.
    `forge` is the forge whose reviews count (github, gitlab, or gitea), or empty if only signed approvals count. `now`
    is in seconds since the epoch, because keys can expire. `assumed` says that the policy doesn't list the people, who
    are those whom a forge would identify.
    """

    policy: Policy
    owners: CodeOwners | None
    paths: Sequence[str]
    branches: tuple[str, ...]
    now: int
    forge: str = ""
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """One author's change to every kind of file, with every possible approval.

    `kind` is `code`, or `rules` for a change to the policy and CODEOWNERS. `blocked` maps each path that could never be
    merged to the reasons. `unreviewed` are the paths that need no approval at all. `waivable` means that a guardian
    could still waive the requirements.
    """

    branch: str
    author: str
    kind: Kind
    paths: tuple[str, ...]
    blocked: Mapping[str, tuple[str, ...]]
    unreviewed: frozenset[str]
    waivable: bool = False


@dataclass(frozen=True, slots=True)
class Simulation:
    """The results of a simulation. `sizes` is the number of files that each path represents."""

    setup: Setup
    trials: tuple[Trial, ...]
    sizes: Mapping[str, int]

    @property
    def blocked(self) -> tuple[Trial, ...]:
        """The trials with at least one path that could never be merged."""
        return tuple(trial for trial in self.trials if trial.blocked)

    @property
    def requires_nobody(self) -> tuple[str, ...]:
        """The branches into which anyone's change can be merged without any approval."""
        return tuple(
            branch
            for branch in self.setup.branches
            if all(
                trial.unreviewed >= frozenset(trial.paths) for trial in self.trials if trial.branch == branch
            )
        )


def can_approve(policy: Policy, person: Person, forge: str = "", now: int | None = None) -> bool:
    """Return whether a person can approve: with a key that nobody else has, or a login if the forge's reviews count.

    With `now`, in seconds since the epoch, the key has to be valid at that time.
    """
    if person.role == "bot":
        return False
    signs = any(
        holder.person == person.name and (now is None or holder.key.validity(now) == "valid")
        for holder in holders(policy).values()
    )
    return signs or bool(forge and person.login(forge))


def simulate(setup: Setup) -> Simulation:
    """Evaluate changes by every person, and by a stranger, to the kinds of files.

    A stranger changes a file of every kind. A person changes one of each kind that they may approve, of each kind that
    is blocked even for the stranger, and of one other kind.
    """
    ownership = _ownership(setup)
    sizes = dict.fromkeys(_rule_files(setup), 1)
    trials: list[Trial] = []
    for branch in setup.branches:
        kinds = _kinds(setup, branch, ownership)
        sizes |= {kind.path: kind.size for kind in kinds}
        *known_authors, stranger = _authors(setup)
        everything = tuple(kind.path for kind in kinds)
        first = _trial(setup, branch, stranger, "code", everything, ownership)
        paths = {
            author.name: tuple(
                kind.path
                for kind in kinds
                if author.name in kind.approvers or kind.path in first.blocked or kind is another
            )
            for author in known_authors
            for another in (next((kind for kind in kinds if author.name not in kind.approvers), None),)
        }
        trials += [
            _trial(setup, branch, author, "code", paths[author.name], ownership) for author in known_authors
        ]
        trials.append(first)
        trials += [
            _trial(setup, branch, author, "rules", _rule_files(setup), ownership)
            for author in (*known_authors, stranger)
        ]
    return Simulation(setup, tuple(t for t in trials if t.paths), sizes)


@dataclass(frozen=True, slots=True)
class _FileKind:
    """Files that the requirements treat the same, represented by `path`. `approvers` may approve them."""

    path: str
    size: int
    approvers: frozenset[str]


def _kinds(setup: Setup, branch: str, ownership: Mapping[str, tuple[Rule, ...]]) -> list[_FileKind]:
    """Group the files by owners and by the approval rules that apply to them."""
    policy = setup.policy
    rules = policy.protection(branch).require.approvals
    matchers = [Matcher([pattern_of(text) for text in rule.paths]) if rule.paths else None for rule in rules]
    paths: dict[tuple[object, tuple[int, ...]], list[str]] = {}
    for path, owned in ownership.items():
        if path not in _rule_files(setup):
            owners = tuple((rule.section, rule.owners, rule.required, rule.optional) for rule in owned)
            fits = tuple(n for n, m in enumerate(matchers) if m is None or m.last(path) != NONE)
            paths.setdefault((owners, fits), []).append(path)
    kinds = []
    for (_, fits), same in paths.items():
        names = [owner for rule in ownership[same[0]] for owner in rule.owners]
        # Anybody can satisfy a rule without `from`: if it covers only some paths, everybody matters for these.
        about = [rules[number] for number in fits if matchers[number] is not None]
        names += [name for rule in about for name in rule.whom or tuple(policy.people)]
        kinds.append(_FileKind(same[0], len(same), people_of(policy, names)))
    return kinds


def _rule_files(setup: Setup) -> tuple[str, ...]:
    return (POLICY_FILE, *([setup.owners.file] if setup.owners else []))


def _ownership(setup: Setup) -> dict[str, tuple[Rule, ...]]:
    rules = _rule_files(setup)
    # A repository that has only rules yet gets other files soon.
    others = [path for path in setup.paths if path not in rules] or [FIRST_FILE]
    paths = dict.fromkeys((*others, *rules))
    return setup.owners.owners_of_all(paths) if setup.owners else dict.fromkeys(paths, ())


def _authors(setup: Setup) -> list[Author]:
    """Return everyone whose changes can be recognized, by commits or by forge login, and one stranger.

    A person whom the policy lists only with a login commits from an address that the policy doesn't know.
    """
    authors = [
        Author(person.name, next(iter(person.emails), NO_ADDRESS))
        for person in setup.policy.people.values()
        if person.emails or (setup.forge and person.login(setup.forge))
    ]
    return [*authors, Author(STRANGER, NO_ADDRESS)]


def _trial(
    setup: Setup,
    branch: str,
    author: Author,
    kind: Kind,
    paths: tuple[str, ...],
    ownership: Mapping[str, tuple[Rule, ...]],
) -> Trial:
    change = _change(setup.policy, branch, author, paths)
    protection = setup.policy.protection(branch)
    require = replace(protection.require, checks=())
    facts = Facts(
        change,
        setup.policy,
        replace(protection, require=require, verdicts=()),
        codeowners_file=setup.owners.file if setup.owners else "",
        ownership={path: ownership[path] for path in paths},
        weakenings=tuple(_weakening(path) for path in paths) if kind == "rules" else (),
        contributors=frozenset({author.name} & setup.policy.people.keys()),
    )
    approved = replace(facts, approvals=_approvals(setup, facts, "approve"))
    outcomes = enforcement.mark(outcomes_of(approved), facts)
    blocked = _blocked(outcomes, paths)
    waivable = False
    if blocked:
        waived = waiver.waive(outcomes, replace(facts, approvals=_approvals(setup, facts, "waive")))
        waivable = not _blocked(waived, paths)
    return Trial(
        branch,
        author.name,
        kind,
        paths,
        blocked,
        frozenset(paths) - _blocked(enforcement.mark(outcomes_of(facts), facts), paths).keys(),
        waivable=waivable,
    )


def _blocked(outcomes: Iterable[Outcome], paths: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return, by path, the reasons of the requirements that aren't met for it."""
    reasons: dict[str, dict[str, None]] = {}
    for outcome in outcomes:
        if not outcome.blocks:
            continue
        # Advice about the simulated head or author is useless, since neither exists.
        steps = [line for line in outcome.advice if HEAD[:12] not in line and NO_ADDRESS not in line]
        reason = steps[-1] if steps else outcome.reason
        for path in {path for missing in outcome.missing for path in missing.paths} or paths:
            reasons.setdefault(path, {})[f"{outcome.id}: {reason}"] = None
    return {path: tuple(reasons[path]) for path in paths if path in reasons}


def _change(policy: Policy, branch: str, author: Author, paths: Sequence[str]) -> Change:
    files = tuple(FileChange(path, "modified", "100644", "100644", "a" * 40, "b" * 40) for path in paths)
    return Change(
        repository=policy.repository,
        into=f"{BRANCHES}{branch}",
        base="1" * 40,
        head=HEAD,
        merge_base="1" * 40,
        tree="3" * 40,
        base_tree="4" * 40,
        digest="5" * 64,
        authors=(author,),
        files=files,
    )


def _weakening(path: str) -> Finding:
    return Finding(path, 0, 0, 0, "policy", "warning", "the rules of the gate change")


def _approvals(setup: Setup, facts: Facts, kind: Opening) -> tuple[Approval, ...]:
    """Return the approvals that count if everyone who can approve does so."""
    decisions = list(_decisions(setup, facts.change, kind))
    question = CountContext(
        facts.change, setup.policy, facts.protection, now=setup.now, contributors=facts.contributors
    )
    counted = count(decisions, question).approvals
    return discount_unrequired(replace(facts, approvals=counted)).approvals


def _decisions(setup: Setup, change: Change, kind: Opening) -> Iterable[Decision]:
    key_holders = holders(setup.policy)
    for number, person in enumerate(setup.policy.people.values()):
        blob = next((blob for blob, holder in key_holders.items() if holder.person == person.name), "")
        login = person.login(setup.forge) if setup.forge else ""
        if not blob and (not login or kind == "waive"):
            continue
        record = Record(
            kind=kind,
            repository=setup.policy.repository,
            into=change.into,
            base=change.base,
            head=change.head,
            change=change.digest,
            by=person.name,
            at=setup.now,
            nonce="",
            reason="simulated",
            source="ssh" if blob else setup.forge,  # type: ignore[arg-type]  # one of Person's forges
        )
        yield Decision(f"{number:064x}", record, Signed(blob) if blob else Reviewed(login))
