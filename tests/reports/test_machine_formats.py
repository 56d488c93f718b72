"""The formats that other programs read: valid by their own schemas, and inert whatever is in them."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import xmlschema
from hypothesis import given
from jsonschema import Draft4Validator, Draft202012Validator
from support.verdicts import (
    BLOCKED,
    BROKEN,
    CONFLICT,
    EVIL,
    MANY,
    MISSPELT,
    OLD,
    PASSED,
    WRONG_KIND,
    few,
    verdicts,
)

from gate.finding import Finding
from gate.model import Ran, Verdict, encode_path
from gate.reports import REPORTS, ReportContext, report
from gate.reports.github import summary
from gate.reports.sarif import uri

DATA = Path(__file__).parents[1] / "data" / "reports"
SARIF = Draft4Validator(json.loads((DATA / "sarif-2.1.0-rtm.5.json").read_text()))
JUNIT = xmlschema.XMLSchema(str(DATA / "junit-10.xsd"))
# What GitLab's documentation asks of each issue.
GITLAB = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string"},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "properties": {
                        "path": {"type": "string", "minLength": 1},
                        "lines": {"required": ["begin"], "properties": {"begin": {"minimum": 1}}},
                    },
                },
            },
        },
    }
)


def rendered(name: str, verdict: Verdict) -> str:
    return report(name).render(verdict, ReportContext())


@pytest.mark.slow
@few
@given(verdicts)
def test_every_format_renders_any_verdict_and_lets_no_control_character_through(verdict: Verdict) -> None:
    for name in REPORTS:
        text = rendered(name, verdict)
        assert text.endswith("\n"), name
        text.encode()
        assert all(line.isprintable() for line in text.split("\n")), name


@pytest.mark.parametrize("name", REPORTS)
def test_a_format_is_imported_only_when_it_is_asked_for(name: str) -> None:
    code = f"import sys; from gate.reports import report; report({name!r}); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {module for module in REPORTS.values() if module in done.stdout.split()}
    # Some write JSON, and take the one way of doing that from the JSON verdict.
    assert loaded - {"gate.reports.verdict_json"} == {REPORTS[name]} - {"gate.reports.verdict_json"}
    if name == "text":
        # What it shares with the requirements is there already wherever a verdict is.
        assert not {"html", "xml", "urllib"} & set(done.stdout.split())


# ---- SARIF


def sarif(verdict: Verdict) -> Any:
    log = json.loads(rendered("sarif", verdict))
    SARIF.validate(log)
    return log


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_is_valid_sarif(verdict: Verdict) -> None:
    log = sarif(verdict)
    known = [
        result["partialFingerprints"]["gateFinding/v1"] for run in log["runs"] for result in run["results"]
    ]
    assert len(known) == len(set(known))
    for run in log["runs"]:
        rules = run["tool"]["driver"].get("rules", [])
        assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


def test_a_run_for_each_check_with_categories_of_their_own() -> None:
    runs = sarif(BLOCKED)["runs"]
    assert [run["automationDetails"]["id"] for run in runs] == [
        "gate/",
        "gate/tests/",
        "gate/names/",
        "gate/lint/",
    ]
    assert [len(run["results"]) for run in runs] == [0, 1, 2, 12]


def test_what_is_new_and_what_was_there() -> None:
    runs = sarif(BLOCKED)["runs"]
    assert {result["baselineState"] for result in runs[2]["results"]} == {"new"}
    assert {result["baselineState"] for result in runs[3]["results"]} == {"unchanged"}


def test_a_check_that_could_not_run_has_no_results_but_a_notification() -> None:
    runs = sarif(BROKEN)["runs"]
    assert [run["tool"]["driver"]["name"] for run in runs] == ["gate", "gate/names"]
    (invocation,) = runs[0]["invocations"]
    assert invocation["executionSuccessful"] is False
    assert [
        "types could not run" in note["message"]["text"] for note in invocation["toolExecutionNotifications"]
    ] == [True]


def test_a_missing_approval_is_a_notification_and_no_alert() -> None:
    own = sarif(BLOCKED)["runs"][0]
    assert own["results"] == []
    (note,) = own["invocations"][0]["toolExecutionNotifications"]
    assert note["descriptor"] == {"id": "owners"}
    assert "ask @nehemiah" in note["message"]["text"]


def fingerprints(*findings: Finding, lines: Callable[[str], Sequence[str]] = lambda _path: ()) -> list[str]:
    verdict = replace(PASSED, checks=(Ran("names", findings, findings, 0.0),))
    log = json.loads(report("sarif").render(verdict, ReportContext(lines=lines)))
    results = log["runs"][1]["results"]
    return [result["partialFingerprints"]["gateFinding/v1"] for result in results]


def test_a_finding_is_known_again_when_lines_move() -> None:
    moved = replace(WRONG_KIND, line=77, end_line=77, column=1)
    assert fingerprints(WRONG_KIND) == fingerprints(moved)
    assert fingerprints(WRONG_KIND) != fingerprints(replace(WRONG_KIND, path="b.py"))
    twice = fingerprints(WRONG_KIND, moved)
    assert len(set(twice)) == 2
    assert fingerprints(WRONG_KIND)[0] in twice


def test_of_findings_that_are_alike_each_is_known_by_its_line_of_code() -> None:
    first, third = (replace(WRONG_KIND, line=line, end_line=line) for line in (1, 3))
    (before,) = fingerprints(first, lines=lambda _path: ["urls = f()"])
    after = fingerprints(first, third, lines=lambda _path: ["more = f()", "", "    urls = f()"])
    # One more of the kind above it, in another line of code, takes nobody's name.
    assert after[1] == before
    assert after[0] != before


def test_a_new_finding_does_not_take_the_name_of_one_that_was_there() -> None:
    old = replace(WRONG_KIND, line=9, end_line=9, new=False)
    assert fingerprints(WRONG_KIND, old)[-1:] == fingerprints(old)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/b.py", "a/b.py"),
        ("a b%.py", "a%20b%25.py"),
        ("c:d.py", "c%3Ad.py"),
        ("é\n\udcff", "%C3%A9%0A%FF"),
        ("", "."),
    ],
)
def test_a_path_as_a_uri(path: str, expected: str) -> None:
    assert uri(path) == expected
    if path:
        back = re.sub(rb"%(..)", lambda match: bytes.fromhex(match[1].decode()), uri(path).encode())
        assert back == encode_path(path)


# ---- JUnit and Checkstyle


def xml(name: str, verdict: Verdict) -> ET.Element:
    return ET.fromstring(rendered(name, verdict))  # noqa: S314 - our own output


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_is_valid_junit(verdict: Verdict) -> None:
    JUNIT.validate(rendered("junit", verdict))


def test_each_requirement_and_each_blocking_finding_is_a_test_case() -> None:
    root = xml("junit", BLOCKED)
    failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
    assert {"owners", "checks"} < failed
    assert "tests/test_views.py: test-failed: test_import: assert 500 == 302" in failed
    passed = [
        case.get("name")
        for case in root.iter("testcase")
        if not list(case) or case.find("system-out") is not None
    ]
    assert passed == ["mergeable", "lint"]
    names = next(suite for suite in root if suite.get("name") == "gate.names")
    assert (names.get("tests"), names.get("failures")) == ("2", "2")


def test_output_that_could_not_be_written_is_an_error_and_no_pass() -> None:
    root = xml("junit", BROKEN)
    errors = [case.get("name") for case in root.iter("testcase") if case.find("error") is not None]
    skipped = [case.get("name") for case in root.iter("testcase") if case.find("skipped") is not None]
    assert errors == ["checks", "types"]
    assert skipped == ["owners", "tests"]


def test_the_totals_of_a_suite_are_right_whatever_is_in_it() -> None:
    for suite in xml("junit", EVIL).iter("testsuite"):
        for kind, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(kind, "")) == len(list(suite.iter(tag)))
        assert int(suite.get("tests", "")) == len(list(suite.iter("testcase")))


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_is_well_formed_checkstyle(verdict: Verdict) -> None:
    root = xml("checkstyle", verdict)
    assert root.tag == "checkstyle"
    for error in root.iter("error"):
        assert error.get("severity") in {"error", "warning", "info"}
        assert int(error.get("line", "")) >= 1


def test_checkstyle_has_findings_by_file_and_what_was_there_before_as_information() -> None:
    files = {
        file.get("name"): [error.get("severity") for error in file] for file in xml("checkstyle", BLOCKED)
    }
    assert files["shortener/old.py"] == ["info"] * len(OLD)
    assert files["shortener/views.py"] == ["error"]
    assert files["shortener/export.py"] == ["error", "error"]


# ---- GitLab


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_is_a_code_quality_report(verdict: Verdict) -> None:
    issues = json.loads(rendered("gitlab", verdict))
    GITLAB.validate(issues)
    known = [issue["fingerprint"] for issue in issues]
    assert len(known) == len(set(known))


def test_gitlab_shows_who_is_missing_first_and_maps_severities() -> None:
    issues = json.loads(rendered("gitlab", BLOCKED))
    assert [issue["severity"] for issue in issues] == ["blocker", *["major"] * 3, *["info"] * len(OLD)]
    assert "ask @nehemiah" in issues[0]["description"]
    assert issues[0]["location"]["path"] == "shortener/export.py"


@pytest.mark.parametrize("name", ["checkstyle", "gitlab"])
@pytest.mark.parametrize("verdict", [BLOCKED, BROKEN, CONFLICT], ids=["blocked", "broken", "conflict"])
def test_a_shut_gate_is_never_an_empty_report(name: str, verdict: Verdict) -> None:
    text = rendered(name, verdict)
    assert 'severity="error"' in text or '"blocker"' in text


# ---- GitHub


def commands(verdict: Verdict) -> list[tuple[str, dict[str, str], str]]:
    """The commands as GitHub's runner reads them."""
    found = []
    for line in rendered("github", verdict).splitlines():
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        assert match, line
        pairs = (pair.partition("=") for pair in match[2].split(","))
        decoded = {key: _decoded(value) for key, _, value in pairs}
        found.append((match[1], decoded, _decoded(match[3])))
    return found


