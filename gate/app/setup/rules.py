"""The simulation of rules that are in force, or about to be: those of a commit, or of the working tree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from time import time

from gate.app.setup.observed import codeowners_here, forge_of
from gate.app.setup.team import with_login
from gate.codeowners import CodeOwners
from gate.errors import InvalidInput, Mistake, UsageError
from gate.gather import codeowners_at, policy_at
from gate.git.change import default_branch
from gate.git.history import origin_of
from gate.git.objects import list_index, list_tree, read_blobs, resolve
from gate.git.repository import Repository
from gate.model import Change
from gate.policy.types import ApprovalRule, OwnersRequired, Person, Policy
from gate.simulation import Problem, Setup, Simulation, locks_out, problems, simulate


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
    branches = policy.branches or (_default(repository),)
    counted = forge_of(origin_of(repository)) if forge is None else forge
    if forge is None and owners is not None and not policy.people:
        # With reviews, whoever CODEOWNERS names by `@login` is that login.
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
    return tuple(
        f"This change would lock people out: {problem.message}{_because(problem)}" for problem in new
    )


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


def refuse_lock_out(start: Path) -> None:
    """Raise UsageError where by the rules of a server's default branch nobody could merge anything.

    That some can is enough: the others are `gate doctor`'s to report. An empty repository has no rules yet. On a
    server only signed approvals count.
    """
    repository = Repository.find(start)
    branch = _default(repository)
    tips = resolve(repository, ["HEAD", f"refs/heads/{branch}"])
    if not tips:
        return
    tip = next(iter(tips.values()))
    policy = policy_at(repository, tip)
    owners = codeowners_at(repository, tip, policy)
    if owners is not None and owners.mistakes:
        raise InvalidInput(owners.mistakes, "fix it before the server enforces it")
    simulation = simulated(repository, policy, owners, [e.path for e in list_tree(repository, tip)], forge="")
    detected = problems(simulation)
    if locks_out(detected) and any(
        _locks_everybody_out(simulation, name) for name in simulation.setup.branches
    ):
        worst = next(problem for problem in detected if problem.level == "error")
        raise UsageError(
            f"the server would lock people out: {worst.message}{_because(worst)}",
            f"change the rules on {branch} first (`gate init --print` proposes some), or use `--force`",
        )


def _locks_everybody_out(simulation: Simulation, branch: str) -> bool:
    """Whether no change of anybody in the policy could be merged into the branch, by whomever it is approved."""
    trials = [trial for trial in simulation.trials if trial.branch == branch and trial.kind == "code"]
    own_trials = [trial for trial in trials if trial.author in simulation.setup.policy.people]
    return all(
        len(trial.blocked) == len(trial.paths) and not trial.waivable for trial in own_trials or trials
    )


def _because(problem: Problem) -> str:
    return f" ({problem.help})" if problem.help else ""


def _default(repository: Repository) -> str:
    try:
        return default_branch(repository)
    except UsageError:
        return "main"


def rules_at(repository: Repository, commit: str, path: str) -> bytes | None:
    """The content of a file of rules at a commit; None where it has none."""
    return read_blobs(repository, commit, [path])[path] if commit else None


def could_require(start: Path, policy: Policy) -> tuple[str, ...]:
    """What a policy of the working tree could require besides without locking anybody out: lines of gate.yaml."""
    repository = Repository.find(start)
    owners = codeowners_here(repository.work_tree or start)
    paths = list(list_index(repository))
    branch = next(iter(policy.branches), "")
    if not branch or policy.protection(branch).require.approvals:
        return ()
    require = replace(policy.protection(branch).require, approvals=(ApprovalRule(1),))
    with_owners = replace(require, owners=OwnersRequired()) if owners and require.owners is None else require
    for candidate in dict.fromkeys((with_owners, require)):
        protect = {**policy.protect, branch: replace(policy.protection(branch), require=candidate)}
        if not simulated(repository, replace(policy, protect=protect), owners, paths).blocked:
            return (
                "approvals: 1",
                *(["owners: true"] if candidate.owners and require.owners is None else []),
            )
    return ()
