"""Describe what a simulation shows to be wrong with a policy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gate.requirements import owners
from gate.simulation.people import problems_of_people
from gate.simulation.problem import Level, Problem
from gate.simulation.trials import STRANGER, Simulation, Trial, can_approve
from gate.wording import capitalized

ADD_SOMEBODY = "add somebody who can approve: `gate init --person @NAME --email ADDRESS --key FILE`"
MOST_PATHS = 3
MOST_ALONE = 3
"""The number of people who are the only owners of some files, up to which each is a problem of its own."""


def locks_out(detected: Iterable[Problem]) -> bool:
    """Return whether some change could never be merged."""
    return any(problem.level == "error" for problem in detected)


def everybody_locked_out(simulation: Simulation, branch: str) -> bool:
    """Return whether nobody in the policy could merge any change into the branch, no matter who approves."""
    trials = [trial for trial in simulation.trials if trial.branch == branch and trial.kind == "code"]
    own_trials = [trial for trial in trials if trial.author in simulation.setup.policy.people]
    considered = own_trials or trials
    return bool(considered) and all(
        len(trial.blocked) == len(trial.paths) and not trial.waivable for trial in considered
    )


def problems(simulation: Simulation) -> tuple[Problem, ...]:
    """Return everything that the policy's author should know, worst first."""
    detected = [
        problem
        for branch in simulation.setup.branches
        for problem in _of_branch(simulation, branch, [t for t in simulation.trials if t.branch == branch])
    ]
    detected += problems_of_people(simulation.setup)
    detected += [
        Problem(
            "note",
            f"No approval is required: any change can be merged into {branch} without review",
            "require one once someone else can approve: `approvals: 1`",
        )
        for branch in simulation.requires_nobody
    ]
    detected += _unreviewed_rules(simulation)
    order: tuple[Level, ...] = ("error", "warning", "note")
    return tuple(sorted(detected, key=lambda problem: order.index(problem.level)))


def _of_branch(simulation: Simulation, branch: str, trials: Sequence[Trial]) -> list[Problem]:
    code = [trial for trial in trials if trial.kind == "code"]
    rules = [trial for trial in trials if trial.kind == "rules"]
    detected: list[Problem] = []
    if code and (dead := _dead(code)):
        everything = len(dead) == len({path for trial in code for path in trial.paths})
        what = (
            "No change can be merged"
            if everything
            else f"Nobody can merge a change to {_files(simulation, dead)}"
        )
        detected.append(_blocked(simulation, f"{what} into {branch}", code, dead, everything=everything))
    detected += _of_authors(simulation, branch, code)
    if rules and (dead := _dead(rules)):
        detected.append(
            _blocked(simulation, f"Nobody can change {' or '.join(dead)} on {branch}", rules, dead)
        )
    shut_out = {trial.author for trial in code if len(trial.blocked) == len(trial.paths)}
    for trial in rules:
        left = {path: why for path, why in trial.blocked.items() if path not in _dead(rules)}
        if left and trial.author not in {STRANGER, *shut_out}:
            message = f"{trial.author} can't merge a change to {' or '.join(left)} into {branch}"
            detected.append(Problem("warning", message, _why(left)))
    return detected


def _dead(trials: Sequence[Trial]) -> tuple[str, ...]:
    """Return the paths that nobody could ever change."""
    paths = dict.fromkeys(path for trial in trials for path in trial.paths)
    return tuple(
        path for path in paths if all(path in trial.blocked for trial in trials if path in trial.paths)
    )


