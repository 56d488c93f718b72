"""The sections `people` and `teams` of gate.yaml: who is who."""

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
    """People by name. No address, login or key stands for two of them."""
    people: dict[str, Person] = {}
    taken: set[str] = set()
    belongs: dict[str, str] = {}
    seniors: list[tuple[yaml.Node, str, str]] = []

    def own(mark: str, node: yaml.Node, path: str) -> None:
        """An e-mail address, a key or a login stands for one person, or nobody could say who approved."""
        if belongs.setdefault(mark, name) != name:
            reader.wrong(node, path, f"also belongs to {belongs[mark]}; it can identify one person only")

    def senior(node: yaml.Node, path: str) -> str:
        seniors.append((node, path, reader.text(node, path)))
        return seniors[-1][2]

    def email(node: yaml.Node, path: str) -> str:
        text = reader.text(node, path)
        if not EMAIL.fullmatch(text):
            reader.expected(node, path, "an e-mail address as commits have it")
        own(text.casefold(), node, path)
        return text

    def key(node: yaml.Node, path: str) -> str:
        text, blob = _key(reader, node, path)
        if blob:
            own(blob, node, path)
        return text

    def login(forge: str, node: yaml.Node, path: str) -> str:
        text = reader.text(node, path)
        if text.startswith("@") or text != text.strip():
            reader.expected(node, path, f"the login as {forge} has it, without `@`")
        if text:
            own(f"{forge}: {text.casefold()}", node, path)
        return text

    def records(node: yaml.Node, path: str) -> bool:
        flag = reader.flag(node)
        if flag is None:
            reader.expected(node, path, "true or false")
        return bool(flag)

    read = reader.fields(
        {
            "role": reader.choice(get_args(Role)),
            "senior": senior,
            "emails": reader.list_of(email),
            "keys": reader.list_of(key),
            "github": partial(login, "github"),
            "gitlab": partial(login, "gitlab"),
            "gitea": partial(login, "gitea"),
            "records": records,
        }
    )
    for name, at, value in reader.entries(node, path):
        key_path = f"{path}.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(at, key_path, "expected a name such as @someone, without blanks or wildcards")
        elif name.casefold() in taken:
            reader.wrong(at, key_path, "given twice, in another case")
        taken.add(name.casefold())
        people[name] = Person(name, **read(value, key_path))
    for node, key_path, who in seniors:
        if who and who.casefold() not in taken:
            reader.wrong(node, key_path, f"{who} is not in `people`")
    return people


def _key(reader: Reader, node: yaml.Node, path: str) -> tuple[str, str]:
    """A line of a public key as `ssh-keygen` writes it, options before it or not; and the key alone."""
    text = reader.text(node, path).strip()
    words = text.split()
    position = next((number for number, word in enumerate(words) if KEY_TYPES.fullmatch(word)), None)
    if "\n" in text or position is None or position + 1 >= len(words):
        reader.expected(node, path, "a public SSH key such as `ssh-ed25519 AAAA… comment`")
        return text, ""
    try:
        return text, parse_key(text).blob
    except ValueError as error:
        reader.wrong(node, path, f"expected a whole and plain public key: {error}")
    return text, ""


def read_teams(
    reader: Reader, people: Mapping[str, Person], node: yaml.Node, path: str
) -> dict[str, tuple[str, ...]]:
    """Teams by name, each with those of `people` who are in it."""
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
            reader.wrong(key, team_path, "expected a name such as @org/team, without blanks or wildcards")
        elif name.casefold() in taken:
            reader.wrong(key, team_path, "is a person in `people` as well")
        elif name.casefold() in seen:
            reader.wrong(key, team_path, "given twice, in another case")
        seen.add(name.casefold())
        teams[name] = reader.list_of(member)(value, team_path)
    return teams
