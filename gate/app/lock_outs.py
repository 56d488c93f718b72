"""Simulate rules on the people in them, and find out whom they would lock out."""

from __future__ import annotations

from dataclasses import replace
from time import time

from gate.codeowners import CodeOwners
from gate.errors import InvalidInput, Mistake, UsageError
from gate.gather import codeowners_at
from gate.git.change import default_branch
from gate.git.history import origin_of
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.model import Change
from gate.policy.people import forge_of, with_login
from gate.policy.types import Person, Policy
from gate.rules import policy_at
from gate.simulation import Problem, Setup, Simulation, problems, simulate


def simulated(
    repository: Repository,
    policy: Policy,
    owners: CodeOwners | None,
    paths: list[str],
    *,
    forge: str | None = None,
) -> Simulation:
    """What a policy does to the people in it; where it names no branch, to those of the default one.

    `forge` is the one whose reviews count; by default that of origin.
    """
    branches = policy.branches or (default_branch_or_main(repository),)
    counted = forge_of(origin_of(repository)) if forge is None else forge
    if forge is None and owners is not None and not policy.people:
        # With reviews, a person whom CODEOWNERS names by `@login` is that login.
        counted = counted or "github"
        policy = _by_login(policy, owners, counted)
    return simulate(Setup(policy, owners, paths, branches, int(time()), counted))


def _by_login(policy: Policy, owners: CodeOwners, forge: str) -> Policy:
    """The policy with the people whom reviews would make known; a team has more than one member."""
    names = dict.fromkeys(owner for rule in owners.rules for owner in rule.owners if owner.startswith("@"))
    teams = {
        name: (f"a member of {name}", f"another member of {name}")
        for name in names
        if "/" in name and name not in policy.teams
    }
    logins = [name for name in names if "/" not in name] + [
        login for team in teams.values() for login in team
    ]
    people = {name: with_login(Person(name), forge, name.removeprefix("@")) for name in logins}
    return replace(policy, people=people, teams={**policy.teams, **teams})


def lock_outs(
    repository: Repository, policy: Policy, owners: CodeOwners | None, paths: list[str]
) -> list[Mistake]:
    """The errors and warnings of a policy that names people, less those about single owners, as of its file."""
    if not policy.people:
        return []
    detected = problems(simulated(repository, policy, owners, paths))
    return [
        Mistake(policy.file, 0, 0, f"{problem.message} ({problem.help})" if problem.help else problem.message)
        for problem in detected
        if problem.level == "error"
    ]


def warning_of(repository: Repository, change: Change) -> tuple[str, ...]:
    """What to say of a change after which people would be locked out who are not today; nothing else."""
    existing = {problem.message for problem in _errors(repository, change.base_tree)}
    new = [problem for problem in _errors(repository, change.tree) if problem.message not in existing]
    return tuple(f"This change would lock people out: {problem.message}{because(problem)}" for problem in new)


def _errors(repository: Repository, tree: str) -> list[Problem]:
    """The lock-outs by the rules in a tree; where those cannot be read, other things are wrong."""
    try:
        policy = policy_at(repository, tree)
        owners = codeowners_at(repository, tree, policy)
    except InvalidInput:
        return []
    if not policy.people or (owners is not None and owners.mistakes):
        return []
    paths = [entry.path for entry in list_tree(repository, tree)]
    detected = problems(simulated(repository, policy, owners, paths))
    return [problem for problem in detected if problem.level == "error"]


def because(problem: Problem) -> str:
    """What to do about the problem, in parentheses."""
    return f" ({problem.help})" if problem.help else ""


def default_branch_or_main(repository: Repository) -> str:
    """The default branch; main in a repository that has none yet."""
    try:
        return default_branch(repository)
    except UsageError:
        return "main"