def _of_authors(simulation: Simulation, branch: str, code: Sequence[Trial]) -> list[Problem]:
    """Return who can't merge what. Many people who are the only owners of some files are one problem."""
    dead = _dead(code)
    sole: dict[str, str] = {}
    alone: list[Problem] = []
    rest: list[Problem] = []
    for trial in code:
        left = {path: why for path, why in trial.blocked.items() if path not in dead}
        by_owners = all(reason.startswith(f"{owners.ID}:") for reasons in left.values() for reason in reasons)
        for problem in _of_author(simulation, branch, trial, dead):
            if problem.level == "warning" and by_owners and trial.author != STRANGER:
                sole[trial.author] = _files(simulation, tuple(left))
                alone.append(problem)
            else:
                rest.append(problem)
    if len(sole) <= MOST_ALONE:
        return [*rest, *alone]
    files = "; ".join(f"{author} {paths}" for author, paths in sole.items())
    message = f"{len(sole)} people can't merge changes to files that nobody else owns into {branch}: {files}"
    fix = (
        "give these files another owner, or let authors approve the files they own: `owners: {author: true}`"
    )
    return [*rest, Problem("warning", message, fix)]


def _of_author(simulation: Simulation, branch: str, trial: Trial, dead: Sequence[str]) -> list[Problem]:
    left = {path: why for path, why in trial.blocked.items() if path not in dead}
    if not left:
        return []
    everything = len(left) == len(trial.paths)
    what = "any change" if everything else f"a change to {_files(simulation, tuple(left))}"
    message = f"{capitalized(trial.author)} can't merge {what} into {branch}"
    worst = everything and trial.author != STRANGER and not trial.waivable
    if worst:
        alone = _alone(trial.author, simulation)
        fix = ADD_SOMEBODY if alone else _why(left)
        return [Problem("error", f"{message}{alone}", fix, frozenset({(branch, trial.author)}))]
    return [Problem("warning", message, _why(left))]


def _blocked(
    simulation: Simulation,
    message: str,
    trials: Sequence[Trial],
    dead: Sequence[str],
    *,
    everything: bool = False,
) -> Problem:
    """Return a lock-out, or, if a guardian could still waive it, a narrower problem.

    Waivers are for emergencies: rules that need one for every change, `everything`, are a lock-out.
    """
    example = next((trial for trial in trials if trial.author != STRANGER), trials[0])
    why = _why(
        {path: next(trial.blocked[path] for trial in trials if path in trial.blocked) for path in dead}
    )
    affects = frozenset((example.branch, path) for path in dead)
    if any(trial.waivable for trial in trials):
        waived = f"{message} without a guardian's waiver"
        return Problem("error", waived, why, affects) if everything else Problem("warning", waived, why)
    alone = _alone(example.author, simulation)
    return Problem("error", f"{message}{alone}", ADD_SOMEBODY if alone else why, affects)


def _alone(author: str, simulation: Simulation) -> str:
    able = [
        person
        for person in simulation.setup.policy.people.values()
        if person.name != author and can_approve(simulation.setup.policy, person, simulation.setup.forge)
    ]
    return "" if able else ": nobody else can approve"


def _why(blocked: Mapping[str, Sequence[str]]) -> str:
    return "; ".join(dict.fromkeys(reason for reasons in blocked.values() for reason in reasons))


def _files(simulation: Simulation, paths: Sequence[str]) -> str:
    """Name some of the files, and the total number."""
    total = sum(simulation.sizes[path] for path in paths)
    named = ", ".join(paths[:MOST_PATHS])
    return (
        named if total <= len(paths[:MOST_PATHS]) else f"{named} and {total - len(paths[:MOST_PATHS])} more"
    )


def _unreviewed_rules(simulation: Simulation) -> list[Problem]:
    """Return the rules that anyone can change without approval, although other changes need one.

    After changing them, the same person can merge anything.
    """
    detected = []
    for branch in simulation.setup.branches:
        trials = [trial for trial in simulation.trials if trial.branch == branch and trial.kind == "rules"]
        paths = trials[0].paths if trials and branch not in simulation.requires_nobody else ()
        free = [path for path in paths if all(path in trial.unreviewed for trial in trials)]
        if free:
            message = (
                f"Anyone can change {' and '.join(free)} on {branch} without review, and lift the other rules"
            )
            fix = f"name who approves that: `guarded: [NAME]` in `protect.{branch}.require`"
            detected.append(Problem("warning", message, fix))
    return detected
