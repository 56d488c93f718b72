from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator
from support.verdicts import BLOCKED, BROKEN, EVIL, HOSTILE, PASSED, STORIES, few, verdicts

import gate.reports
from gate.model import Ran, Verdict
from gate.reports import ReportContext
from gate.reports.verdict_json import approvals_data, render
from gate.reports.verdict_reading import from_json

SCHEMA = json.loads((Path(gate.reports.__file__).parent / "verdict.schema.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)
# The shape that scripts were promised, key by key; more may be there, none may be missing.
PROMISED: dict[str, Any] = {
    "version": 1,
    "outcome": "",
    "change": {
        "repository": "", "into": "", "base": "", "head": "", "merge_base": "", "tree": "", "digest": "",
        "authors": [""], "files": [{"path": "", "status": "", "old": "", "new": ""}],
    },
    "requirements": [
        {"id": "", "outcome": "", "reason": "",
         "missing": [{"paths": [""], "need": 1, "from": [""], "rule": ""}]},
    ],
    "checks": [
        {"id": "", "outcome": "", "seconds": 0.1, "cached": False,
         "findings": [{"path": "", "line": 3, "column": 5, "end_line": 3, "rule": "", "severity": "",
                       "message": "", "hint": "", "new": True}]},
    ],
    "approvals": [{"id": "", "by": "", "kind": "", "source": "", "counted": False, "why": ""}],
}  # fmt: skip


def as_json(verdict: Verdict) -> Any:
    return json.loads(render(verdict, ReportContext()))


def has_shape(value: Any, shape: Any) -> None:
    assert isinstance(value, type(shape)), (value, shape)
    if isinstance(shape, dict):
        for key, inner in shape.items():
            has_shape(value[key], inner)
    if isinstance(shape, list):
        for item in value:
            has_shape(item, shape[0])


def test_the_schema_itself_is_sound() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_valid_and_has_the_promised_shape(name: str) -> None:
    data = as_json(STORIES[name])
    VALIDATOR.validate(data)
    has_shape(data, PROMISED)


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_is_valid_and_comes_back_unchanged(verdict: Verdict) -> None:
    text = render(verdict, ReportContext())
    assert text.isascii()
    VALIDATOR.validate(json.loads(text))
    read = from_json(text)
    assert render(read, ReportContext()) == text
    assert replace(read, checks=()) == replace(verdict, checks=())
    for result, original in zip(read.checks, verdict.checks, strict=True):
        if isinstance(result, Ran) and isinstance(original, Ran):
            # Which of several findings that are alike blocks makes no difference, nor does their order.
            assert sorted(map(repr, result.blocking)) == sorted(map(repr, original.blocking))
            assert sorted(map(repr, result.findings)) == sorted(map(repr, original.findings))
        else:
            assert result == original


def test_the_three_outcomes_of_a_check() -> None:
    assert [check["outcome"] for check in as_json(BLOCKED)["checks"]] == ["failed", "failed", "passed"]
    assert [check["outcome"] for check in as_json(BROKEN)["checks"]] == ["passed", "broken", "broken"]
    assert [check.get("skipped") for check in as_json(BROKEN)["checks"]] == [None, False, True]


def test_it_holds_every_finding_and_says_which_are_new_and_which_block() -> None:
    findings = as_json(BLOCKED)["checks"][2]["findings"]
    assert len(findings) == 12
    assert not any(finding["new"] or finding["blocks"] for finding in findings)
    assert all(finding["blocks"] for finding in as_json(BLOCKED)["checks"][1]["findings"])


def test_bytes_that_are_no_utf8_come_back() -> None:
    assert "\\udcff" in render(EVIL, ReportContext())
    assert as_json(EVIL)["change"]["files"][0]["path"] == HOSTILE


def test_approvals_alone_are_those_of_the_verdict() -> None:
    assert as_json(BLOCKED)["approvals"] == approvals_data(BLOCKED.approvals)


@pytest.mark.parametrize(
    "text",
    [
        "", "{}", "[]", "null", "7", '"x"',
        '{"version": 2}',
        json.dumps({**as_json(PASSED), "change": None}),
        json.dumps({**as_json(PASSED), "checks": [{"id": "x"}]}),
        render(PASSED, ReportContext())[:-40],
    ],
)  # fmt: skip
def test_what_is_no_verdict_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"verdict|Expecting|delimiter|Unterminated"):
        from_json(text)
