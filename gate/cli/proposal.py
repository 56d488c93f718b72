"""Print the policy that `gate init` proposes."""

from __future__ import annotations

from gate.app.setup.observed import FORGE_NAMES, Observed
from gate.app.setup.proposal import Proposal, approvers
from gate.app.setup.team import personal_owners
from gate.cli.terminal import print_wrapped
from gate.reports.words import visible
from gate.wording import listed


def print_proposal(observed: Observed, proposal: Proposal) -> None:
    """Print what was detected and assumed, what the policy requires, and the result of the simulation."""
    for line in _observations(observed):
        print_wrapped(visible(line), "  ")
    _print_section("Assumed", proposal.assumptions)
    _print_section("Policy", _requirements(observed, proposal))
    _print_section("A stricter policy would lock people out", proposal.rejected)
    _print_section("Simulation", _simulation(proposal))


def _print_section(title: str, lines: tuple[str, ...] | list[str]) -> None:
    if lines:
        print(f"{title}:")
        for line in lines:
            text = line.lstrip()
            print_wrapped(visible(text), " " * (2 + len(line) - len(text)))


def _observations(observed: Observed) -> list[str]:
    owners = observed.owners
    lines = [
        f"branch to protect: {observed.branch}{'' if observed.branch_exists else ', which does not exist yet'}",
        _repository(observed),
        f"code owners: {owners.file if owners else 'no CODEOWNERS file'}",
    ]
    lines += [f"reviews: on {FORGE_NAMES[observed.forge]}"] if observed.forge else []
    lines += [f"{tool}: {path}" for tool, path in observed.tools.items()]
    lines += [f"lock file: {observed.lock}"] if observed.lock else []
    lines += [f"CI: {', '.join(observed.ci)}"] if observed.ci else []
    lines += ["pre-commit: .pre-commit-config.yaml"] if observed.pre_commit else []
    return lines + (
        []
        if observed.key
        else ["your SSH key: none; to approve, run `ssh-keygen -t ed25519`, then `gate init --person @NAME`"]
    )


def _repository(observed: Observed) -> str:
    if observed.repository:
        other = f"; if changes are merged into {observed.upstream} instead, set that in gate.yaml"
        return f"repository: {observed.repository}, from origin{other if observed.upstream else ''}"
    why = "origin isn't on a host" if observed.origin else "there is no remote called origin"
    return f"repository: not set, because {why}; set it in gate.yaml to bind approvals to it"


def _requirements(observed: Observed, proposal: Proposal) -> list[str]:
    """Describe what the policy requires."""
    rules = proposal.rules
    able = [person.name for person in approvers(proposal.team, proposal.forge)]
    lines = ["the checks names, lint, types, and tests must pass"]
    if rules.owners and observed.owners:
        free = "; authors may approve the files they own" if rules.owners == "author" else ""
        lines.append(f"an owner of every changed file must approve ({observed.owners.file}){free}")
    elif observed.owners:
        lines.append(f"code owners ({observed.owners.file}) are not required yet:")
        lines += [f"  {reason}" for reason in _owners_not_required(observed, proposal, len(able))]
    if rules.approvals:
        people = "1 person" if rules.approvals == 1 else f"{rules.approvals} people"
        lines.append(f"{people} must approve, not counting the authors of the change")
    elif rules.others_need_senior:
        lines.append(
            f"{able[0]} is the only person who can approve: everyone else's changes need their approval, and "
            "their own changes need only the checks, since nobody else can approve those"
            if len(able) == 1
            else f"changes by anyone but {', '.join(able)} need approval from one of these people"
        )
    else:
        lines.append("no approval is required: anyone can merge unreviewed changes that pass the checks")
    return lines


def _owners_not_required(observed: Observed, proposal: Proposal, able: int) -> list[str]:
    """Return every reason why code owners can't be required yet, each with what to do about it."""
    team = proposal.team
    known = {person.name for person in team.people}
    missing = [owner for owner in personal_owners(observed) if owner not in known]
    unlisted = any(person.role != "bot" and person.name not in missing for person, _ in team.suggested)
    add = "`gate init --person @NAME --email ADDRESS --key FILE` adds"
    reasons = []
    if team.teams:
        reasons.append(f"the members of {listed(team.teams)} are unknown: list them under `teams`")
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        reasons.append(f"{listed(missing)} {verb} not in `people`: {add} them")
    if unlisted:
        reasons.append(f"others commit here and are not in `people`: {add} them")
    if able < 2:
        who = "nobody" if not able else "only one person"
        reasons.append(
            f"{who} can approve, and it takes two" + ("" if unlisted or missing else f": {add} one")
        )
    return reasons or ["it would lock people out, as described below"]


def _simulation(proposal: Proposal) -> list[str]:
    lines = [
        f"{problem.level}: {problem.message}" for problem in proposal.problems if problem.level != "note"
    ]
    return lines or ["everyone's changes can be merged, including changes to gate.yaml and CODEOWNERS"]
