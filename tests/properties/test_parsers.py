"""Whatever is in it, an input is read or refused in the one way that its parser names: never a traceback.

The examples are valid inputs of each kind, damaged: pieces are taken out, doubled, or replaced, and values of JSON by
values of other kinds. `--hypothesis-profile=nightly` tries thousands of each.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from checks.test_reading import FAILED, FINISHED, MYPY, RUFF, read
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.app.ref_updates import parse_pre_push, parse_pre_receive
from gate.app.releases.downtime import incidents
from gate.approvals.attestation import parse_envelope, parse_statement
from gate.approvals.content import parse_contents
from gate.approvals.record import Record as ApprovalRecord
from gate.approvals.record import Refused, parse, serialise
from gate.checks import Left, Report, Unreadable
from gate.checks.hooks import hook_ids
from gate.checks.own_commands import own_commands
from gate.checks.ruff_rules import HOOKS as HOOKS_FILE
from gate.checks.ruff_rules import arguments
from gate.codeowners import DIALECTS
from gate.codeowners import parse as parse_codeowners
from gate.environment.declared import read_declared, workspace_members
from gate.errors import GateError
from gate.git.commits import co_authors
from gate.log.trailers import read_trailers
from gate.log.trusted_verdicts import VerdictSubject, passed
from gate.policy.load import load_policy
from gate.policy.promise import read_promises
from gate.policy.types import Dialect
from gate.raw_diff import parse_log, parse_raw, parse_renames
from gate.reports.verdict_reading import from_json
from gate.runner.inputs import read_inputs
from gate.settings_input import parse_ini, parse_toml, parse_yaml
from gate.shared_results.in_git import parse_index
from gate.shared_results.signed import parse_statement as parse_shared
from gate.weakenings.analysis.settings_files import read as read_settings

OID = "a" * 40
RECORD = serialise(
    ApprovalRecord(
        kind="approve", repository="a/b", into="refs/heads/main", base=OID, head=OID, change="c" * 64, by="@a", at=1,
        nonce="d" * 32,
    )
).decode()  # fmt: skip
SARIF = {
    "version": "2.1.0",
    "runs": [{
        "invocations": [{"executionSuccessful": True}],
        "results": [{
            "ruleId": "x", "level": "error", "message": {"text": "bad"},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": "a.py"}, "region": {"startLine": 1, "startColumn": 2, "endLine": 3},
            }}],
        }],
    }],
}  # fmt: skip
JUNIT = (
    '<testsuites><testsuite><testcase name="a" file="a.py" line="3"><failure message="no"/></testcase></testsuite>'
    "</testsuites>"
)
VERDICT = {
    "version": 1, "outcome": "blocked",
    "change": {
        "repository": "a/b", "into": "refs/heads/main", "base": OID, "head": OID, "merge_base": OID, "tree": OID,
        "digest": "c" * 64, "authors": ["a@x"],
        "files": [{"path": "a.py", "status": "modified", "old": OID, "new": OID}],
    },
    "requirements": [{"id": "checks", "outcome": "unmet", "reason": "failed", "missing": []}],
    "checks": [{
        "id": "lint", "outcome": "passed", "seconds": 0.1, "cached": False, "findings": [{
            "path": "a.py", "line": 1, "column": 1, "end_line": 1, "rule": "F401", "severity": "error", "message": "x",
            "hint": "", "new": True, "fix": [{"line": 1, "column": 1, "old": "a", "new": "b"}], "blocks": True,
        }],
    }],
    "approvals": [],
}  # fmt: skip
INPUTS = {"workers": 0, "opened": ["a.py"], "listed": [], "asked": [], "everything": []}
STATEMENT = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [{"name": "x", "digest": {"sha256": "c" * 64}}],
    "predicateType": "https://example.com",
    "predicate": {},
}
ENVELOPE = {
    "payload": "e30=",
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [{"keyid": "", "sig": "AA=="}],
}
PYPROJECT = """[project]
name = "x"
dependencies = ["a>=1"]
[dependency-groups]
dev = ["b", {include-group = "c"}]
[tool.uv.workspace]
members = ["p/*"]
[tool.poetry.dependencies]
a = "1"
"""
POLICY = """version: 1
protect:
  main:
    require: {owners: {stale: change}, approvals: 1, checks: [lint]}