def _decoded(text: str) -> str:
    for code, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        text = text.replace(code, char)
    return text


@pytest.mark.slow
@few
@given(verdicts)
def test_any_verdict_is_a_list_of_commands_and_nothing_else(verdict: Verdict) -> None:
    found = commands(verdict)
    assert found
    for level in ("error", "warning", "notice"):
        assert sum(one[0] == level for one in found) <= 10
    assert ("error" in {one[0] for one in found}) or verdict.decision == "pass"
    assert set().union(*(one[1] for one in found)) <= {"file", "line", "endLine", "col", "title"}


def test_an_annotation_has_its_place_title_and_hint() -> None:
    assert (
        "error",
        {"file": "shortener/export.py", "line": "12", "col": "9", "title": "names: unknown-attribute"},
        f"{MISSPELT.message}\nhelp: {MISSPELT.hint}",
    ) in commands(BLOCKED)


def test_what_is_most_important_comes_first_and_the_rest_is_counted() -> None:
    found = commands(MANY)
    assert found[0][1] == {"title": "owners is not met"}
    assert len(found) == 10
    # 40 findings, one weakening, two requirements: nine are shown.
    assert found[-1][2] == "34 more: see the job summary"


def test_a_percent_sign_a_colon_and_a_comma_survive() -> None:
    odd = replace(WRONG_KIND, path="100%,a:b.py", message="50%25 of %0A")
    (found,) = commands(replace(PASSED, decision="blocked", checks=(Ran("x", (odd,), (odd,), 0.0),)))
    assert found[1]["file"] == "100%,a:b.py"
    assert found[2].startswith("50%25 of %0A\n")


