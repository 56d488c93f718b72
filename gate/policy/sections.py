"""Combine the sections of gate.yaml. Each has a module of its own.

Every function takes a node and its path, and adds mistakes to the reader.
"""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import yaml

from gate.policy.checks import read_checks
from gate.policy.people_and_teams import read_people, read_teams
from gate.policy.protected import read_protect
from gate.policy.reading import Read, Reader, Value
from gate.policy.types import Dialect, EnvironmentSource, Policy
from gate.policy.value_kinds import address


def read_policy(reader: Reader, root: yaml.Node) -> Policy:
    """Read the whole file. Sections that others refer to are read first, whatever their order in the file."""
    empty = Policy()
    names = (
        "version",
        "extends",
        "overridable",
        "repository",
        "owners",
        "protect",
        "people",
        "teams",
        "checks",
        "python",
        "environment",
        "prometheus",
    )
    nodes = reader.known(root, "", names)
    if "overridable" in nodes:
        reader.words(nodes["overridable"], "overridable")

    def section(name: str, read: Read[Value], default: Value) -> Value:
        return read(nodes[name], name) if name in nodes else default

    checks = section("checks", partial(read_checks, reader), empty.checks)
    people = section("people", partial(read_people, reader), empty.people)
    nothing: dict[str, Any] = {}
    environment = section(
        "environment", reader.fields({"source": reader.choice(get_args(EnvironmentSource))}), nothing
    )
    owners = section("owners", reader.fields({"dialect": reader.choice(get_args(Dialect))}), nothing)
    return Policy(
        version=section("version", partial(_version, reader), empty.version),
        repository=section("repository", reader.text, empty.repository),
        protect=section("protect", partial(read_protect, reader, checks), empty.protect),
        people=people,
        teams=section("teams", partial(read_teams, reader, people), empty.teams),
        checks=checks,
        python=section("python", reader.text, empty.python),
        environment=environment.get("source", empty.environment),
        prometheus=section("prometheus", partial(address, reader), empty.prometheus),
        **owners,
    )


def _version(reader: Reader, node: yaml.Node, path: str) -> int:
    if reader.whole(node, path, 1) > 1:
        reader.expected(node, path, "1, the only version")
    return 1