people:
  "@a": {role: senior, emails: [a@x.example]}
"""
CODEOWNERS = (
    "[Section][2] @a @b\n*.py @a a@x.example\n!docs/ \n/build/ @org/team # why\nname\\ with\\ spaces @a\n"
)
SLO = """version: 1
environments:
  production:
    downtime: 20m
    maintenance: [{from: 2026-01-01T00:00:00Z, to: 2026-01-01T01:00:00Z, reason: x}]
"""
TRAILERS = f"Merge x\n\nGate-Verdict: {'c' * 64}\nGate-Log: {OID}\n"

RAW = f":100644 100644 {OID} {OID} M\0a.py\0"
RENAMED = f":100644 100644 {OID} {OID} R100\0a.py\0b.py\0"
INI = "[mypy]\nstrict = true\n[mypy-a.*]\nignore_errors = true\n[tool:pytest]\naddopts = -k 'x'\n[flake8]\nignore=E1\n"
SETTINGS = """[tool.ruff]
lint.select = ["E"]
[tool.ruff.lint.per-file-ignores]
"a.py" = ["E"]
[[tool.mypy.overrides]]
module = "a.b"
ignore_errors = true
[tool.pytest.ini_options]
addopts = "-k x"
"""
CI_FILE = ".github/workflows/ci.yml"
CI = "on: push\njobs:\n  a:\n    steps:\n    - run: pytest -q\n"
TASKS = "[tool.poe.tasks]\ntest = 'pytest'\n[tool.hatch.envs.lint.scripts]\ncheck = 'ruff check'\n"
HOOKS = """repos:
- repo: https://github.com/astral-sh/ruff-pre-commit
  rev: v0.9.1
  hooks: [{id: ruff, stages: [pre-commit]}]
