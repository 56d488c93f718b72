"""Propose the strictest policy that works for a repository's people and locks nobody out. Pure.

Candidates are simulated, strictest first. The first one under which every change can be merged is proposed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from gate.app.setup.observed import Observed
from gate.app.setup.team import Answers, Team, assemble
from gate.app.setup.text import Rules, policy_text
from gate.policy.load import load_policy
from gate.policy.types import Person
from gate.simulation import Problem, Setup, can_approve, problems, simulate

OWNERS: tuple[Literal["", "others", "author"], ...] = ("others", "author", "")
"""The possible requirements for code owners, the strictest first."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A policy, and how it was chosen.

    `rules` are its requirements, and `problems` what its simulation shows. `rejected` says what a stricter policy would
    have done, empty if this is the strictest; `assumptions` are the guesses it is based on.
    """

    text: str
    rules: Rules
    team: Team
    forge: str
    assumptions: tuple[str, ...]
    problems: tuple[Problem, ...]
    rejected: tuple[str, ...] = ()


def propose(observed: Observed, answers: Answers, now: int) -> Proposal:
    """Return the strictest policy under which everybody's changes can still be merged."""
    team = assemble(observed, answers)
    forge = observed.forge if answers.forge is None else answers.forge
    rejected: tuple[str, ...] = ()
    for rules in _candidates(observed, team, answers, forge):
        text = policy_text(observed, team, rules)
        problems, blocks = _simulated(observed, text, forge, now)
        if not blocks:
            return Proposal(text, rules, team, forge, _assumptions(team, rules, answers), problems, rejected)
        if not rejected:
            rejected = tuple(problem.message for problem in problems if problem.level != "note")
    raise AssertionError("a policy that requires no approval locks nobody out")


def approvers(team: Team, forge: str) -> tuple[Person, ...]:
    """Return the people who are able to approve, with a key or an account on the forge."""
    policy = load_policy(None)
    policy = replace(policy, people={person.name: person for person in team.people})
    return tuple(person for person in team.people if can_approve(policy, person, forge))


def _candidates(observed: Observed, team: Team, answers: Answers, forge: str) -> Iterator[Rules]:
    able = approvers(team, forge)
    guardians = answers.guardians if answers.guardians is not None else tuple(person.name for person in able)
    wanted = 1 if answers.approvals is None else answers.approvals
    if len(able) > 1 and wanted:
        for owners in OWNERS if observed.owners else OWNERS[-1:]:
            for number in range(wanted, 0, -1):
                for guarded in (guardians, ()) if guardians else ((),):
                    yield Rules(owners, number, False, guarded)
    if able and answers.approvals != 0:
        yield Rules(owners="", approvals=0, others_need_senior=True, guarded=())
    yield Rules(owners="", approvals=0, others_need_senior=False, guarded=())


def _simulated(observed: Observed, text: str, forge: str, now: int) -> tuple[tuple[Problem, ...], bool]:
    """Return the problems that a simulation of the policy shows, and whether any person's change can't be merged."""
    policy = load_policy(text.encode("utf-8"))
    # Problems with owners don't matter if their approval isn't required.
    owners = observed.owners if policy.protection(observed.branch).require.owners else None
    simulation = simulate(Setup(policy, owners, observed.paths, (observed.branch,), now, forge))
    return problems(simulation), bool(simulation.blocked)


def _assumptions(team: Team, rules: Rules, answers: Answers) -> tuple[str, ...]:
    lines = list(team.assumptions)
    if answers.approvals is None and rules.approvals:
        lines.append("one approval, not by the author, is enough")
    if answers.guardians is None and rules.guarded:
        lines.append(f"the guardians, who approve changes to the policy, are {', '.join(rules.guarded)}")
    return tuple(lines)
