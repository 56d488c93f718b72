"""Limit an older branch's policy to what the default branch's policy still grants. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gate.policy.keys import parse_key
from gate.policy.people import members
from gate.policy.types import Person, Policy, Role

RANKS: tuple[Role, ...] = ("bot", "junior", "member", "senior")
"""Roles from the least to the most privileged."""


def still_listed(policy: Policy, current: Policy, branch: str) -> Policy:
    """Return the policy of the older `branch` (a short name) without what the `current` policy has since revoked.

    People and keys that are no longer listed become unknown. Of two roles, the lower one applies, and a key has its
    current options. Members of teams, guardians, and signers of verdicts must be so in both policies. Addresses and
    logins from either policy count. If the current policy lists no people, or has no such team, guardians, or signers,
    nothing is considered revoked.
    """
    if not current.people:
        return policy
    listed = {name.casefold(): person for name, person in current.people.items()}
    people = {
        name: _lesser(person, listed[name.casefold()])
        for name, person in policy.people.items()
        if name.casefold() in listed
    }
    teams = {name.casefold(): name for name in current.teams}
    narrowed = replace(
        policy,
        people=people,
        teams={
            name: _in_both(policy, team, current, current.teams[teams[name.casefold()]])
            if name.casefold() in teams
            else team
            for name, team in policy.teams.items()
        },
    )
    if not policy.protects(branch):
        return narrowed
    own, today = narrowed.protection(branch), current.protection(branch)
    require = replace(
        own.require, guarded=_in_both(narrowed, own.require.guarded, current, today.require.guarded)
    )
    verdicts = _in_both(narrowed, own.verdicts, current, today.verdicts)
    narrow = replace(own, require=require, verdicts=verdicts)
    return replace(narrowed, protect={**narrowed.protect, branch: narrow})


def _lesser(person: Person, now: Person) -> Person:
    """Return the person with what both policies grant, and the addresses from either."""
    keys = {_blob(line) for line in person.keys}
    return replace(
        person,
        role=min(person.role, now.role, key=RANKS.index),
        senior=now.senior or person.senior,
        emails=tuple(dict.fromkeys([*person.emails, *now.emails])),
        keys=tuple(line for line in now.keys if _blob(line) in keys),
        github=now.github or person.github,
        gitlab=now.gitlab or person.gitlab,
        gitea=now.gitea or person.gitea,
        records=person.records and now.records,
    )


def _in_both(
    policy: Policy, names: tuple[str, ...], current: Policy, today: Iterable[str]
) -> tuple[str, ...]:
    """Return the people and teams if all their members are still listed, else only the members who are.

    If nobody is left, return today's: an empty list would require nobody.
    """
    today = tuple(today)
    if not today:
        return names
    still = {name.casefold() for name in members(current, today)}
    members_before = members(policy, names)
    left = tuple(sorted(name for name in members_before if name.casefold() in still))
    if len(left) == len(members_before):
        return names
    return left or today


def _blob(line: str) -> str:
    """Return the key in a line, without options and comment."""
    try:
        return parse_key(line).blob
    except ValueError:
        return line