"""
SHARED = json.dumps({"v": 1, "repository": "a/b", "key": "x", "result": "c" * 64})
SIGNED = {"statement": SHARED, "key": "ssh-ed25519 AAAA", "signature": "x"}
BUNDLES = {"v": 1, "bundles": [{"id": OID, "at": 1, "size": 2, "names": ["a" * 16]}]}
SUBJECT = VerdictSubject("a/b", "refs/heads/main", OID, "c" * 64)


def tool(name: str, *, report: str = "none", code: int = 1) -> Callable[[bytes], object]:
    """Read what a tool printed, and the same as its report."""

    def reading(data: bytes) -> object:
        text = data.decode("utf-8", "replace")
        for left in (
            Left(code, text, ""),
            Left(code, "", text),
            Left(0, text, text, data),
            Left(code, "", "", data),
        ):
            assert isinstance(read(name, left, report=report), Report | Unreadable)
        return None

    return reading


def codeowners(dialect: Dialect) -> Callable[[bytes], object]:
    return lambda data: parse_codeowners(data, "CODEOWNERS", dialect)


def document(data: bytes) -> object:
    found = passed(json.loads(data), SUBJECT, ["lint"])
    assert found is None or [item.id for item in found]
    return found


def record(data: bytes) -> object:
    assert isinstance(parse(data), ApprovalRecord | Refused)
    return None


def text(parser: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parser(data.decode("utf-8", "surrogateescape"))


def lines(parser: Callable[[list[str]], object]) -> Callable[[bytes], object]:
    return lambda data: parser(data.decode("utf-8", "surrogateescape").split("\n"))


class NeverRaised(Exception):
    """For parsers that say in their answer what is wrong."""


Parser = Callable[[bytes], object]
PARSERS: dict[str, tuple[Parser, str, type[Exception]]] = {
    "policy": (load_policy, POLICY, GateError),
    "SLO file": (lambda data: read_promises(data, "slo.yaml"), SLO, GateError),
    "incident log": (
        lambda data: incidents(data, "log", "production", 2e9, ["production"]),
        '{"at": "2026-03-02T10:00:00Z", "downtime": 120}\n',
        GateError,
    ),
    **{f"CODEOWNERS of {name}": (codeowners(name), CODEOWNERS, NeverRaised) for name in DIALECTS},
    "record": (record, RECORD, NeverRaised),
    "trailers": (text(read_trailers), TRAILERS, NeverRaised),
    "verdict": (text(from_json), json.dumps(VERDICT), ValueError),
    "recorded verdict": (document, json.dumps(VERDICT), ValueError),
    "envelope": (parse_envelope, json.dumps(ENVELOPE), ValueError),
    "statement": (parse_statement, json.dumps(STATEMENT), ValueError),
    "pre-push": (lines(parse_pre_push), f"refs/heads/a {OID} refs/heads/a {OID}\n", GateError),
    "pre-receive": (lines(parse_pre_receive), f"{OID} {OID} refs/heads/a\n", GateError),
    "recorded inputs": (lambda data: read_inputs([data]), json.dumps(INPUTS), NeverRaised),
    "pyproject.toml": (lambda data: read_declared({"pyproject.toml": data}), PYPROJECT, NeverRaised),
    "workspace": (lambda data: workspace_members(data, ["p/a"]), PYPROJECT, NeverRaised),
    "raw diff": (parse_raw, RAW, ValueError),
    "log of raw diffs": (parse_log, f"{OID}\0\n{RAW}", ValueError),
    "renames": (parse_renames, RENAMED, ValueError),
    "recorded changes": (parse_contents, RAW, ValueError),
    "commit message": (text(co_authors), "x\n\nCo-authored-by: A <a@b>\n", NeverRaised),
    "TOML": (parse_toml, SETTINGS, ValueError),
    "INI": (parse_ini, INI, ValueError),
    "YAML": (parse_yaml, HOOKS, ValueError),
    "hooks": (text(hook_ids), HOOKS, ValueError),
    "version of a hook": (
        lambda data: arguments({HOOKS_FILE: data, "ruff.toml": b""}, ()),
        HOOKS,
        NeverRaised,
    ),
    "commands in CI": (lambda data: own_commands({CI_FILE: data}), CI, NeverRaised),
    "commands in pyproject.toml": (lambda data: own_commands({"pyproject.toml": data}), TASKS, NeverRaised),
    "settings in TOML": (lambda data: read_settings("pyproject.toml", data), SETTINGS, NeverRaised),
    "settings in INI": (lambda data: read_settings("setup.cfg", data), INI, NeverRaised),
    "shared results": (parse_index, json.dumps(BUNDLES), ValueError),
    "shared result": (lambda data: parse_shared(data, "a/b"), json.dumps(SIGNED), NeverRaised),
    "ruff": (tool("ruff"), RUFF, NeverRaised),
    "mypy": (tool("mypy"), MYPY, NeverRaised),
    "names": (tool("names"), "[]", NeverRaised),
    "pytest": (tool("pytest"), FAILED % ("call", "no") + FINISHED % (1, 2, "{}"), NeverRaised),
    "ty": (tool("ty"), "[]", NeverRaised),
    "pyright": (tool("pyright"), '{"generalDiagnostics": []}', NeverRaised),
    "pyrefly": (tool("pyrefly"), '{"errors": []}', NeverRaised),
    "SARIF": (tool("command", report="sarif"), json.dumps(SARIF), NeverRaised),
    "JUnit": (tool("command", report="junit"), JUNIT, NeverRaised),
}
"""By kind of input: its parser, a valid input, and the error by which it refuses one (none: it says so otherwise)."""

OTHERS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
DEEP = [
    b"[" * 100_000,
    b'{"a":' * 100_000,
    b"(" * 5_000,
    b"- " * 2_000,
    b"9" * 5_000,
    b"2026-99-99",
    b"\xff\xfe",
    b"\0",
    b"\r",
    "\u2028".encode(),
]


def positions(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and under which key or index."""
    pairs = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value))
        if isinstance(value, list)
        else []
    )
    return [(value, key) for key, _ in pairs] + [place for _, item in pairs for place in positions(item)]


