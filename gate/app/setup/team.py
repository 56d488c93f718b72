"""Derive the people of a policy from CODEOWNERS, commits, and git's settings. Pure.

No person is invented. A name comes from CODEOWNERS, from an account on the forge, or, without either, from the email
address of the user; every guess is stated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gate.app.setup.observed import FORGE_NAMES, Observed
from gate.git.history import Committer, Past
from gate.policy.people import with_login
from gate.policy.types import Person, Role
from gate.policy.value_kinds import EMAIL, NAME
from gate.wording import listed

NO_REPLY = re.compile(r"(?:\d+[+-])?([^@+]+)@users\.noreply\.[^@]+", re.IGNORECASE)
BOT = re.compile(r"\bbot\b|\[bot\]|-bot$", re.IGNORECASE)
MOST_SUGGESTED = 8
MOST_NAMED = 3
UNNAMED = "@ACCOUNT"
"""The placeholder for an account name to fill in."""


@dataclass(frozen=True, slots=True)
class Answers:
    """The user's answers. None if a question wasn't asked, or if the default is right.

    `me` is the user's name in CODEOWNERS, which on a forge is their account.
    """

    me: str | None = None
    approvals: int | None = None
    guardians: tuple[str, ...] | None = None
    forge: str | None = None


@dataclass(frozen=True, slots=True)
class _Contributor:
    """A person who commits, with all usable addresses, those with the most commits first."""

    name: str
    emails: tuple[str, ...]
    commits: int

    @property
    def account(self) -> str:
        """The account on the forge that a no-reply address names, or ""."""
        return _account_in(self.emails)


@dataclass(frozen=True, slots=True)
class Team:
    """The people of a policy, and suggested people to add by hand, each with the reason.

    `me` is the user's name, or "". `assumptions` are the guesses. `teams` are the teams in CODEOWNERS, whose members
    are unknown.
    """

    me: str
    people: tuple[Person, ...]
    suggested: tuple[tuple[Person, str], ...]
    teams: tuple[str, ...]
    assumptions: tuple[str, ...]


def assemble(observed: Observed, answers: Answers) -> Team:
    """Return the people that the repository shows."""
    forge = answers.forge if answers.forge is not None else observed.forge
    owners = personal_owners(observed)
    me, assumption = _me(observed, answers, owners)
    people: dict[str, Person] = {}
    contributors = _contributors(observed.past)
    own = _own_addresses(observed.past, contributors)
    if me:
        person = Person(me, "senior", emails=own, keys=(observed.key,) if observed.key else ())
        people[me.casefold()] = with_login(person, forge, _login(me, owners, observed, answers))
    suggested: list[tuple[Person, str]] = []
    for owner in owners:
        if owner.casefold() in people:
            continue
        emails = _addresses_of(owner, contributors, tuple(people.values()))
        person = Person(owner, "senior", emails=emails)
        if forge:
            people[owner.casefold()] = with_login(person, forge, owner[1:])
        else:
            suggested.append((person, f"in {observed.owners.file}" if observed.owners else ""))
    suggested += _committers(contributors, forge, tuple(people.values()), [person for person, _ in suggested])
    mine = people.get(me.casefold())
    more = (
        f"{listed(own[1:])} {'is' if len(own) == 2 else 'are'} yours too: the name is the same"
        if own[1:]
        else ""
    )
    guesses = [assumption, more if me else "", _unknown_account(mine, forge), _others(observed, suggested)]
    assumptions = filter(None, guesses)
    return Team(me, tuple(people.values()), tuple(suggested), teams_of(observed), tuple(assumptions))


def _unknown_account(me: Person | None, forge: str) -> str:
    """Return what to do if the user's reviews on the forge can't count because their account is unknown, or ""."""
    if me is None or not forge or me.login(forge):
        return ""
    return (
        f"your {FORGE_NAMES[forge]} account is unknown, so your reviews there don't count: "
        f"add `{forge}: LOGIN` to {me.name} in gate.yaml"
    )


def _others(observed: Observed, suggested: Sequence[tuple[Person, str]]) -> str:
    """Return which committers can't approve. Names only a few, because more would hide the point."""
    reasons = [why for person, why in suggested if person.role != "bot" and " commit" in why]
    if not reasons:
        return ""
    too = " too" if _own_commits(observed.past) else ""
    named = "; ".join(reasons[:MOST_NAMED])
    more = f"; {len(reasons) - MOST_NAMED} more" if len(reasons) > MOST_NAMED else ""
    return (
        f"others commit here{too}, and can't approve until they are in `people`: {named}{more}. "
        "gate.yaml has a commented line for each"
    )


