"""`# gate: ignore[RULE]` and `disable`: what they leave alone, what they do not, and what that costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone

from gate.names.run import check

POLICY = """\
version: 1
protect: {main: {require: {owners: false, guarded: ["@ada"], checks: [names]}}}
people: {"@ada": {role: senior, emails: [boss@acme.example]}}
"""
NOTEBOOK = """\
{"cells": [{"cell_type": "code", "source": "import json\\njson.laods(1)  # gate: ignore[unknown-member]"}]}
"""


def rules(folder: Path, source: str) -> list[str]:
    (folder / "a.py").write_text(source)
    return [finding.rule for finding in check(folder, None, None)[1]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("json.laods(1)  # gate: ignore[unknown-member]", []),
        ("json.laods(josn)  # gate: ignore[unknown-member, undefined-name]", []),
        ("json.laods(1)  # noqa  # gate:ignore[unknown-member]", []),
        ("json.laods(1)  # gate: ignore[undefined-name]", ["unknown-member"]),
        ("json.laods(1)  # gate: ignore", ["unknown-member", "wrong-ignore"]),
        ("json.laods(1)  # gate: ignore[]", ["unknown-member", "wrong-ignore"]),
        ("json.laods(1)  # gate: ignore[unknown-member, nonsense]", ["wrong-ignore"]),
        ("json.laods('# gate: ignore[unknown-member]')", ["unknown-member"]),
        ("json.load(\n    'text'\n)  # gate: ignore[wrong-json-argument]", []),
    ],
)
def test_only_a_comment_that_names_the_rule_leaves_it_alone(
    tmp_path: Path, source: str, expected: list[str]
) -> None:
    assert rules(tmp_path, f"import json\n{source}\n") == expected


def verdict(project: Clone, files: dict[str, str | bytes]) -> tuple[int, dict[str, str]]:
    project.git("checkout", "-q", "-B", "feature", "main")
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Change")
    result = project.gate_process("check", "--format", "json")
    found: dict[str, Any] = json.loads(result.out)
    return result.code, {outcome["id"]: outcome["outcome"] for outcome in found["requirements"]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("new.py", "import json\n\njson.laods('1')  # gate: ignore[unknown-member]\n"),
        (
            "log.yaml",
            "version: 1\nhandlers:\n  a:\n    class: logging.Handlr  # gate: ignore[unknown-reference]\n",
        ),
        (
            "n.ipynb",
            NOTEBOOK,
        ),
    ],
)
def test_a_new_ignore_passes_the_check_and_needs_a_guardian(project: Clone, path: str, text: str) -> None:
    project.write({"gate.yaml": POLICY})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    code, outcomes = verdict(project, {path: text})
    assert (code, outcomes["checks"], outcomes["guarded"]) == (1, "met", "unmet")


@pytest.mark.slow
def test_a_rule_that_the_policy_at_the_base_disables_is_off(project: Clone) -> None:
    wrong: dict[str, str | bytes] = {"new.py": "import json\n\njson.laods('1')\n"}
    project.git("checkout", "-q", "main")
    project.write({"gate.yaml": POLICY + "checks: {names: {disable: [unknown-member]}}\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    assert verdict(project, wrong)[1]["checks"] == "met"


def test_a_rule_that_there_is_not_cannot_be_disabled(project: Clone) -> None:
    project.write({"gate.yaml": "checks: {names: {disable: [unknown-membr]}}\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    result = project.gate("check")
    assert result.code == 2
    assert "did you mean `unknown-member`?" in result.err
