"""Simulate rules in force, or about to be: those of a commit or of the working tree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from gate.app.lock_outs import because, default_branch_or_main, simulated
from gate.app.setup.observed import codeowners_here
from gate.errors import InvalidInput, UsageError
from gate.gather.ownership import codeowners_at
from gate.git.history import origin_of
from gate.git.objects import list_index, list_tree, read_blobs, resolve
from gate.git.repository import Repository
from gate.policy.adding import quoted
from gate.policy.people import forge_of
from gate.policy.types import ApprovalRule, OwnersRequired, Policy, Require, SeniorityRequired
from gate.rules import policy_at
from gate.simulation import can_approve, everybody_locked_out, locks_out, outlook, problems


def problems_on_server(start: Path, *, force: bool) -> tuple[str, ...]:
    """Return what is wrong with the rules of a server's default branch, one sentence for each problem, worst first.

    Raises UsageError if nobody could merge anything, unless `force` is set, and InvalidInput if CODEOWNERS has
    mistakes. An empty repository has no rules yet. On a server, only signed approvals count.
    """
    repository = Repository.find(start)
    branch = default_branch_or_main(repository)
    tips = resolve(repository, ["HEAD", f"refs/heads/{branch}"])
    if not tips:
        return ()
    tip = next(iter(tips.values()))
    policy = policy_at(repository, tip)
    owners = codeowners_at(repository, tip, policy)
    if owners is not None and owners.mistakes:
        raise InvalidInput(owners.mistakes, "fix it before the server enforces it")
    simulation = simulated(repository, policy, owners, [e.path for e in list_tree(repository, tip)], forge="")
    detected = problems(simulation)
    sentences = tuple(
        f"{problem.message}{because(problem)}"
        for problem in (*detected, *outlook(simulation))
        if problem.level != "note"
    )
    dead = any(everybody_locked_out(simulation, name) for name in simulation.setup.branches)
    if locks_out(detected) and dead and not force:
        raise UsageError(
            f"the server would lock people out: {sentences[0]}",
            f"change the rules on {branch} first (`gate init --print` proposes some), or use `--force`",
        )
    return sentences


def rules_at(repository: Repository, commit: str, path: str) -> bytes | None:
    """Return the content of a rules file at a commit, or None if the commit doesn't have it."""
    return read_blobs(repository, commit, [path])[path] if commit else None


def could_require(start: Path, policy: Policy) -> tuple[str, ...]:
    """Return the requirements, as lines of gate.yaml, that the policy could have without locking anyone out.

    They are those of a first policy for several people, the strictest that works. Empty if it requires approvals.
    """
    repository = Repository.find(start)
    owners = codeowners_here(repository, repository.work_tree or start)
    paths = list(list_index(repository))
    branch = next(iter(policy.branches), "")
    if not branch or policy.protection(branch).require.approvals:
        return ()
    current = policy.protection(branch).require
    guardians = _possible_guardians(repository, policy)
    for candidate in _candidates(current, owners is not None, guardians):
        protect = {**policy.protect, branch: replace(policy.protection(branch), require=candidate)}
        if not simulated(repository, replace(policy, protect=protect), owners, paths).blocked:
            return tuple(_changed(current, candidate))
    return ()


def _possible_guardians(repository: Repository, policy: Policy) -> tuple[str, ...]:
    """Return everyone who can approve, without juniors: their own work needs a senior."""
    forge = forge_of(origin_of(repository))
    return tuple(
        person.name
        for person in policy.people.values()
        if person.role != "junior" and can_approve(policy, person, forge)
    )


def _candidates(current: Require, has_owners: bool, possible: tuple[str, ...]) -> Iterator[Require]:
    """Yield what to require of several people, the strictest first."""
    everyone = replace(current, approvals=(ApprovalRule(1),))
    if current.seniority and "member" in current.seniority.authors:
        # The rule for a single senior, whose own changes nobody else could approve.
        everyone = replace(everyone, seniority=SeniorityRequired())
    for owners in (OwnersRequired(), None) if has_owners and current.owners is None else (current.owners,):
        for guardians in (possible, ()) if len(possible) > 1 and not current.guarded else (current.guarded,):
            yield replace(everyone, owners=owners, guarded=guardians)


def _changed(current: Require, candidate: Require) -> Iterator[str]:
    if candidate.owners and not current.owners:
        yield "owners: true"
    yield "approvals: 1"
    if candidate.seniority and candidate.seniority != current.seniority:
        authors = ", ".join(candidate.seniority.authors)
        yield f"seniority: {{authors: [{authors}], need: {candidate.seniority.need}}}"
    if candidate.guarded != current.guarded:
        yield f"guarded: [{', '.join(map(quoted, candidate.guarded))}]"
