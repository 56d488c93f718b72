"""Parse the section `checks` of gate.yaml: changes to built-in checks, and additional ones."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import get_args

import yaml

from gate.policy.reading import Reader
from gate.policy.types import BUILT_IN_CHECKS, Block, CheckSettings, ReportFormat, Select
from gate.policy.value_kinds import size, span

TOOLS = (
    "names",
    "ruff",
    "mypy",
    "ty",
    "pyrefly",
    "pyright",
    "basedpyright",
    "pytest",
    "pre-commit",
    "nox",
    "tox",
    "command",
)
BLOCKING_ALL = frozenset({"pytest", "pre-commit", "nox", "tox", "command"})
"""Tools whose findings all block unless the policy says otherwise: they are commands that fail."""
WITH_INPUTS = frozenset({"command", "pre-commit", "nox", "tox"})
"""Tools whose input files gate doesn't know."""
CHECK = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*")


def read_checks(reader: Reader, node: yaml.Node, path: str) -> dict[str, CheckSettings]:
    """Return all checks by name, including the built-in ones."""
    checks = dict(BUILT_IN_CHECKS)
    for name, key, value in reader.entries(node, path):
        check_path = f"{path}.{name}"
        if CHECK.fullmatch(name):
            checks[name] = _check(reader, name, value, check_path)
        else:
            reader.wrong(key, check_path, "expected a name of letters, digits, `.`, `-`, and `_`")
    return checks


def _check(reader: Reader, name: str, node: yaml.Node, path: str) -> CheckSettings:
    values = reader.fields(
        {
            "tool": reader.choice(TOOLS),
            "command": partial(_argv, reader),
            "args": reader.words,
            "timeout": partial(_timeout, reader),
            "memory": partial(size, reader),
            "block": reader.choice(get_args(Block)),
            "report": reader.choice(get_args(ReportFormat)),
            "env": reader.words,
            "bring": reader.list_of(partial(_inside, reader)),
            "disable": reader.list_of(partial(_rule, reader)),
            "paths": reader.words,
            "inputs": reader.words,
            "working-directory": partial(_folder, reader),
            "enforce": reader.boolean,
            "select": reader.choice(get_args(Select)),
            "retries": reader.whole,
            "on-commit": reader.boolean,
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
    # A setting without effect is misleading, so it is reported.
    for key, only in (
        ("report", "command"),
        ("disable", "names"),
        ("select", "pytest"),
        ("retries", "pytest"),
    ):
        if values.get(key) not in {None, "none", ()} and tool != only:
            reader.wrong(node, path, f"`{key}` applies only to {only}, but this check is {tool}")
    if values.get("inputs") and tool not in WITH_INPUTS:
        allowed = ", ".join(sorted(WITH_INPUTS))
        reader.wrong(node, path, f"`inputs` applies only to {allowed}, but this check is {tool}")
    if tool != usual.tool:
        usual = CheckSettings(name, tool, block="all" if tool in BLOCKING_ALL else "new")
    return replace(usual, **{key.replace("-", "_"): value for key, value in values.items()})


def _inside(reader: Reader, node: yaml.Node, path: str) -> str:
    name = reader.text(node, path)
    if name.startswith("/") or ".." in name.split("/"):
        reader.expected(node, path, "a path in the repository, from its top")
    return name


def _folder(reader: Reader, node: yaml.Node, path: str) -> str:
    folder = _inside(reader, node, path).removeprefix("./").strip("/")
    return "" if folder == "." else folder


def _argv(reader: Reader, node: yaml.Node, path: str) -> tuple[str, ...]:
    words = reader.words(node, path)
    if not words or not words[0]:
        reader.wrong(node, path, "expected a command and its arguments, as a list")
    return words


def _rule(reader: Reader, node: yaml.Node, path: str) -> str:
    # The names check is a program of its own; load it only if one of its rules is turned off.
    from gate.names.rules import RULES, current_ids

    name = reader.text(node, path)
    if name and not current_ids(name):
        close_matches = get_close_matches(name, RULES, 1)
        hint = f"did you mean `{close_matches[0]}`?" if close_matches else f"there are {', '.join(RULES)}"
        reader.wrong(node, path, f"there is no rule `{name}`; {hint}")
    return name


def _timeout(reader: Reader, node: yaml.Node, path: str) -> float:
    return span(reader, 1.0, node, path)
