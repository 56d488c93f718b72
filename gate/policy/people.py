"""Who is who by the policy: the people behind names, teams and e-mail addresses."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace

from gate.policy.types import Person, Policy

FORGES = ("github", "gitlab", "gitea")
"""The forges whose reviews gate can count."""
NO_REPLY = re.compile(r"(?P<local>[^@\s]+)@(?P<host>(?:users\.)?noreply\.[^@\s]+)", re.IGNORECASE)
_COMMENT = re.compile(r"\([^()]*\)")
_NOT_ADDRESS = re.compile(r"[\s\"'<>]")
NUMBERED = re.compile(r"\d+(?P<mark>[+-])(?P<login>.+)")


def members(policy: Policy, names: Iterable[str]) -> frozenset[str]:
    """The people behind `names`: a person, or the members of a team.

    A name that the policy does not know is nobody's. Names compare without case, as forges do.
    """
    people = {name.casefold(): name for name in policy.people}
    teams = {name.casefold(): team for name, team in policy.teams.items()}
    result: set[str] = set()
    for name in names:
        key = name.casefold()
        if key in people:
            result.add(people[key])
        for member in teams.get(key, ()):
            if member.casefold() in people:
                result.add(people[member.casefold()])
    return frozenset(result)


def person_by_email(policy: Policy, email: str) -> Person | None:
    """The person to whom an e-mail address belongs; addresses compare without case.

    What follows a plus in the name makes no other address. A forge's no-reply address belongs to the person with
    the login in it. One that could be several people's is nobody's.
    """
    candidates = _candidates(policy, email)
    return candidates[0] if len(candidates) == 1 else None


def people_by_emails(policy: Policy, emails: Iterable[str]) -> frozenset[str]:
    """The names of everybody to whom one of the addresses belongs, or may belong."""
    return frozenset(person.name for email in emails for person in _candidates(policy, email))


def logins_in(email: str) -> tuple[tuple[str, str], ...]:
    """The logins to which a forge's no-reply address may belong, each with the forge ("" for any); none in any other.

    GitHub has `ID+login@users.noreply.github.com`, or without the number on an older account; GitLab
    `ID-login@users.noreply.HOST`; Gitea and Forgejo `login@noreply.HOST`. A host of one's own says nothing of the
    kind of forge that runs there.
    """
    match = NO_REPLY.fullmatch(email.strip())
    if match is None:
        return ()
    local, host = match["local"], match["host"].casefold()
    forge = {"users.noreply.github.com": "github", "users.noreply.gitlab.com": "gitlab"}.get(host, "")
    marks = {"github": "+", "gitlab": "-"}.get(forge, "+-")
    numbered = NUMBERED.fullmatch(local)
    logins = [numbered["login"]] if numbered and numbered["mark"] in marks else []
    # Without its number, or of an account whose name only looks as if it began with one.
    if forge != "gitlab" or not logins:
        logins.append(local)
    return tuple((login, forge) for login in logins)


def normal_email(email: str) -> str:
    """The address as it compares: every spelling of one address that a mail program would take for it.

    Case, compatibility forms of letters (full width), invisible characters, blanks, quotes, comments in parentheses,
    `mailto:`, and a dot at the end make no other address.
    """
    text = email
    if not text.isascii():
        visible = "".join(char for char in text if unicodedata.category(char) != "Cf")
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    text = _COMMENT.sub("", text).casefold()
    text = _NOT_ADDRESS.sub("", text).removeprefix("mailto:")
    return text.replace("\u3002", ".").rstrip(".")


def _candidates(policy: Policy, email: str) -> list[Person]:
    folded = normal_email(email)
    people = policy.people.values()
    listed = [p for p in people if folded in map(normal_email, p.emails)]
    # What follows a plus only sorts the mail of one person.
    listed = listed or [
        p for p in people if _mailbox(folded) in (_mailbox(normal_email(own)) for own in p.emails)
    ]
    if listed:
        return listed
    wanted_logins = [(login, forge) for login, forge in logins_in(folded)]
    if not wanted_logins:
        return []
    return [
        person
        for person in policy.people.values()
        if any(login in _logins(person, forge) for login, forge in wanted_logins)
    ]


def _mailbox(email: str) -> str:
    """The address without the part of the name that starts with a plus (`ada+work@x.example`)."""
    name, at, host = email.rpartition("@")
    return name.partition("+")[0] + at + host


def _logins(person: Person, forge: str) -> set[str]:
    """Their login on a forge; where none is listed, the name: CODEOWNERS calls people by their login.

    On a host that could run any forge ("") it is each of them, and the name.
    """
    name = person.name.removeprefix("@")
    logins = {person.login(forge) or name} if forge else {name, *map(person.login, FORGES)}
    return {login.casefold() for login in logins if login}


def person_by_login(policy: Policy, forge: str, login: str) -> Person | None:
    """The person who has this login on `forge` (github, gitlab, gitea); logins compare without case."""
    folded = login.casefold()
    matching = [person for person in policy.people.values() if person.login(forge).casefold() == folded]
    # A login that two people list cannot say which of them it was.
    return matching[0] if folded and len(matching) == 1 else None


def with_login(person: Person, forge: str, login: str) -> Person:
    """The person with an account on a forge."""
    github, gitlab, gitea = (login if name == forge else "" for name in ("github", "gitlab", "gitea"))
    return replace(person, github=github, gitlab=gitlab, gitea=gitea)


def forge_of(origin: str) -> str:
    """The forge that runs at the address of a remote, by the name of its host; empty if unknown."""
    match = re.match(r"(?:[\w+.-]+://)?(?:[^/@]*@)?([^/:]+)[:/]", origin)
    host = match[1].casefold() if match and not origin.startswith(("/", ".", "file:")) else ""
    if host == "codeberg.org" or "forgejo" in host:
        return "gitea"
    return next((forge for forge in FORGES if forge in host), "")


NO_NAMES = {"_git", "scm"}
"""Parts of an address that name nothing: Azure DevOps and Bitbucket Data Center have them."""


def repository_name(origin: str) -> str:
    """`acme/shortener`, from the address of a remote on a host; empty for a folder, whose name is only a local one.

    The last two parts of the path; on a host that is called after GitLab all of them, since groups nest there.
    """
    # Before the path comes a scheme with a host, or a host alone; who logs in there is not part of the name.
    prefix = re.match(r"(?!file:)[\w+.-]+://[^/]+/|[^/:]{2,}:(?!//)", origin)
    if not prefix:
        return ""
    path = origin[prefix.end() :].rstrip("/").removesuffix("/.git").removesuffix(".git")
    parts = [part for part in path.split("/") if part.strip(".") and part not in NO_NAMES]
    if "gitlab" not in prefix[0].casefold():
        parts = parts[-2:]
    return "/".join(parts) if all(re.fullmatch(r"[\w.+~-]+", part) for part in parts) else ""
