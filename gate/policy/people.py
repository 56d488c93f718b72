"""Who is who by the policy: the people behind names, teams and e-mail addresses."""

from __future__ import annotations

from collections.abc import Iterable

from gate.policy.types import Person, Policy


def members(policy: Policy, names: Iterable[str]) -> frozenset[str]:
    """The people behind `names`: a person stands for themselves, a team for its members.

    A name that the policy does not know stands for nobody. Names compare without case, as forges do.
    """
    people = {name.casefold(): name for name in policy.people}
    teams = {name.casefold(): team for name, team in policy.teams.items()}
    found: set[str] = set()
    for name in names:
        key = name.casefold()
        if key in people:
            found.add(people[key])
        for member in teams.get(key, ()):
            if member.casefold() in people:
                found.add(people[member.casefold()])
    return frozenset(found)


def person_by_email(policy: Policy, email: str) -> Person | None:
    """The person to whom an e-mail address belongs; addresses compare without case."""
    wanted = email.casefold()
    for person in policy.people.values():
        if wanted in (own.casefold() for own in person.emails):
            return person
    return None


def people_by_emails(policy: Policy, emails: Iterable[str]) -> frozenset[str]:
    """The names of everybody to whom one of the addresses belongs."""
    found = (person_by_email(policy, email) for email in emails)
    return frozenset(person.name for person in found if person is not None)


def person_by_login(policy: Policy, forge: str, login: str) -> Person | None:
    """The person who has this login on `forge` (github, gitlab, gitea); logins compare without case."""
    wanted = login.casefold()
    found = [person for person in policy.people.values() if person.login(forge).casefold() == wanted]
    # A login that two people list cannot say which of them it was.
    return found[0] if wanted and len(found) == 1 else None
