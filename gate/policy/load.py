"""gate.yaml into a `Policy`: what each key may hold. The defaults are in `gate.policy.types`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from gate.errors import InvalidInput
from gate.policy.keys import parse_key
from gate.policy.types import (
    BUILT_IN_CHECKS,
    Block,
    CheckSettings,
    Dialect,
    OwnersRequired,
    Person,
    Policy,
    Protection,
    ReportFormat,
    Require,
    Role,
    SeniorityRequired,
    Stale,
)

if TYPE_CHECKING:
    import yaml

    from gate.policy.reading import Reader

POLICY_FILE = "gate.yaml"
TOOLS = ("names", "ruff", "mypy", "pytest", "command")
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}
TIMEOUT = re.compile(r"(\d+(?:\.\d+)?)\s*([smh]?)")
NAME = re.compile(r"@[^\s,*?!\"'\x00-\x1f]+")
KEY_TYPES = re.compile(r"(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?")


def load_policy(data: bytes | None, file: str = POLICY_FILE) -> Policy:
    """The policy in `data`; None, where there is no such file, is the policy of defaults.

    Raises InvalidInput with every mistake in it.
    """
    if data is None:
        return Policy()
    # PyYAML takes longer to import than the rest of a quick run; without a policy it is not needed.
    from gate.policy.reading import Reader

    reader = Reader(file)
    root = reader.root(data)
    policy = _policy(reader, root) if root is not None and not reader.mistakes else Policy()
    if reader.mistakes:
        raise InvalidInput(sorted(reader.mistakes, key=lambda mistake: (mistake.line, mistake.column)))
    return replace(policy, file=file)


def _policy(reader: Reader, root: yaml.Node) -> Policy:
    found = reader.known(
        root, "", ("version", "repository", "owners", "protect", "people", "teams", "checks", "python")
    )
    policy = Policy()
    if "version" in found and reader.whole(found["version"], "version", 1) not in {0, 1}:
        reader.expected(found["version"], "version", "1, the only version there is")
    if "repository" in found:
        policy = replace(policy, repository=reader.text(found["repository"], "repository"))
    if "python" in found:
        policy = replace(policy, python=reader.text(found["python"], "python"))
    if "owners" in found:
        keys = reader.known(found["owners"], "owners", ("dialect",))
        if "dialect" in keys:
            dialect = reader.choice(keys["dialect"], "owners.dialect", get_args(Dialect))
            policy = replace(policy, dialect=dialect)
    checks = _checks(reader, found["checks"]) if "checks" in found else dict(BUILT_IN_CHECKS)
    people = _people(reader, found["people"]) if "people" in found else {}
    teams = _teams(reader, found["teams"], people) if "teams" in found else {}
    protect = _protect(reader, found["protect"], checks) if "protect" in found else {}
    return replace(policy, checks=checks, people=people, teams=teams, protect=protect)


def _protect(reader: Reader, node: yaml.Node, checks: Mapping[str, CheckSettings]) -> dict[str, Protection]:
    protect = {}
    for name, _key, value in reader.entries(node, "protect"):
        path = f"protect.{name}"
        keys = reader.known(value, path, ("kind", "require"))
        if "kind" in keys:
            reader.choice(keys["kind"], f"{path}.kind", ("branch",))
        require = (
            _require(reader, keys["require"], f"{path}.require", checks) if "require" in keys else Require()
        )
        protect[name] = Protection(require)
    return protect


def _require(reader: Reader, node: yaml.Node, path: str, checks: Mapping[str, CheckSettings]) -> Require:
    keys = reader.known(node, path, ("owners", "approvals", "seniority", "guarded", "checks"))
    require = Require()
    if "owners" in keys:
        require = replace(require, owners=_owners(reader, keys["owners"], f"{path}.owners"))
    if "approvals" in keys:
        require = replace(require, approvals=reader.whole(keys["approvals"], f"{path}.approvals"))
    if "seniority" in keys:
        require = replace(require, seniority=_seniority(reader, keys["seniority"], f"{path}.seniority"))
    if "guarded" in keys:
        node = keys["guarded"]
        guarded = () if reader.flag(node) is False else reader.words(node, f"{path}.guarded")
        require = replace(require, guarded=guarded)
    if "checks" in keys:
        node = keys["checks"]
        names = () if reader.flag(node) is False else reader.words(node, f"{path}.checks")
        for number, name in enumerate(names):
            if name not in checks:
                reader.wrong(
                    node,
                    f"{path}.checks[{number}]",
                    f'there is no check "{name}"; there are {", ".join(checks)}',
                )
        require = replace(require, checks=tuple(dict.fromkeys(names)))
    return require


def _owners(reader: Reader, node: yaml.Node, path: str) -> OwnersRequired | None:
    flag = reader.flag(node)
    if flag is not None:
        return OwnersRequired() if flag else None
    keys = reader.known(node, path, ("stale",))
    if "stale" not in keys:
        return OwnersRequired()
    stale = reader.choice(keys["stale"], f"{path}.stale", get_args(Stale))
    return OwnersRequired(stale or "change")


def _seniority(reader: Reader, node: yaml.Node, path: str) -> SeniorityRequired | None:
    flag = reader.flag(node)
    if flag is not None:
        return SeniorityRequired() if flag else None
    keys = reader.known(node, path, ("authors", "need"))
    seniority = SeniorityRequired()
    if "authors" in keys:
        roles = (*get_args(Role), "unknown")

        def role(item: yaml.Node, place: str) -> str:
            return reader.choice(item, place, roles) or "unknown"

        seniority = replace(seniority, authors=reader.items(keys["authors"], f"{path}.authors", role))
    if "need" in keys:
        seniority = replace(
            seniority, need=reader.choice(keys["need"], f"{path}.need", get_args(Role)) or "senior"
        )
    return seniority


def _people(reader: Reader, node: yaml.Node) -> dict[str, Person]:
    people: dict[str, Person] = {}
    nodes: dict[str, yaml.Node] = {}
    for name, key, value in reader.entries(node, "people"):
        path = f"people.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(key, path, "expected a name such as @someone, without blanks or wildcards")
            continue
        if name.casefold() in {known.casefold() for known in people}:
            reader.wrong(key, path, "given twice, in another case")
            continue
        people[name] = _person(reader, name, value, path)
        nodes[name] = value
    known = {name.casefold() for name in people}
    for person in people.values():
        if person.senior and person.senior.casefold() not in known:
            reader.wrong(
                nodes[person.name], f"people.{person.name}.senior", f"{person.senior} is not in `people`"
            )
    _unique(reader, people, nodes)
    return people


def _person(reader: Reader, name: str, node: yaml.Node, path: str) -> Person:
    keys = reader.known(node, path, ("role", "senior", "emails", "keys", "github", "gitlab"))
    person = Person(name)
    if "role" in keys:
        person = replace(person, role=reader.choice(keys["role"], f"{path}.role", get_args(Role)) or "junior")
    if "senior" in keys:
        person = replace(person, senior=reader.text(keys["senior"], f"{path}.senior"))
    if "github" in keys:
        person = replace(person, github=reader.text(keys["github"], f"{path}.github"))
    if "gitlab" in keys:
        person = replace(person, gitlab=reader.text(keys["gitlab"], f"{path}.gitlab"))
    if "emails" in keys:
        person = replace(person, emails=reader.words(keys["emails"], f"{path}.emails"))
    if "keys" in keys:
        place = f"{path}.keys"
        person = replace(
            person, keys=reader.items(keys["keys"], place, lambda item, at: _key(reader, item, at))
        )
    return person


def _unique(reader: Reader, people: Mapping[str, Person], nodes: Mapping[str, yaml.Node]) -> None:
    """An e-mail address or a key stands for one person, or nobody could say who approved."""
    owner: dict[str, str] = {}
    for person in people.values():
        marks = [email.casefold() for email in person.emails]
        marks += [word for key in person.keys for word in key.split() if len(word) > 40]
        for mark in dict.fromkeys(marks):
            if mark in owner:
                what = "key" if len(mark) > 40 and "@" not in mark else f"e-mail address {mark}"
                reader.wrong(nodes[person.name], f"people.{person.name}", f"has a {what} of {owner[mark]}'s")
            owner.setdefault(mark, person.name)


def _key(reader: Reader, node: yaml.Node, path: str) -> str:
    """A line of a public key, as `ssh-keygen` writes it; options may stand before it."""
    text = reader.text(node, path).strip()
    words = text.split()
    place = next((number for number, word in enumerate(words) if KEY_TYPES.fullmatch(word)), None)
    if "\n" in text or place is None or place + 1 >= len(words):
        reader.expected(node, path, "a public SSH key such as `ssh-ed25519 AAAA… comment`")
        return ""
    try:
        parse_key(text)
    except ValueError as error:
        reader.wrong(node, path, f"expected a whole and plain public key: {error}")
    return text


def _teams(reader: Reader, node: yaml.Node, people: Mapping[str, Person]) -> dict[str, tuple[str, ...]]:
    known = {name.casefold(): name for name in people}
    teams = {}
    for name, key, value in reader.entries(node, "teams"):
        path = f"teams.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(key, path, "expected a name such as @org/team, without blanks or wildcards")
        if name.casefold() in known:
            reader.wrong(key, path, "is a person in `people` as well")

        def member(item: yaml.Node, place: str) -> str:
            who = reader.text(item, place)
            if who and who.casefold() not in known:
                reader.wrong(item, place, f"{who} is not in `people`")
            return known.get(who.casefold(), who)

        teams[name] = reader.items(value, path, member)
    return teams


def _checks(reader: Reader, node: yaml.Node) -> dict[str, CheckSettings]:
    checks = dict(BUILT_IN_CHECKS)
    for name, key, value in reader.entries(node, "checks"):
        if not re.fullmatch(r"[A-Za-z][\w.-]*", name):
            reader.wrong(key, f"checks.{name}", "expected a name of letters, digits, `.`, `-` and `_`")
            continue
        checks[name] = _check(reader, name, value, f"checks.{name}")
    return checks


def _check(reader: Reader, name: str, node: yaml.Node, path: str) -> CheckSettings:
    names = ("tool", "command", "args", "timeout", "block", "report", "env", "disable")
    keys = reader.known(node, path, names)
    check = BUILT_IN_CHECKS.get(name, CheckSettings(name, "", block="all"))
    if "tool" in keys:
        tool = reader.choice(keys["tool"], f"{path}.tool", TOOLS) or "command"
        check = replace(check, tool=tool, block="all" if tool in {"pytest", "command"} else "new")
    if "command" in keys:
        words = reader.words(keys["command"], f"{path}.command")
        check = replace(check, tool="command", command=words, block="all")
        if not words:
            reader.expected(keys["command"], f"{path}.command", "a command and its arguments")
    if not check.tool or (check.tool == "command" and not check.command and "command" not in keys):
        reader.wrong(node, path, f"expected a `tool` ({', '.join(TOOLS[:-1])}) or a `command`")
    if "args" in keys:
        check = replace(check, args=reader.words(keys["args"], f"{path}.args"))
    if "env" in keys:
        check = replace(check, env=reader.words(keys["env"], f"{path}.env"))
    if "disable" in keys:
        check = replace(check, disable=reader.words(keys["disable"], f"{path}.disable"))
    if "timeout" in keys:
        check = replace(check, timeout=_timeout(reader, keys["timeout"], f"{path}.timeout"))
    if "block" in keys:
        check = replace(check, block=reader.choice(keys["block"], f"{path}.block", get_args(Block)) or "all")
    if "report" in keys:
        report = reader.choice(keys["report"], f"{path}.report", get_args(ReportFormat))
        check = replace(check, report=report or "none")
    return check


def _timeout(reader: Reader, node: yaml.Node, path: str) -> float:
    match = TIMEOUT.fullmatch(reader.text(node, path))
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= 24 * 3600:
        reader.expected(node, path, "a time such as 90s, 10m or 1h, up to 24h")
        return 600.0
    return seconds