def values(sample: str) -> list[Any]:
    """The JSON values of a sample, one or one a line; none if it has another form."""
    for texts in ([sample], sample.splitlines()):
        with contextlib.suppress(ValueError):
            return [json.loads(item) for item in texts]
    return []


@st.composite
def damaged(draw: st.DrawFn, sample: str) -> bytes:
    """The sample with pieces taken out, doubled or replaced; if it is JSON, with other values."""
    data = sample.encode()
    parts = values(sample)
    if draw(st.booleans()) and parts:
        for part in parts:
            places = positions(part)
            for holder, key in draw(st.lists(st.sampled_from(places), max_size=2)) if places else ():
                if draw(st.booleans()) or isinstance(holder, list):
                    if isinstance(holder, dict) or key < len(holder):
                        holder[key] = draw(OTHERS)
                else:
                    holder.pop(key, None)
        data = "\n".join(map(json.dumps, parts)).encode()
    for _ in range(draw(st.integers(0, 3))):
        start, length = draw(st.integers(0, len(data))), draw(st.integers(0, 12))
        piece = draw(
            st.binary(max_size=4) | st.sampled_from(DEEP) | st.just(data[start : start + 2 * length])
        )
        data = data[:start] + piece + data[start + length :]
    return data


@pytest.mark.parametrize("kind", PARSERS)
@given(st.data())
def test_any_input_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    parser, sample, refusal = PARSERS[kind]
    raw = data.draw(damaged(sample) | st.binary(max_size=50))
    with contextlib.suppress(refusal):
        parser(raw)


@pytest.mark.parametrize("kind", PARSERS)
def test_the_sample_of_each_kind_is_read(kind: str) -> None:
    parser, sample, refusal = PARSERS[kind]
    with contextlib.suppress(refusal if kind == "statement" else NeverRaised):
        parser(sample.encode())


PIECES = (
    " ",
    "\n",
    "\t",
    "\\",
    "/",
    "*",
    "[",
    "{",
    "(",
    "'",
    '"',
    "<",
    "#",
    ":",
    ",",
    "- ",
    "@",
    "\0",
    "a",
    "a.",
    "=",
    "%",
)
BOUND = 5.0
"""Seconds of a processor for a hundred thousand characters; what takes their square takes a minute or more."""


@pytest.mark.slow
@pytest.mark.parametrize("kind", PARSERS)
@given(st.data())
@settings(max_examples=10)
def test_a_long_input_takes_time_in_proportion(kind: str, data: st.DataObject) -> None:
    parser, sample, refusal = PARSERS[kind]
    pieces = [*PIECES, *re.findall(r"\w+|\W", sample)]
    repeated = "".join(data.draw(st.lists(st.sampled_from(pieces), min_size=1, max_size=3)))
    at = data.draw(st.integers(0, len(sample)))
    raw = (sample[:at] + repeated * (100_000 // len(repeated)) + sample[at:]).encode()
    started = process_time()
    with contextlib.suppress(refusal):
        parser(raw)
    assert process_time() - started < BOUND


@pytest.mark.parametrize(
    ("kind", "repeated"),
    [("TOML", "a."), ("TOML", "a . "), ("TOML", '"a".'), ("INI", "\n["), ("INI", "[a]\nb\n"), ("TOML", "a")],
)
def test_no_repetition_makes_settings_slow(kind: str, repeated: str) -> None:
    started = process_time()
    with contextlib.suppress(ValueError):
        PARSERS[kind][0]((repeated * 500_000).encode())
    assert process_time() - started < BOUND
