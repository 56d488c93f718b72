"""Simulate rules on the people in them, and find out whom they would lock out."""

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
        Mistake(policy.file, 0, 0, f"{problem.message}{because(problem)}")
        for problem in detected
        if problem.level == "error"
    ]


@dataclass(frozen=True, slots=True)
class LockOut:
    """What the rules that a change brings would do to people who can merge today, one sentence for each problem.

    `branches` are those into which nobody could merge anything any more.
    """

    sentences: tuple[str, ...] = ()
    branches: tuple[str, ...] = ()


def lock_out_by(repository: Repository, change: Change) -> LockOut:
    """Whom the change would lock out who is not locked out at its base. Empty unless it alters the rules."""
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
    """The rules in a tree put to people, over the files of the tree `files`; None where they cannot be read.

    Also whether everybody who could merge is known: not where only a forge knows who there is.
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
    # Without people, `simulated` takes those whom CODEOWNERS names by their login.
    return simulated(repository, policy, owners, paths, forge=forge if complete else None), complete


def counted_forge(repository: Repository, policy: Policy) -> str:
    """The forge whose reviews count: that of origin, or if its address is no known one, the one people have logins on.

    Empty in a repository without origin, such as a server's, where only signed approvals count.
    """
    origin = origin_of(repository)
    if not origin:
        return ""
    logins = (name for name in FORGES for person in policy.people.values() if person.login(name))
    return forge_of(origin) or next(logins, "")


def _with_teams_of_forge(policy: Policy, owners: CodeOwners) -> Policy:
    """The policy with a team of the forge for each that only CODEOWNERS names: it may have any of the people."""
    names = {owner for rule in owners.rules for owner in rule.owners if "/" in owner}
    known = tuple(policy.people)
    return replace(policy, teams={**dict.fromkeys(names, known), **policy.teams})


def because(problem: Problem) -> str:
    """What to do about the problem, in parentheses."""
    return f" ({problem.help})" if problem.help else ""


def default_branch_or_main(repository: Repository) -> str:
    """The default branch; main in a repository that has none yet."""
    try:
        return default_branch(repository)
    except UsageError:
        return "main"
