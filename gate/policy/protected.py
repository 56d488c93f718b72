"""Parse the section `protect` of gate.yaml: the requirements of branches and environments."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from typing import Any, get_args

import yaml

from gate.policy.approving import read_approvals, read_owners
from gate.policy.enforcing import without_enforce
from gate.policy.reading import Read, Reader
from gate.policy.types import (
    RELEASE,
    AllowedHistory,
    BudgetRequired,
    Kind,
    Metric,
    Protection,
    Require,
    Role,
    SeniorityRequired,
    SoakRequired,
)
from gate.policy.value_kinds import named, span

FOR_ENVIRONMENTS = frozenset({"passed", "soaked", "metric", "budget"})
FOR_BRANCHES = frozenset({"history"})
BRANCH = re.compile(r"(?!refs/)[^\s~^:\\\x00-\x1f\x7f]+")


def read_protect(
    reader: Reader, checks: Collection[str], node: yaml.Node, path: str
) -> dict[str, Protection]:
    """Return what is protected, by name. `checks` are the checks that can be required."""
    protect: dict[str, Protection] = {}
    seen: list[tuple[yaml.Node, str, str]] = []
    read = reader.fields(
        {
            "kind": reader.choice(get_args(Kind)),
            "enforce": reader.boolean,
            "require": partial(_require, reader, checks, seen),
            "verdicts": reader.switched(
                reader.list_of(partial(named, reader, "a person or a team, such as @ci"))
            ),
        }
    )
    for name, key, value in reader.entries(node, path):
        branch_path = f"{path}.{name}"
        # `refs/heads/main` would protect nothing: branches are matched by their short names.
        if not BRANCH.fullmatch(name):
            short = name.removeprefix("refs/heads/")
            branch = short if BRANCH.fullmatch(short) else "main"
            reader.wrong(key, branch_path, f"expected the short name of a branch, such as `{branch}`")
        options = read(value, branch_path)
        kind: Kind = options.get("kind") or "branch"
        require = options.get("require", {})
        other_kind: Kind = "environment" if kind == "branch" else "branch"
        for word in (FOR_ENVIRONMENTS if kind == "branch" else FOR_BRANCHES) & require.keys():
            if require[word]:
                reader.wrong(value, f"{branch_path}.require.{word}", f"applies only to `kind: {other_kind}`")
        trusted = tuple(dict.fromkeys(options.get("verdicts") or ()))
        usual = RELEASE if kind == "environment" else Require()
        protect[name] = Protection(replace(usual, **require), trusted, kind, options.get("enforce", True))
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
    """Parse the given requirements. Nodes that refer to other targets are appended to `targets`."""

    def target(node: yaml.Node, path: str) -> str:
        targets.append((node, path, reader.text(node, path)))
        return targets[-1][2]

    def check(node: yaml.Node, path: str) -> str:
        name = reader.text(node, path)
        if name and name not in checks:
            reader.wrong(node, path, f'there is no check "{name}"; there are {", ".join(checks)}')
        return name

    roles = reader.choice((*get_args(Role), "unknown"))
    # `enforce` was removed earlier; listing it here only makes it an allowed key.
    switch = {"enforce": reader.boolean}
    seniority = reader.fields(
        {"authors": reader.list_of(roles), "need": reader.choice(get_args(Role)), **switch}
    )
    guardian = partial(named, reader, "a person or a team, such as @acme/guardians")
    read = reader.fields(
        {
            "owners": partial(read_owners, reader),
            "approvals": partial(read_approvals, reader),
            "seniority": reader.switched(
                lambda node, path: SeniorityRequired(**seniority(node, path)), SeniorityRequired()
            ),
            "guarded": reader.switched(reader.list_of(guardian)),
            "checks": reader.switched(reader.list_of(check)),
            "history": reader.choice(get_args(AllowedHistory)),
            "passed": reader.switched(reader.list_of(target)),
            "soaked": reader.switched(partial(_soaked, reader, target)),
            "metric": reader.switched(reader.list_of(partial(_metric, reader))),
            "budget": reader.switched(partial(_budget, reader), BudgetRequired()),
        }
    )
    node, unenforced = without_enforce(reader, node, path)
    values = read(node, path)
    for name in {"guarded", "checks", "passed", "metric"} & values.keys():
        values[name] = tuple(dict.fromkeys(values[name] or ()))
    if unenforced:
        values["unenforced"] = unenforced
    return values


def _soaked(reader: Reader, target: Read[str], node: yaml.Node, path: str) -> SoakRequired:
    values = reader.fields(
        {
            "in": target,
            "for": partial(span, reader, 366.0),
            "healthy": reader.text,
            "enforce": reader.boolean,
        }
    )(node, path)
    for name, what in (("in", "an environment"), ("for", "a time such as 30m")):
        if name not in values:
            reader.wrong(node, path, f"expected `{name}`, {what}")
    return SoakRequired(values.get("in", ""), values.get("for", 0.0), values.get("healthy", ""))


def _metric(reader: Reader, node: yaml.Node, path: str) -> Metric:
    values = reader.fields({"query": reader.text, "below": reader.number, "above": reader.number})(node, path)
    if not values.get("query") or not values.keys() & {"below", "above"}:
        reader.wrong(node, path, "expected a `query`, and a limit: `below` or `above`")
    return Metric(**{"query": "", **values})


def _budget(reader: Reader, node: yaml.Node, path: str) -> BudgetRequired:
    values = reader.fields(
        {
            "minutes": reader.number,
            "risk": reader.number,
            "low": reader.number,
            "downtime": reader.text,
            "incidents": reader.text,
            "enforce": reader.boolean,
            "slo": reader.text,
        }
    )(node, path)
    for name in {"minutes", "risk", "low"} & values.keys():
        if values[name] < 0:
            reader.wrong(node, f"{path}.{name}", "expected minutes, 0 or more")
    if values.get("slo") and "minutes" in values:
        reader.wrong(node, f"{path}.minutes", "expected either `slo` or `minutes`, not both")
    return BudgetRequired(**values)
