"""Identify the people behind names, teams, and email addresses according to the policy."""

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
    """Resolve names to people: a person is one, a team has members.

    Unknown names resolve to nobody. Names are case-insensitive, as on forges.
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
    """Return the person an email address belongs to, ignoring case.

    A `+suffix` in the local part is ignored. A forge's no-reply address belongs to the person with that login. An
    address that could belong to several people belongs to nobody.
    """
    candidates = _candidates(policy, email)
    return candidates[0] if len(candidates) == 1 else None


def people_by_emails(policy: Policy, emails: Iterable[str]) -> frozenset[str]:
    """Return the names of everyone to whom one of the addresses belongs or may belong."""
    return frozenset(person.name for email in emails for person in _candidates(policy, email))


def logins_in(email: str) -> tuple[tuple[str, str], ...]:
    """Return the logins in a forge's no-reply address, each with the forge ("" for any); empty for other addresses.

    GitHub uses `ID+login@users.noreply.github.com`, or no number for older accounts; GitLab
    `ID-login@users.noreply.HOST`; Gitea and Forgejo `login@noreply.HOST`. The name of a self-hosted server doesn't
    reveal which forge it runs.
    """
    match = NO_REPLY.fullmatch(email.strip())
    if match is None:
        return ()
    local, host = match["local"], match["host"].casefold()
    forge = {"users.noreply.github.com": "github", "users.noreply.gitlab.com": "gitlab"}.get(host, "")
    marks = {"github": "+", "gitlab": "-"}.get(forge, "+-")
    numbered = NUMBERED.fullmatch(local)
    logins = [numbered["login"]] if numbered and numbered["mark"] in marks else []
    # The whole local part may be the login: without an ID, or if the login itself looks like an ID and a name.
    if forge != "gitlab" or not logins:
        logins.append(local)
    return tuple((login, forge) for login in logins)


def normal_email(email: str) -> str:
    """Normalize an address, so that all spellings a mail program would accept compare equal.

    Ignores case, full-width letters, invisible characters, blanks, quotes, comments in parentheses, `mailto:`, and a
    trailing dot.
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
    # What follows a plus sign only sorts one person's mail.
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
    """Return the address without a `+suffix` in its local part (`ada+work@x.example`)."""
    name, at, host = email.rpartition("@")
    return name.partition("+")[0] + at + host


def _logins(person: Person, forge: str) -> set[str]:
    """Return a person's login on a forge, or their name if none is listed, because CODEOWNERS uses logins as names.

    For a host that could run any forge (""), return all their logins and the name.
    """
    name = person.name.removeprefix("@")
    logins = {person.login(forge) or name} if forge else {name, *map(person.login, FORGES)}
    return {login.casefold() for login in logins if login}


def person_by_login(policy: Policy, forge: str, login: str) -> Person | None:
    """Return the person with this login on `forge` (github, gitlab, gitea), ignoring case."""
    folded = login.casefold()
    matching = [person for person in policy.people.values() if person.login(forge).casefold() == folded]
    # A login that two people list doesn't identify either of them.
    return matching[0] if folded and len(matching) == 1 else None


def with_login(person: Person, forge: str, login: str) -> Person:
    """Return the person with an added login on a forge."""
    github, gitlab, gitea = (login if name == forge else "" for name in ("github", "gitlab", "gitea"))
    return replace(person, github=github, gitlab=gitlab, gitea=gitea)


def forge_of(origin: str) -> str:
    """Return the forge of a remote's address, by its host name, or "" if unknown."""
    match = re.match(r"(?:[\w+.-]+://)?(?:[^/@]*@)?([^/:]+)[:/]", origin)
    host = match[1].casefold() if match and not origin.startswith(("/", ".", "file:")) else ""
    if host == "codeberg.org" or "forgejo" in host:
        return "gitea"
    return next((forge for forge in FORGES if forge in host), "")


NO_NAMES = {"_git", "scm"}
"""Path segments of a URL that name nothing, in Azure DevOps and Bitbucket Data Center."""


def repository_name(origin: str) -> str:
    """Return `acme/shortener` from the address of a remote, or "" for a local folder, whose name means nothing
    elsewhere.

    That is the last two parts of the path, or all of them on GitLab hosts, where groups can be nested.
    """
    # The path follows a scheme and a host, or a host alone; a user name isn't part of the repository's name.
    prefix = re.match(r"(?!file:)[\w+.-]+://[^/]+/|[^/:]{2,}:(?!//)", origin)
    if not prefix:
        return ""
    path = origin[prefix.end() :].rstrip("/").removesuffix("/.git").removesuffix(".git")
    parts = [part for part in path.split("/") if part.strip(".") and part not in NO_NAMES]
    if "gitlab" not in prefix[0].casefold():
        parts = parts[-2:]
    return "/".join(parts) if all(re.fullmatch(r"[\w.+~-]+", part) for part in parts) else ""
