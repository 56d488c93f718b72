"""Report the people in a policy and CODEOWNERS who can't do what the rules expect of them. Pure.

Everybody whom a rule names must be listed, everybody who is to approve must be able to, and everybody's own commits
must be recognizable as theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from gate.approvals.keys import readable_keys
from gate.policy.types import Person, Require, Role
from gate.requirements.owners import people_of
from gate.simulation.problem import Problem
from gate.simulation.trials import Setup, can_approve
from gate.wording import listed

NOT_NAMES = {*get_args(Role), "unknown"}
MOST_PEOPLE = 8


@dataclass(frozen=True, slots=True)
class _Mention:
    """A person or team named in the rules. `approves` means that the rule is waiting for their approval."""

    name: str
    place: str
    approves: bool = True


def problems_of_people(setup: Setup) -> list[Problem]:
    """Return the problems with the people and teams in the rules, one for each name, where it appears first."""
    if not setup.policy.people:
        return []
    detected: dict[str, Problem] = {}
    for mention in (*_owners(setup), *_in_policy(setup)):
        problem = _problem(setup, mention)
        if problem is not None:
            detected.setdefault(mention.name, problem)
    return [*detected.values(), *([] if setup.assumed else _unrecognized(setup))]


def _owners(setup: Setup) -> Iterator[_Mention]:
    for rule in setup.owners.rules if setup.owners else ():
        yield from (_Mention(owner, rule.place) for owner in rule.owners)


def _in_policy(setup: Setup) -> Iterator[_Mention]:
    """Yield everybody whom the policy names, with the key that names them."""
    policy = setup.policy
    file = policy.file or "gate.yaml"
    for branch in setup.branches:
        key = f"{file}: protect.{branch}.require"
        yield from _in_requirements(policy.protection(branch).require, key)
    for person in policy.people.values():
        if person.senior:
            yield _Mention(person.senior, f"{file}: people.{person.name}.senior")


def _in_requirements(require: Require, key: str) -> Iterator[_Mention]:
    yield from (_Mention(name, f"{key}.guarded") for name in require.guarded)
    if require.owners:
        yield from (_Mention(name, f"{key}.owners.unowned") for name in require.owners.fallback)
    for rule in require.approvals:
        rule_key = f"{key}.approvals{rule.place}"
        yield from (_Mention(name, f"{rule_key}.from") for name in rule.whom if name not in NOT_NAMES)
        yield from (
            _Mention(name, f"{rule_key}.authors", approves=False)
            for name in rule.authors
            if name not in NOT_NAMES
        )


def _problem(setup: Setup, mention: _Mention) -> Problem | None:
    people = [setup.policy.people[name] for name in sorted(people_of(setup.policy, [mention.name]))]
    if not people:
        return _unknown(setup, mention)
    able = any(can_approve(setup.policy, person, setup.forge, setup.now) for person in people)
    return None if able or not mention.approves else _unable(setup, mention, people[0])


def _unknown(setup: Setup, mention: _Mention) -> Problem:
    name, file = mention.name, setup.policy.file or "gate.yaml"
    effect = f"so nobody can approve as {name}" if mention.approves else "so it counts for nothing"
    return Problem(
        "warning",
        f"{mention.place}: {name} is not in `people` or `teams` of {file}, {effect}",
        f"list the members in `teams` of {file}"
        if "/" in name
        else f"add them: `gate init --person {name} --email ADDRESS --key FILE`"
        if name.startswith("@")
        else f"add them: `gate init --person @NAME --email {name} --key FILE`",
    )


def _unable(setup: Setup, mention: _Mention, person: Person) -> Problem:
    """Return that nobody behind a name can approve, and why the first of them can't."""
    file = setup.policy.file or "gate.yaml"
    fix = f"add their public SSH key under `keys` in {file}"
    keys = [holder.key for holder in readable_keys(setup.policy) if holder.person == person.name]
    if person.role == "bot":
        why, fix = "is a bot, and a bot can't approve", "name a person instead"
    elif any(key.validity(setup.now) == "valid" for key in keys):
        why = "has no way to approve: somebody else lists the same key"
    elif keys:
        why = "has no way to approve: no key of theirs is valid now"
    else:
        why = f"has no way to approve: no key in {file}, and no login where reviews count"
    return Problem("warning", f"{mention.place}: {mention.name} {why}", fix)


def _unrecognized(setup: Setup) -> list[Problem]:
    """Return the people whose commits nobody can recognize, in one sentence.

    A forge reports who opened a pull request. Everywhere else, a person without an address is an unknown author, whose
    own approval of their own work would count.
    """
    names = [person.name for person in setup.policy.people.values() if not person.emails]
    if not names:
        return []
    file = setup.policy.file or "gate.yaml"
    shown = names if len(names) <= MOST_PEOPLE else [*names[:MOST_PEOPLE], f"{len(names) - MOST_PEOPLE} more"]
    has = "has" if len(names) == 1 else "have"
    return [
        Problem(
            "note" if setup.forge else "warning",
            f"{listed(shown)} {has} no `emails` in {file}, so their commits count as an unknown author's",
            f"add the address they commit with: `gate init --person {names[0]} --email ADDRESS`",
        )
    ]
