"""Simulate rules on the people in them, and report whom they would lock out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import time

from gate.codeowners import CodeOwners
from gate.errors import InvalidInput, Mistake, UsageError
from gate.gather.invalid_rules import touches_rules
from gate.gather.ownership import codeowners_at
from gate.git.history import origin_of
from gate.git.objects import list_tree
from gate.git.repository import Repository
from gate.git.revisions import default_branch
from gate.model import Change
from gate.policy.people import FORGES, forge_of, with_login
from gate.policy.types import Person, Policy
from gate.rules import policy_at
from gate.simulation import Problem, Setup, Simulation, everybody_locked_out, problems, simulate


def simulated(
    repository: Repository,
    policy: Policy,
    owners: CodeOwners | None,
    paths: list[str],
    *,
    forge: str | None = None,
) -> Simulation:
    """Simulate a policy on the people in it, on its protected branches, or the default branch if it names none.

    `forge` is the one whose reviews count; by default, it is origin's.
    """
    branches = policy.branches or (default_branch_or_main(repository),)
    counted = forge_of(origin_of(repository)) if forge is None else forge
    assumed = forge is None and owners is not None and not policy.people
    if assumed and owners is not None:
        # With reviews, a person whom CODEOWNERS names `@login` has that login.
        counted = counted or "github"
        policy = _by_login(policy, owners, counted)
    return simulate(Setup(policy, owners, paths, branches, int(time()), counted, assumed))


def _by_login(policy: Policy, owners: CodeOwners, forge: str) -> Policy:
    """Return the policy with the people that reviews would identify. Assumes two members for each team."""
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
    """Return the errors in a simulation of a policy that names people, reported for the policy's file."""
    if not policy.people:
        return []
    detected = problems(simulated(repository, policy, owners, paths))
    return [
        Mistake(policy.file, 0, 0, f"{problem.message}{because(problem)}")
        for problem in detected
        if problem.level == "error"
    ]


@dataclass(frozen=True, slots=True)
class LockOut:
    """The problems that a change's rules would cause for people who can merge today, one sentence each.

    `branches` are those into which nobody could merge anything anymore.
    """

    sentences: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()


def lock_out_by(repository: Repository, change: Change) -> LockOut:
    """Return whom the change would newly lock out, compared with its base. Empty unless it changes the rules."""
    if not touches_rules(change) or not change.tree:
        return LockOut()
    after = _simulation_of(repository, change.tree, change.tree)
    if after is None:
        return LockOut()
    simulation, complete = after
    errors = [problem for problem in problems(simulation) if problem.level == "error"]
    if not errors:
        return LockOut()
    before = _simulation_of(repository, change.base_tree, change.tree)
    affected = {item for problem in problems(before[0]) for item in problem.affects} if before else set()
    new = [problem for problem in errors if not problem.affects <= affected]
    dead = tuple(
        branch
        for branch in simulation.setup.branches
        if new and complete and everybody_locked_out(simulation, branch)
        if before is None or not everybody_locked_out(before[0], branch)
    )
    return LockOut(tuple(f"{problem.message}{because(problem)}" for problem in new), dead)


def _simulation_of(repository: Repository, tree: str, files: str) -> tuple[Simulation, bool] | None:
    """Simulate the rules in a tree on the files of the tree `files`. Return None if the rules can't be read.

    Also return whether everybody who could merge is known, which they aren't if only a forge knows the people.
    """
    try:
        policy = policy_at(repository, tree)
        owners = codeowners_at(repository, tree, policy)
    except InvalidInput:
        return None
    if owners is not None and owners.mistakes:
        return None
    forge = counted_forge(repository, policy)
    if not policy.people and (owners is None or not forge):
        return None
    paths = [entry.path for entry in list_tree(repository, files)]
    complete = bool(policy.people)
    if complete and forge and owners is not None:
        policy = _with_teams_of_forge(policy, owners)
    # Without people, `simulated` uses the logins in CODEOWNERS as people.
    return simulated(repository, policy, owners, paths, forge=forge if complete else None), complete


def counted_forge(repository: Repository, policy: Policy) -> str:
    """Return the forge whose reviews count: origin's or, if its address isn't a known one, the one of people's logins.

    Empty in a repository without origin, such as a server's, where only signed approvals count.
    """
    origin = origin_of(repository)
    if not origin:
        return ""
    logins = (name for name in FORGES for person in policy.people.values() if person.login(name))
    return forge_of(origin) or next(logins, "")


def _with_teams_of_forge(policy: Policy, owners: CodeOwners) -> Policy:
    """Return the policy with each team that only CODEOWNERS names. Any of the people may be its members."""
    names = {owner for rule in owners.rules for owner in rule.owners if "/" in owner}
    known = tuple(policy.people)
    return replace(policy, teams={**dict.fromkeys(names, known), **policy.teams})


def because(problem: Problem) -> str:
    """Return what to do about the problem, in parentheses."""
    return f" ({problem.help})" if problem.help else ""


def default_branch_or_main(repository: Repository) -> str:
    """Return the default branch, or "main" in a repository that has none yet."""
    try:
        return default_branch(repository)
    except UsageError:
        return "main"