def test_the_summary_says_what_a_reviewer_has_to_do() -> None:
    text = summary(BLOCKED, ReportContext())
    assert text.startswith("## ❌ Blocked&#58; missing code owner approval")
    assert "| &#64;nehemiah | code owner | <code>shortener/</code> (2) |" in text
    assert "| 2 of &#64;acme/web and &#64;ana | code owner | <code>static/app&#46;js</code> (1) |" in text
    assert "<code>shortener/export&#46;py&#58;12</code>" in text
    assert "approved &#40;not counted&#41; | stale" in text or "approved (not counted) | stale" in text


def test_only_the_command_is_code_in_how_to_approve() -> None:
    verdict = replace(BLOCKED, approve_with="`gate approve abc --into main`, or approve acme/shop#1")
    how = summary(verdict, ReportContext()).split("To approve, they run ")[1].partition("\n")[0]
    assert html.unescape(how) == "<code>gate approve abc --into main</code>, or approve acme/shop#1."


def test_the_summary_has_every_finding_that_the_annotations_leave_out() -> None:
    text = summary(MANY, ReportContext())
    assert text.count("shortener/views&#46;py") == 40


def test_a_summary_of_very_many_findings_is_not_too_large_and_not_promised() -> None:
    long = tuple(
        replace(WRONG_KIND, path="a/" * 40 + "b.py", line=n, message="é*" * 400) for n in range(1, 3000)
    )
    verdict = replace(BLOCKED, checks=(Ran("lint", long, long, 0.1),))
    assert len(summary(verdict, ReportContext()).encode()) < 1024 * 1024
    assert "job summary" not in rendered("github", verdict)


@pytest.mark.slow
@few
@given(verdicts)
def test_nothing_in_the_summary_is_markup_but_gates_own(verdict: Verdict) -> None:
    text = summary(verdict, ReportContext())
    assert set(re.findall(r"<[^>]*>?", text)) <= {"<code>", "</code>", "<b>", "</b>", "<br>"}
    assert not re.search(r"[`\[\]!\\~$]", text)
    assert not re.search(r"@\w|www\.|https?:", text)
    assert all(line.isprintable() for line in text.split("\n"))


def test_metrics_have_each_series_once_and_say_what_was_decided() -> None:
    text = rendered("metrics", BLOCKED)
    series = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(series) == len(set(series))
    labels = 'repository="acme/shortener",branch="main"'
    assert f'gate_verdict{{{labels},outcome="blocked"}} 1\n' in text
    assert f'gate_verdict{{{labels},outcome="pass"}} 0\n' in text
    assert f"gate_approvals_missing{{{labels}}} 3\n" in text
    assert f'gate_check_duration_seconds{{{labels},check="lint"}} 0\n' in text
    assert f'gate_findings{{{labels},check="names"}} 2\n' in text


@pytest.mark.parametrize(
    ("verdict", "word"), [(PASSED, "passing"), (BLOCKED, "blocked"), (BROKEN, "unknown")]
)
def test_a_badge_says_in_one_word_how_it_is(verdict: Verdict, word: str) -> None:
    image = ET.fromstring(rendered("badge", verdict))  # noqa: S314  # gate wrote it
    assert image.get("aria-label") == f"gate: {word}"