def personal_owners(observed: Observed) -> tuple[str, ...]:
    """Return the people named by a handle in CODEOWNERS, those with the most rules first."""
    return tuple(owner for owner in _handles(observed) if "/" not in owner and not owner.startswith("@@"))


def teams_of(observed: Observed) -> tuple[str, ...]:
    """Return the teams that CODEOWNERS names."""
    return tuple(owner for owner in _handles(observed) if "/" in owner)


def candidates(observed: Observed) -> tuple[str, ...]:
    """Return the owners who could be the user, or none if it is clear who the user is."""
    owners = personal_owners(observed)
    clear = _certain(observed, owners) or (len(owners) == 1 and _alone(observed)) or not owners
    return () if clear else owners


def account_unknown(observed: Observed, forge: str) -> bool:
    """Return whether the user's account on the forge is unknown."""
    return bool(forge) and not _account(observed.past) and not personal_owners(observed)


def _handles(observed: Observed) -> list[str]:
    rules = observed.owners.rules if observed.owners else ()
    names = [owner for rule in rules for owner in rule.owners if NAME.fullmatch(owner)]
    return sorted(dict.fromkeys(names), key=names.count, reverse=True)


def _me(observed: Observed, answers: Answers, owners: Sequence[str]) -> tuple[str, str]:
    """Return the user's name, and what was assumed to determine it."""
    past = observed.past
    identity = f"{past.name} <{past.email}>".strip()
    if answers.me is not None:
        by_folded_name = {owner.casefold(): owner for owner in owners}
        return by_folded_name.get(answers.me.casefold(), answers.me), ""
    if not EMAIL.fullmatch(past.email):
        return "", "git doesn't know your email address (`git config user.email`), so you aren't in `people`"
    if name := _certain(observed, owners):
        return name, f"you ({identity}) are {name}"
    if len(owners) == 1 and _alone(observed):
        return owners[0], f"you ({identity}) are {owners[0]}, the only person in {_file(observed)}"
    name = f"@{_account(past) or _slug(past.email.partition('@')[0]) or 'me'}"
    if not owners:
        why = _unnamed(observed)
        return name, f"you ({identity}) are {name}: {why}"
    listed = ", ".join(owners)
    return name, (
        f"you ({identity}) are not one of the owners in {_file(observed)} ({listed}), and are listed as {name}; "
        f"if you are one of them, rename {name} to it in gate.yaml"
    )


def _unnamed(observed: Observed) -> str:
    """Return why no handle in CODEOWNERS is the user's."""
    if observed.owners is None:
        return "no CODEOWNERS file names you"
    owners = {owner.casefold() for rule in observed.owners.rules for owner in rule.owners}
    if observed.past.email.casefold() in owners:
        return f"{_file(observed)} names you by your email address"
    return f"{_file(observed)} names {'teams only' if teams_of(observed) else 'nobody by a handle'}"


def _account(past: Past) -> str:
    """Return the account on the forge named by git's settings or a no-reply address, or ""."""
    return past.login or _account_in(_own_addresses(past, _contributors(past)))


def _file(observed: Observed) -> str:
    return observed.owners.file if observed.owners else "CODEOWNERS"


def _certain(observed: Observed, owners: Sequence[str]) -> str:
    """Return the owner whose handle is the user's, or "" if that isn't clear."""
    past = observed.past
    account = _account(past)
    words = [account] if account else _names(past.name, past.email)
    matches = {
        owner for owner in owners for word in words if word and owner[1:].casefold() == word.casefold()
    }
    return matches.pop() if len(matches) == 1 else ""


def _alone(observed: Observed) -> bool:
    """Return whether nobody else has committed."""
    return _own_commits(observed.past) == sum(committer.commits for committer in observed.past.committers)


