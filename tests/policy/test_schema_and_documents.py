"""The schema and the documents of gate.yaml agree with what is really read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.policies import MISTAKES, WHOLE, Case

import gate.policy
from gate.errors import InvalidInput
from gate.policy.load import load_policy
from gate.policy.protected import FOR_ENVIRONMENTS

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((Path(gate.policy.__file__).parent / "policy.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
PLACEHOLDERS = {"protect": "BRANCH", "people": "@NAME", "teams": "@NAME", "checks": "ID"}
VALID = (
    "",
    "{}",
    "version: 1",
    "protect:\npeople:\nteams:\nchecks:\nowners:",
    "protect: {main: }",
    "protect: {main: {require: {owners: true, seniority: false, guarded: false, checks: false}}}",
    "protect: {main: {require: {checks: [], guarded: []}}}",
    "protect: {main: {enforce: false}}",
    "protect: {main: {require: {approvals: {need: 2, enforce: false}, history: {keep: squash}}}}",
    "protect: {main: {require: {guarded: {from: ['@a'], enforce: false}, checks: {run: [lint], enforce: true}}}}",
    "checks: {lint: {timeout: 90}}",
    "checks: {lint: {timeout: 1.5m}}",
    "checks: {x: {command: [sleep, 1]}}",
    "people: {'@a': {emails: [root]}}",
    WHOLE,
)


def table() -> list[tuple[str, str]]:
    """The rows of the document's table: key and default."""
    rows = re.findall(r"^\| `([^|]+)` \| ([^|]+) \|", (ROOT / "docs" / "policy.md").read_text(), re.MULTILINE)
    assert rows
    return rows


def keys(schema: dict[str, Any], path: str) -> Iterator[str]:
    """Every key that the schema has: those of mappings, and those of names that a user chooses."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    if path:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from keys(inner, f"{path}.{name}" if path else name)
    if isinstance(schema.get("additionalProperties"), dict):
        yield from keys(schema["additionalProperties"], f"{path}.{PLACEHOLDERS[path]}")


def nested(path: str, value: object, kind: str = "branch") -> dict[str, Any]:
    """A policy that gives one key; `kind` is that of what it protects."""
    name, _, rest = path.partition(".")
    check = "tests" if rest in {"retries", "select"} else "names"
    name = {"BRANCH": "main", "@NAME": "@a", "ID": check}.get(name, name)
    found = {name: nested(rest, value, kind) if rest else value}
    return {"kind": kind, **found} if name == "require" else found


def test_the_schema_itself_is_sound() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("text", VALID)
def test_what_is_valid_is_so_for_both(text: str) -> None:
    load_policy(text.encode())
    assert [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("case", [case for case in MISTAKES if case.schema], ids=lambda case: case.expected)
def test_the_schema_sees_the_mistakes_that_a_schema_can(case: Case) -> None:
    assert not VALIDATOR.is_valid(yaml.safe_load(case.text))


def test_the_schema_has_the_keys_that_are_read() -> None:
    objects = {path.rpartition(".")[0] for path in keys(SCHEMA, "")}
    for path in sorted(objects - set(PLACEHOLDERS)):
        with pytest.raises(InvalidInput) as caught:
            load_policy(yaml.safe_dump(nested(f"{path}.zzz" if path else "zzz", None)).encode())
        read = re.search(r"expected one of (.*)", str(caught.value))
        assert read, path
        here = {key.rpartition(".")[2] for key in keys(SCHEMA, "") if key.rpartition(".")[0] == path}
        assert set(read[1].split(", ")) == here


def test_the_document_has_every_key_and_no_other() -> None:
    leaves = set(keys(SCHEMA, ""))
    listed = {key for key, _ in table()}
    assert listed <= leaves
    untold = {key for key in leaves - listed if not any(other.startswith(f"{key}.") for other in leaves)}
    assert untold == set()


@pytest.mark.parametrize(
    ("key", "default"), [(key, text.strip("`")) for key, text in table() if text.startswith("`")]
)
def test_to_write_a_default_changes_nothing(key: str, default: str) -> None:
    value = yaml.safe_load(default)
    section = key.rpartition(".")[0]
    kind = "environment" if set(key.split(".")) & FOR_ENVIRONMENTS else "branch"
    # Inside a switched section, what is left out has its default only where the section is on.
    without = load_policy(
        yaml.safe_dump(nested(section, {} if section else None, kind)).encode() if section else b""
    )
    assert load_policy(yaml.safe_dump(nested(key, value, kind)).encode()) == without


def test_the_example_of_the_document_is_what_is_reported() -> None:
    text = (ROOT / "docs" / "policy.md").read_text()
    example = re.search(r'require\.approvals: (expected a whole number, got "one")', text)
    assert example
    with pytest.raises(InvalidInput, match=example[1]):
        load_policy(b"protect: {main: {require: {approvals: one}}}")
