"""The sections of gate.yaml: what each key may hold, and which other section it may name.

Every function takes a node and its place, and leaves what is wrong in the reader.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, get_args

import yaml

from gate.policy.keys import parse_key
from gate.policy.reading import Read, Reader, Value
from gate.policy.types import (
    BUILT_IN_CHECKS,
    RELEASE,
    Block,
    BudgetRequired,
    CheckSettings,
    Dialect,
    KeptHistory,
    Kind,
    Metric,
    OwnersRequired,
    Person,
    Policy,
    Protection,
    ReportFormat,
    Require,
    Role,
    SeniorityRequired,
    SoakRequired,
    Stale,
)

TOOLS = ("names", "ruff", "mypy", "pytest", "command")
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:/[^\s?#]*)?")
FOR_ENVIRONMENTS = frozenset({"passed", "soaked", "metric", "budget"})
FOR_BRANCHES = frozenset({"history"})
SIZES = {"m": 2**20, "g": 2**30}
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([mg])")
TIME = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([smhd]?)")
NAME = re.compile(r"@[^\s,*?!\"'\x00-\x1f\x7f]+")
EMAIL = re.compile(r"(?!\s)[^<>\x00-\x1f\x7f]+(?<!\s)")
BRANCH = re.compile(r"(?!refs/)[^\s~^:\\\x00-\x1f\x7f]+")
CHECK = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")
KEY_TYPES = re.compile(r"(?:sk-)?(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521))(?:@openssh\.com)?")


def read_policy(reader: Reader, root: yaml.Node) -> Policy:
    """The whole file. Sections that others name come before them, wherever they stand in it."""
    empty = Policy()
    names = (
        "version",
        "repository",
        "owners",
        "protect",
        "people",
        "teams",
        "checks",
        "python",
        "prometheus",
    )
    given = reader.known(root, "", names)

    def section(name: str, read: Read[Value], default: Value) -> Value:
        return read(given[name], name) if name in given else default

    checks = section("checks", partial(_checks, reader), empty.checks)
    people = section("people", partial(_people, reader), empty.people)
    nothing: dict[str, Any] = {}
    owners = section("owners", reader.fields({"dialect": reader.choice(get_args(Dialect))}), nothing)
    return Policy(
        version=section("version", partial(_version, reader), empty.version),
        repository=section("repository", reader.text, empty.repository),
        protect=section("protect", partial(_protect, reader, checks), empty.protect),
        people=people,
        teams=section("teams", partial(_teams, reader, people), empty.teams),
        checks=checks,
        python=section("python", reader.text, empty.python),
        prometheus=section("prometheus", partial(_address, reader), empty.prometheus),
        **owners,
    )


def _version(reader: Reader, node: yaml.Node, path: str) -> int:
    if reader.whole(node, path, 1) > 1:
        reader.expected(node, path, "1, the only version there is")
    return 1


def _protect(reader: Reader, checks: Collection[str], node: yaml.Node, path: str) -> dict[str, Protection]:
    protect: dict[str, Protection] = {}
    seen: list[tuple[yaml.Node, str, str]] = []
    read = reader.fields(
        {
            "kind": reader.choice(get_args(Kind)),
            "require": partial(_require, reader, checks, seen),
            "verdicts": reader.switched(
                reader.list_of(partial(_named, reader, "a person or a team, such as @ci"))
            ),
        }
    )
    for name, key, value in reader.entries(node, path):
        place = f"{path}.{name}"
        # `refs/heads/main` would protect nothing: branches are compared by their short names.
        if not BRANCH.fullmatch(name):
            short = name.removeprefix("refs/heads/")
            meant = short if BRANCH.fullmatch(short) else "main"
            reader.wrong(key, place, f"expected the short name of a branch, such as `{meant}`")
        given = read(value, place)
        kind: Kind = given.get("kind") or "branch"
        require = given.get("require", {})
        other: Kind = "environment" if kind == "branch" else "branch"
        for word in (FOR_ENVIRONMENTS if kind == "branch" else FOR_BRANCHES) & require.keys():
            if require[word]:
                reader.wrong(value, f"{place}.require.{word}", f"has a meaning for `kind: {other}` only")
        trusted = tuple(dict.fromkeys(given.get("verdicts") or ()))
        usual = RELEASE if kind == "environment" else Require()
        protect[name] = Protection(replace(usual, **require), trusted, kind)
    for node, path, name in seen:
        if name not in protect:
            reader.wrong(node, path, f'there is no "{name}" in `protect`')
    return protect


def _require(
    reader: Reader,
    checks: Collection[str],
    targets: list[tuple[yaml.Node, str, str]],
    node: yaml.Node,
    path: str,
) -> dict[str, Any]:
    """What is asked for, as far as it is given; `targets` gets the places that name other targets."""

    def target(node: yaml.Node, path: str) -> str:
        targets.append((node, path, reader.text(node, path)))
        return targets[-1][2]

    def check(node: yaml.Node, path: str) -> str:
        name = reader.text(node, path)
        if name and name not in checks:
            reader.wrong(node, path, f'there is no check "{name}"; there are {", ".join(checks)}')
        return name

    roles = reader.choice((*get_args(Role), "unknown"))
    owners = reader.fields({"stale": reader.choice(get_args(Stale))})
    seniority = reader.fields({"authors": reader.list_of(roles), "need": reader.choice(get_args(Role))})
    guardian = partial(_named, reader, "a person or a team, such as @acme/guardians")
    read = reader.fields(
        {
            "owners": reader.switched(
                lambda node, path: OwnersRequired(**owners(node, path)), OwnersRequired()
            ),
            "approvals": reader.whole,
            "seniority": reader.switched(
                lambda node, path: SeniorityRequired(**seniority(node, path)), SeniorityRequired()
            ),
            "guarded": reader.switched(reader.list_of(guardian)),
            "checks": reader.switched(reader.list_of(check)),
            "history": reader.choice(get_args(KeptHistory)),
            "passed": reader.switched(reader.list_of(target)),
            "soaked": reader.switched(partial(_soaked, reader, target)),
            "metric": reader.switched(reader.list_of(partial(_metric, reader))),
            "budget": reader.switched(partial(_budget, reader), BudgetRequired()),
        }
    )
    values = read(node, path)
    for name in {"guarded", "checks", "passed", "metric"} & values.keys():
        values[name] = tuple(dict.fromkeys(values[name] or ()))
    return values


def _soaked(reader: Reader, target: Read[str], node: yaml.Node, path: str) -> SoakRequired:
    values = reader.fields({"in": target, "for": partial(_span, reader, 366.0), "healthy": reader.text})(
        node, path
    )
    for name, what in (("in", "an environment"), ("for", "a time such as 30m")):
        if name not in values:
            reader.wrong(node, path, f"expected `{name}`, {what}")
    return SoakRequired(values.get("in", ""), values.get("for", 0.0), values.get("healthy", ""))


def _metric(reader: Reader, node: yaml.Node, path: str) -> Metric:
    values = reader.fields({"query": reader.text, "below": reader.number, "above": reader.number})(node, path)
    if not values.get("query") or not values.keys() & {"below", "above"}:
        reader.wrong(
            node, path, "expected a `query`, and `below` or `above` which limit its answer has to be"
        )
    return Metric(**{"query": "", **values})


def _budget(reader: Reader, node: yaml.Node, path: str) -> BudgetRequired:
    values = reader.fields(
        {
            "minutes": reader.number,
            "risk": reader.number,
            "low": reader.number,
            "downtime": reader.text,
            "incidents": reader.text,
        }
    )(node, path)
    for name in {"minutes", "risk", "low"} & values.keys():
        if values[name] < 0:
            reader.wrong(node, f"{path}.{name}", "expected minutes, and not fewer than none")
    return BudgetRequired(**values)


def _address(reader: Reader, node: yaml.Node, path: str) -> str:
    text = reader.text(node, path)
    if text and not ADDRESS.fullmatch(text):
        reader.expected(node, path, "an address such as http://localhost:9090")
    return text.rstrip("/")


def _people(reader: Reader, node: yaml.Node, path: str) -> dict[str, Person]:
    people: dict[str, Person] = {}
    known: set[str] = set()
    belongs: dict[str, str] = {}
    seniors: list[tuple[yaml.Node, str, str]] = []

    def own(mark: str, node: yaml.Node, path: str) -> None:
        """An e-mail address, a key or a login stands for one person, or nobody could say who approved."""
        if belongs.setdefault(mark, name) != name:
            reader.wrong(
                node, path, f"is one of {belongs[mark]}'s as well, and can stand for one person only"
            )

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
        if text:
            own(f"{forge}: {text.casefold()}", node, path)
        return text

    read = reader.fields(
        {
            "role": reader.choice(get_args(Role)),
            "senior": senior,
            "emails": reader.list_of(email),
            "keys": reader.list_of(key),
            "github": partial(login, "github"),
            "gitlab": partial(login, "gitlab"),
            "gitea": partial(login, "gitea"),
        }
    )
    for name, at, value in reader.entries(node, path):
        place = f"{path}.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(at, place, "expected a name such as @someone, without blanks or wildcards")
        elif name.casefold() in known:
            reader.wrong(at, place, "given twice, in another case")
        known.add(name.casefold())
        people[name] = Person(name, **read(value, place))
    for node, place, who in seniors:
        if who and who.casefold() not in known:
            reader.wrong(node, place, f"{who} is not in `people`")
    return people


def _key(reader: Reader, node: yaml.Node, path: str) -> tuple[str, str]:
    """A line of a public key as `ssh-keygen` writes it, options before it or not; and the key alone."""
    text = reader.text(node, path).strip()
    words = text.split()
    place = next((number for number, word in enumerate(words) if KEY_TYPES.fullmatch(word)), None)
    if "\n" in text or place is None or place + 1 >= len(words):
        reader.expected(node, path, "a public SSH key such as `ssh-ed25519 AAAA… comment`")
        return text, ""
    try:
        return text, parse_key(text).blob
    except ValueError as error:
        reader.wrong(node, path, f"expected a whole and plain public key: {error}")
    return text, ""


def _named(reader: Reader, wanted: str, node: yaml.Node, path: str) -> str:
    name = reader.text(node, path)
    if name and not NAME.fullmatch(name):
        reader.expected(node, path, wanted)
    return name


def _teams(
    reader: Reader, people: Mapping[str, Person], node: yaml.Node, path: str
) -> dict[str, tuple[str, ...]]:
    known = {name.casefold(): name for name in people}
    seen: set[str] = set()

    def member(node: yaml.Node, path: str) -> str:
        who = reader.text(node, path)
        if who and who.casefold() not in known:
            reader.wrong(node, path, f"{who} is not in `people`")
        return known.get(who.casefold(), who)

    teams = {}
    for name, key, value in reader.entries(node, path):
        place = f"{path}.{name}"
        if not NAME.fullmatch(name):
            reader.wrong(key, place, "expected a name such as @org/team, without blanks or wildcards")
        elif name.casefold() in known:
            reader.wrong(key, place, "is a person in `people` as well")
        elif name.casefold() in seen:
            reader.wrong(key, place, "given twice, in another case")
        seen.add(name.casefold())
        teams[name] = reader.list_of(member)(value, place)
    return teams


def _checks(reader: Reader, node: yaml.Node, path: str) -> dict[str, CheckSettings]:
    checks = dict(BUILT_IN_CHECKS)
    for name, key, value in reader.entries(node, path):
        place = f"{path}.{name}"
        if CHECK.fullmatch(name):
            checks[name] = _check(reader, name, value, place)
        else:
            reader.wrong(key, place, "expected a name of letters, digits, `.`, `-` and `_`")
    return checks


def _check(reader: Reader, name: str, node: yaml.Node, path: str) -> CheckSettings:
    values = reader.fields(
        {
            "tool": reader.choice(TOOLS),
            "command": partial(_argv, reader),
            "args": reader.words,
            "timeout": partial(_timeout, reader),
            "memory": partial(_size, reader),
            "block": reader.choice(get_args(Block)),
            "report": reader.choice(get_args(ReportFormat)),
            "env": reader.words,
            "disable": reader.list_of(partial(_rule, reader)),
        }
    )(node, path)
    usual = BUILT_IN_CHECKS.get(name, CheckSettings(name, ""))
    if "command" in values:
        if values.get("tool", "command") != "command":
            reader.wrong(node, path, "expected a `tool` or a `command`, got both")
        values["tool"] = "command"
    tool = values.get("tool", usual.tool)
    if not tool or (tool == "command" and "command" not in values):
        reader.wrong(node, path, f"expected a `tool` ({', '.join(TOOLS[:-1])}) or a `command`")
    # A setting that has no effect looks like one that has: better to say so.
    for key, only in (("report", "command"), ("disable", "names")):
        if values.get(key) not in {None, "none", ()} and tool != only:
            reader.wrong(node, path, f"`{key}` has a meaning for {only} only, and this check is {tool}")
    if tool != usual.tool:
        usual = CheckSettings(name, tool, block="all" if tool in {"pytest", "command"} else "new")
    return replace(usual, **values)


def _argv(reader: Reader, node: yaml.Node, path: str) -> tuple[str, ...]:
    words = reader.words(node, path)
    if not words or not words[0]:
        reader.wrong(node, path, "expected a command and its arguments, as a list")
    return words


def _rule(reader: Reader, node: yaml.Node, path: str) -> str:
    # The names check is a program of its own; only who turns a rule of it off has to wait for it.
    from gate.names.catalogue import CATALOGUE

    name = reader.text(node, path)
    if name and name not in CATALOGUE:
        near = get_close_matches(name, CATALOGUE, 1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(CATALOGUE)}"
        reader.wrong(node, path, f"there is no rule `{name}`; {hint}")
    return name


def _timeout(reader: Reader, node: yaml.Node, path: str) -> float:
    return _span(reader, 1.0, node, path)


def _size(reader: Reader, node: yaml.Node, path: str) -> int:
    """Bytes, at least a megabyte."""
    match = SIZE.fullmatch(reader.text(node, path))
    size = int(float(match[1]) * SIZES[match[2]]) if match else 0
    if size < SIZES["m"]:
        reader.expected(node, path, "a size such as 500m or 2g")
    return size


def _span(reader: Reader, most: float, node: yaml.Node, path: str) -> float:
    """Seconds, more than none and at most so many days."""
    match = TIME.fullmatch(reader.text(node, path))
    seconds = float(match[1]) * UNITS[match[2]] if match else 0.0
    if not 0 < seconds <= most * UNITS["d"]:
        reader.expected(
            node, path, f"a time such as 90s, 10m or 1h, up to {f'{most:g}d' if most > 1 else '24h'}"
        )
    return seconds
