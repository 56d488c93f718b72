"""Parse the sections `people` and `teams` of gate.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import get_args

import yaml

from gate.policy.keys import parse_key
from gate.policy.reading import Reader
from gate.policy.types import Person, Role
from gate.policy.value_kinds import EMAIL, NAME

KEY_TYPES = re.compile(r"(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?")


def read_people(reader: Reader, node: yaml.Node, path: str) -> dict[str, Person]:
    """Return people by name. An address, login, or key can't belong to two people."""
    people: dict[str, Person] = {}
    taken: set[str] = set()
    fields = _PersonFields(reader)
    for name, at, value in reader.entries(node, path):
        key_path = f"{path}.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(at, key_path, "expected a name such as @someone, without spaces or wildcards")
        elif name.casefold() in taken:
            reader.wrong(at, key_path, "given twice, in another case")
        taken.add(name.casefold())
        people[name] = fields.read(name, value, key_path)
    for node, key_path, senior in fields.seniors:
        if senior and senior.casefold() not in taken:
            reader.wrong(node, key_path, f"{senior} is not in `people`")
    return people


class _PersonFields:
    """Parses the fields of each person, and checks that no identity is used twice."""

    def __init__(self, reader: Reader) -> None:
        self.seniors: list[tuple[yaml.Node, str, str]] = []
        """The places where seniors are named."""
        self._reader = reader
        self._name = ""
        self._belongs: dict[str, str] = {}
        self._read = reader.fields(
            {
                "role": reader.choice(get_args(Role)),
                "senior": self._senior,
                "emails": reader.list_of(self._email),
                "keys": reader.list_of(self._key),
                "github": partial(self._login, "github"),
                "gitlab": partial(self._login, "gitlab"),
                "gitea": partial(self._login, "gitea"),
                "records": self._records,
            }
        )

    def read(self, name: str, node: yaml.Node, path: str) -> Person:
        """Return the person with this name."""
        self._name = name
        return Person(name, **self._read(node, path))

    def _own(self, mark: str, node: yaml.Node, path: str) -> None:
        """Check that an address, key, or login belongs to one person only; otherwise it wouldn't identify who
        approved.
        """
        owner = self._belongs.setdefault(mark, self._name)
        if owner != self._name:
            self._reader.wrong(node, path, f"also belongs to {owner}; it can identify one person only")

    def _senior(self, node: yaml.Node, path: str) -> str:
        self.seniors.append((node, path, self._reader.text(node, path)))
        return self.seniors[-1][2]

    def _email(self, node: yaml.Node, path: str) -> str:
        text = self._reader.text(node, path)
        if not EMAIL.fullmatch(text):
            self._reader.expected(node, path, "an email address, as in commits")
        self._own(text.casefold(), node, path)
        return text

    def _key(self, node: yaml.Node, path: str) -> str:
        text, blob = _key(self._reader, node, path)
        if blob:
            self._own(blob, node, path)
        return text

    def _login(self, forge: str, node: yaml.Node, path: str) -> str:
        text = self._reader.text(node, path)
        if text.startswith("@") or text != text.strip():
            self._reader.expected(node, path, f"the login on {forge}, without `@`")
        if text:
            self._own(f"{forge}: {text.casefold()}", node, path)
        return text

    def _records(self, node: yaml.Node, path: str) -> bool:
        flag = self._reader.flag(node)
        if flag is None:
            self._reader.expected(node, path, "true or false")
        return bool(flag)


def _key(reader: Reader, node: yaml.Node, path: str) -> tuple[str, str]:
    """Parse a public key line as written by `ssh-keygen`, with or without options; return the line and the bare key."""
    text = reader.text(node, path).strip()
    words = text.split()
    position = next((number for number, word in enumerate(words) if KEY_TYPES.fullmatch(word)), None)
    if "\n" in text or position is None or position + 1 >= len(words):
        reader.expected(node, path, "a public SSH key such as `ssh-ed25519 AAAA… comment`")
        return text, ""
    try:
        return text, parse_key(text).blob
    except ValueError as error:
        reader.wrong(node, path, f"expected a complete, plain public key: {error}")
    return text, ""


def read_teams(
    reader: Reader, people: Mapping[str, Person], node: yaml.Node, path: str
) -> dict[str, tuple[str, ...]]:
    """Return teams by name, with those of `people` who are members."""
    taken = {name.casefold(): name for name in people}
    seen: set[str] = set()
    entries = tuple(reader.entries(node, path))
    names = {name.casefold() for name, _, _ in entries}

    def member(node: yaml.Node, path: str) -> str:
        who = reader.text(node, path)
        if who.casefold() in names and who.casefold() not in taken:
            reader.wrong(node, path, f"{who} is a team, and a team lists people only: name its members here")
        elif who and who.casefold() not in taken:
            reader.wrong(node, path, f"{who} is not in `people`")
        return taken.get(who.casefold(), who)

    teams = {}
    for name, key, value in entries:
        team_path = f"{path}.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(key, team_path, "expected a name such as @org/team, without spaces or wildcards")
        elif name.casefold() in taken:
            reader.wrong(key, team_path, "is a person in `people` as well")
        elif name.casefold() in seen:
            reader.wrong(key, team_path, "given twice, in another case")
        seen.add(name.casefold())
        teams[name] = reader.list_of(member)(value, team_path)
    return teams