def _names(name: str, email: str) -> list[str]:
    """Return the handles that a name and an email address suggest."""
    words = [_slug(word) for word in name.split()]
    joined = ["-".join(words), "".join(words)]
    initial = [f"{words[0][:1]}{words[-1]}"] if len(words) > 1 else []
    return [word for word in (_slug(email.partition("@")[0]), *joined, *initial) if word]


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")


def _login(name: str, owners: Sequence[str], observed: Observed, answers: Answers) -> str:
    """Return the user's account on the forge, or "" if it is unknown. Their answer wins over git's settings."""
    if answers.me is not None:
        return name[1:]
    if account := _account(observed.past):
        return account
    named = name.casefold() in {owner.casefold() for owner in owners}
    return name[1:] if named else ""


def _account_in(emails: Iterable[str]) -> str:
    return next((hidden[1] for email in emails if (hidden := NO_REPLY.fullmatch(email))), "")


def _contributors(past: Past) -> list[_Contributor]:
    """Return the people who commit, most active first. Addresses with the same full name are one person's.

    A single word may be the name of several people.
    """
    groups: dict[str, list[Committer]] = {}
    for committer in past.committers:
        if EMAIL.fullmatch(committer.email):
            full = len(committer.name.split()) > 1
            groups.setdefault(committer.name.casefold() if full else committer.email, []).append(committer)
    people = [
        _Contributor(group[0].name, tuple(item.email for item in group), sum(item.commits for item in group))
        for group in groups.values()
    ]
    return sorted(people, key=lambda person: -person.commits)


def _own_addresses(past: Past, contributors: Sequence[_Contributor]) -> tuple[str, ...]:
    """Return the addresses under which the user commits, that of git's settings first."""
    if not EMAIL.fullmatch(past.email):
        return ()
    own = past.email.casefold()
    full = past.name.casefold() if len(past.name.split()) > 1 else None
    same = [item for item in contributors if own in item.emails or item.name.casefold() == full]
    return (past.email, *(email for item in same for email in item.emails if email != own))


def _own_commits(past: Past) -> int:
    own = {email.casefold() for email in _own_addresses(past, _contributors(past))}
    return sum(committer.commits for committer in past.committers if committer.email in own)


def _addresses_of(
    owner: str, contributors: Sequence[_Contributor], people: Sequence[Person]
) -> tuple[str, ...]:
    """Return the addresses of an owner that belong to nobody else.

    They are those of the contributors with the owner's account, and of the only other one whose name matches.
    """
    handle = owner[1:].casefold()
    taken = {email.casefold() for person in people for email in person.emails}
    free = [item for item in contributors if taken.isdisjoint(item.emails)]
    certain = [item for item in free if item.account.casefold() == handle]
    similar = [item for item in free if not item.account and handle in _handles_of(item)]
    same = [*certain, *(similar if len(similar) == 1 else ())]
    return tuple(email for item in same for email in item.emails)


def _handles_of(contributor: _Contributor) -> set[str]:
    words = [word for email in contributor.emails for word in _names(contributor.name, email)]
    return {word.casefold() for word in words}


def _committers(
    contributors: Sequence[_Contributor], forge: str, people: Sequence[Person], invited: Sequence[Person]
) -> list[tuple[Person, str]]:
    """Return the other committers, to be added by hand: a commit doesn't make anyone an approver."""
    names = {person.name.casefold() for person in (*people, *invited)}
    emails = {email.casefold() for person in (*people, *invited) for email in person.emails}
    candidates: list[tuple[Person, str]] = []
    for contributor in contributors:
        account = contributor.account
        # On a forge, names are accounts, which an email address doesn't reveal.
        guess = UNNAMED[1:] if forge else next(iter(_names(contributor.name, contributor.emails[0])), "")
        name = f"@{account or guess}"
        taken = name != UNNAMED and name.casefold() in names
        known = not emails.isdisjoint(contributor.emails)
        if not NAME.fullmatch(name) or taken or known or len(candidates) == MOST_SUGGESTED:
            continue
        commits = "1 commit" if contributor.commits == 1 else f"{contributor.commits} commits"
        role: Role = "bot" if BOT.search(contributor.name) or BOT.search(name) else "member"
        person = Person(name, role, emails=contributor.emails)
        who = "".join(char for char in contributor.name if char.isprintable())
        candidates.append((with_login(person, forge, account), f"{who}, {commits}"))
        names.add(name.casefold())
    return candidates
