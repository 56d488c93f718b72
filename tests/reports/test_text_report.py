from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.company import Company
from support.verdicts import (
    BLOCKED,
    BROKEN,
    EVIL,
    MANY,
    MERGES,
    OLD,
    PASSED,
    STORIES,
    WRONG_KIND,
    changed,
    few,
    lines,
    verdicts,
)

from gate.finding import Finding
from gate.model import NOT_ASKED, Approval, Duty, Missing, Outcome, Ran, ReviewRequest, Verdict
from gate.reports import ReportContext
from gate.reports.overview import inbox_lines
from gate.reports.terminal_text import Ink, cells
from gate.reports.text import render

GOLDEN = Path(__file__).parent / "golden"
SGR = re.compile("\x1b\\[[0-9;]*m")
CONTEXT = ReportContext(lines=lines)


@pytest.mark.parametrize("name", STORIES)
def test_it_reads_as_it_always_did(name: str) -> None:
    """`GATE_UPDATE_GOLDEN=1 pytest tests/reports` writes the files again; look at the difference."""
    text = render(STORIES[name], CONTEXT)
    file = GOLDEN / f"{name}.txt"
    if os.environ.get("GATE_UPDATE_GOLDEN"):
        file.write_text(text)
    assert text == file.read_text()


def test_a_pass_is_reported_in_two_to_six_lines() -> None:
    assert 2 <= len(render(PASSED, CONTEXT).splitlines()) <= 6


@pytest.mark.parametrize("name", STORIES)
def test_the_verdict_is_the_last_line(name: str) -> None:
    starts = {"pass": "Ready to merge:", "blocked": "Blocked:", "undecided": "Couldn't decide:"}
    text = render(STORIES[name], CONTEXT)
    last = [line for line in text.splitlines() if not line.startswith(" ")][-1]
    assert last.startswith(starts[STORIES[name].decision])


def test_a_merge_that_changes_nothing_is_not_called_ready() -> None:
    verdict = replace(PASSED, change=replace(PASSED.change, files=()))
    assert render(verdict, CONTEXT).splitlines()[-1] == "Nothing to merge into main."


def test_it_says_whom_to_ask_for_which_files() -> None:
    text = render(BLOCKED, CONTEXT)
    assert (
        "Approval needed from:\n"
        "  @nehemiah  shortener/ (2 files)\n"
        "And from any 2 of @acme/web, @ana: static/app.js\n"
        "To approve, they run `gate approve cccccccccccc --into main`\n"
    ) in text
    assert "CODEOWNERS" not in text


def test_with_a_remote_it_says_how_to_get_approvals_given_elsewhere() -> None:
    hint = "Already approved? `gate approvals --fetch` fetches approvals from origin"
    assert hint in render(BLOCKED, replace(CONTEXT, remote="origin"))
    assert "--fetch" not in render(BLOCKED, CONTEXT)
    assert hint not in render(
        replace(BLOCKED, reviewers=(), approve_with=""), replace(CONTEXT, remote="origin")
    )


def test_with_all_it_says_which_rule_asks_for_them() -> None:
    text = render(BLOCKED, replace(CONTEXT, everything=True))
    assert ".github/CODEOWNERS:3: @nehemiah\n      shortener/export.py\n      shortener/views.py\n" in text
    assert ".github/CODEOWNERS:7: 2 of @acme/web, @ana\n" in text


def test_where_nobody_is_asked_it_shows_which_files_lack_what() -> None:
    text = render(replace(BLOCKED, reviewers=(), approve_with=""), CONTEXT)
    assert ".github/CODEOWNERS:3: @nehemiah\n      shortener/export.py\n      shortener/views.py\n" in text


def test_sixty_files_of_ten_owners_fit_a_screen() -> None:
    files = [f"shop/part{n % 10}/module_{n}.py" for n in range(60)]
    owners = tuple(
        ReviewRequest((f"@owner{n}",), 1, (Duty("code owner", tuple(files[n::10])),)) for n in range(10)
    )
    missing = tuple(
        Missing(request.paths, 1, request.names, f"CODEOWNERS:{n}") for n, request in enumerate(owners)
    )
    findings = tuple(replace(WRONG_KIND, path=path) for path in files)
    verdict = replace(
        BLOCKED,
        change=changed(*files),
        outcomes=(MERGES, Outcome("owners", "unmet", "60 of 60 files", missing), BLOCKED.outcomes[-1]),
        checks=(Ran("names", findings, findings, 0.1),),
        approvals=(),
        reviewers=owners,
    )
    text = render(verdict, replace(CONTEXT, height=40))
    assert len(text.splitlines()) <= 40
    assert all(cells(line) <= 80 for line in text.splitlines())
    assert all(f"  @owner{n}  shop/part{n}/ (6 files)\n" in text for n in range(10))
    assert len(render(verdict, replace(CONTEXT, height=40, everything=True)).splitlines()) > 100


def test_a_check_that_had_nothing_to_look_at_says_so_where_all_passed() -> None:
    idle = Ran("tests", (), (), 0.1, note="no tests", seen=0)
    text = render(replace(PASSED, checks=(*PASSED.checks[:-1], idle)), CONTEXT)
    assert "    – tests  nothing ran (no tests, 0.1 s)\n" in text
    assert "✓ lint" not in text
    assert "no tests" not in render(PASSED, CONTEXT)


def test_what_is_not_required_is_left_out() -> None:
    skipped = tuple(
        Outcome(name, "not_applicable", NOT_ASKED) for name in ("approvals", "history", "guarded")
    )
    verdict = replace(PASSED, outcomes=(*PASSED.outcomes, *skipped))
    assert "history" not in render(verdict, CONTEXT)
    everything = render(verdict, replace(CONTEXT, everything=True))
    assert everything.count("not required\n") == 3


def test_one_mistake_that_three_checks_report_is_shown_once() -> None:
    name = replace(WRONG_KIND, rule="undefined-name", message="Undefined name `Json`")
    other = replace(name, column=30, rule="unknown-attribute", message="nothing defines `.laods`")
    undefined = replace(name, rule="F821", message="Undefined name `Json`", hint="")
    typed = replace(name, column=1, rule="arg-type", message="Argument 1 has a wrong type", hint="")
    second = replace(typed, message="Argument 2 has a wrong type")
    third = replace(typed, message="Argument 3 has a wrong type")
    elsewhere = replace(undefined, column=20, message="Undefined name `jso`")
    found = {
        "names": (name, other),
        "lint": (undefined, elsewhere),
        "types": (typed, second, third),
    }
    checks = tuple(Ran(check, findings, findings, 0.1) for check, findings in found.items())
    text = render(replace(BLOCKED, checks=checks), CONTEXT)
    assert "    also reported by `lint` (F821), `types` (arg-type)\n" in text
    assert text.count("Undefined name `Json`") == 1
    assert "lint: 2 findings (0.1 s)\n  1 also reported by `names`\n" in text
    assert "Undefined name `jso`" in text
    assert text.count("has a wrong type") == 1
    everything = render(replace(BLOCKED, checks=checks), replace(CONTEXT, everything=True))
    assert everything.count("has a wrong type") == 3
    alone = tuple(Ran(check, findings[:1], findings[:1], 0.1) for check, findings in found.items())
    assert "lint: 1 finding (0.1 s)\n  also reported by `names`\n\ntypes:" in render(
        replace(BLOCKED, checks=alone), CONTEXT
    )


def test_an_undefined_name_that_only_lint_and_types_report_is_shown_once() -> None:
    undefined = replace(WRONG_KIND, rule="F821", message="Undefined name `x`", hint="")
    typed = replace(undefined, rule="name-defined", message='Name "x" is not defined')
    elsewhere = replace(typed, column=40, message='Name "y" is not defined')
    found = {"lint": (undefined,), "types": (typed, elsewhere)}
    checks = tuple(Ran(check, findings, findings, 0.1) for check, findings in found.items())
    text = render(replace(BLOCKED, checks=checks), CONTEXT)
    assert "    also reported by `types` (name-defined)\n" in text
    assert "types: 2 findings (0.1 s)\n  1 also reported by `lint`\n" in text
    assert 'Name "x" is not defined' not in text
    assert 'Name "y" is not defined' in text


def test_a_syntax_error_is_shown_once_however_many_tools_fall_over_it() -> None:
    error = replace(WRONG_KIND, rule="syntax-error")
    found = {
        "names": (error, replace(error, column=30)),
        "lint": tuple(replace(error, rule="invalid-syntax", line=line) for line in (5, 6, 90)),
        "types": (replace(error, rule="syntax", line=4),),
    }
    checks = tuple(Ran(check, findings, findings, 0.1) for check, findings in found.items())
    text = render(replace(BLOCKED, checks=checks), CONTEXT)
    assert text.count("shortener/views.py:5:") == text.count("shortener/views.py:") == 2
    assert "also reported by `lint` (invalid-syntax), `types` (syntax)\n" in text


def case(name: str, *, new: bool = True) -> Finding:
    hint = f"pytest tests/test_f.py::{name}"
    return Finding("tests/test_f.py", 4, 1, 4, "test-failed", "error", f"{name}: assert 1 == 2", hint, new)


def test_failing_cases_of_one_test_are_shown_together() -> None:
    cases = tuple(case(f"test_f[{number}::x-[y]]") for number in range(30))
    found = (*cases, case("TestIt::test_f[1]"), case("test_g"), case("test_f[old]", new=False))
    verdict = replace(BLOCKED, checks=(Ran("tests", found, found, 0.1),))
    text = " ".join(render(verdict, CONTEXT).split())
    assert "tests: 33 failures" in text
    assert "30 cases of test_f fail, the first: test_f[0::x-[y]]: assert 1 == 2" in text
    assert "help: pytest tests/test_f.py::test_f " in text
    for alone in ("TestIt::test_f[1]", "test_g", "test_f[old]"):
        assert f"help: pytest tests/test_f.py::{alone}" in text
    everything = render(verdict, replace(CONTEXT, everything=True))
    assert everything.count("assert 1 == 2") == 33


def test_a_finding_has_its_place_its_rule_its_line_and_the_way_out() -> None:
    text = render(BLOCKED, CONTEXT)
    assert "  shortener/views.py:5:9: wrong-json-argument `json.loads` reads text" in text
    assert "    5 │     return json.loads(urls_file)\n" in text
    assert "    help: did you mean `json.load`?\n" in text


def test_the_mark_stands_below_the_column_whatever_stands_before_it() -> None:
    found = replace(WRONG_KIND, column=2)
    verdict = replace(BLOCKED, checks=(Ran("names", (found,), (found,), 0.1),))
    text = render(verdict, CONTEXT)
    code, mark = re.search(r"5 (│ .*return.*)\n      (│ +\^)\n", text).groups()  # type: ignore[union-attr]  # it fails here
    assert code.index("return") == mark.index("^")


def test_a_decision_that_does_not_count_is_shown_with_the_reason() -> None:
    text = render(BLOCKED, CONTEXT)
    assert "– @newhire approved (not counted): wrote a part of this change\n" in text
    assert "✗ @pedro objected: the export leaks keys\n" in text


def test_a_waiver_is_loud() -> None:
    waiver = Approval("9" * 64, "@guardian", "waive", "ssh", counted=True, why="the site is down")
    text = render(
        replace(PASSED, approvals=(*PASSED.approvals, waiver), notes=("WAIVED by @guardian",)), CONTEXT
    )
    assert "⚠ @guardian waived the requirements: the site is down\n" in text
    assert "Ready to merge (requirements waived): 4 files into main.\n" in text


def test_what_passes_only_because_it_is_not_enforced_is_not_just_ready() -> None:
    unmet = replace(PASSED.outcomes[0], state="unmet", enforced=False)
    for verdict in (
        replace(PASSED, outcomes=(unmet, *PASSED.outcomes[1:])),
        replace(PASSED, checks=(replace(BLOCKED.checks[1], enforced=False),)),
    ):
        assert "Ready to merge (would be blocked if enforced): 4 files into main.\n" in render(
            verdict, CONTEXT
        )


def test_a_partial_run_is_not_ready_to_merge() -> None:
    text = render(replace(PASSED, partial=True), CONTEXT)
    assert text.endswith("Partial run passed: only names, lint, and tests ran.\n")
    assert "Ready" not in text


def test_what_nobody_else_has_yet_is_to_be_pushed_first() -> None:
    local = render(BLOCKED, replace(CONTEXT, remote="origin", unpushed=True))
    assert "Push it first: nobody else has this commit yet.\n" in local
    assert "--fetch" not in local
    pushed = render(BLOCKED, replace(CONTEXT, remote="origin"))
    assert "Push it first" not in pushed
    assert "--fetch" in pushed


def test_existing_findings_are_counted_and_shown_on_demand() -> None:
    assert "12 existing findings not shown; run `gate check --all` to see them" in render(PASSED, CONTEXT)
    assert "`m3` imported but unused" not in render(PASSED, CONTEXT)
    everything = render(PASSED, replace(CONTEXT, everything=True))
    assert everything.count("(existing)") == len(OLD)
    assert "--all" not in everything


def test_many_findings_are_capped_and_the_rest_is_counted() -> None:
    text = render(MANY, CONTEXT)
    assert text.count("wrong-json-argument") == 20
    assert "… and 20 more in shortener/views.py" in text
    assert "run `gate check --all` to see them" in " ".join(text.split())
    everything = render(MANY, replace(CONTEXT, everything=True))
    assert everything.count("wrong-json-argument") == 40
    assert "part_28.py" in everything


def test_the_command_to_repeat_is_the_one_that_was_given() -> None:
    text = render(MANY, replace(CONTEXT, command="gate check --into release/2"))
    assert "`gate check --into release/2 --all` to see them" in " ".join(text.split())


def test_a_broken_check_shows_why_the_way_out_and_the_end_of_its_output() -> None:
    text = render(BROKEN, CONTEXT)
    assert "types: could not run: mypy ended with exit code 2" in text
    assert "help: run `mypy .`" in text
    assert "│ \\x1b[31mImportError\\x1b[0m: no `x`\n" in text
    assert "… 9 earlier lines" in text
    assert "frame 3\n" not in text


def test_a_check_without_a_result_is_not_forgotten() -> None:
    verdict = Verdict(
        "undecided", PASSED.change, (MERGES, Outcome("checks", "undecided", "tests did not run")), (), ()
    )
    assert "? checks     tests did not run\n" in render(verdict, CONTEXT)


def test_colour_only_when_asked() -> None:
    assert "\x1b" not in render(BLOCKED, CONTEXT)
    coloured = render(BLOCKED, replace(CONTEXT, colour=True))
    assert "\x1b[1;31mBlocked:\x1b[0m" in coloured
    assert SGR.sub("", coloured) == render(BLOCKED, CONTEXT)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8", "UTF8"])
def test_every_encoding_can_show_it(encoding: str) -> None:
    verdict = replace(BLOCKED, notes=("Zoë, 漢字, 🙂",))
    text = render(verdict, replace(CONTEXT, encoding=encoding))
    text.encode(encoding)
    assert ("✓" in text) == encoding.lower().startswith("utf")
    if encoding == "ascii":
        assert "+ mergeable" in text
        assert "x owners" in text


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("name", ["passed", "blocked", "broken", "conflict", "many"])
def test_lines_fit_the_width(name: str, width: int) -> None:
    for line in render(STORIES[name], replace(CONTEXT, width=width)).splitlines():
        words = line.split()
        assert cells(line) <= width or len(words) <= 2 or max(map(cells, words)) > width - 16, line


def test_a_hostile_name_gives_no_orders() -> None:
    text = render(EVIL, CONTEXT)
    assert "\x1b" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##[" not in text
    assert "\\xff" in text
    assert "\\u202e" in text


def test_two_odd_names_never_look_the_same() -> None:
    newline = replace(WRONG_KIND, path="a\nb.py")
    escaped = replace(WRONG_KIND, path='"a\\nb.py"')
    shown = {
        render(replace(BLOCKED, checks=(Ran("names", (one,), (one,), 0.0),)), CONTEXT)
        for one in (newline, escaped)
    }
    assert len(shown) == 2


@pytest.mark.slow
@few
@given(verdicts, st.integers(40, 120), st.booleans(), st.sampled_from(["utf-8", "ascii", "cp1252"]))
def test_nothing_but_printable_text_comes_out(
    verdict: Verdict, width: int, colour: bool, encoding: str
) -> None:
    context = ReportContext(
        width=width, colour=colour, everything=True, encoding=encoding, lines=lambda path: [path, path]
    )
    text = render(verdict, context)
    text.encode(encoding)
    assert text.endswith("\n")
    for line in SGR.sub("", text).splitlines():
        assert line.isprintable()
    for line in text.split("\n"):
        assert not line.lstrip().startswith("::")
        assert not re.search(r"##\w*\[", line)


@pytest.mark.slow
def test_in_a_company_one_line_names_the_one_who_can_clear_it_all(company: Company) -> None:
    new = company.clone("newhire")
    new.commit("v2", {"a.py": "x = 2\n"}, branch="feature")
    done = new.gate("check")
    assert done.code == 1
    assert "  @nehemiah  a.py; senior reviewer for @newhire\n" in done.out
    assert done.out.count("@nehemiah  ") == 1
    verdict = new.verdict("feature")
    (request,) = verdict["reviewers"]
    assert (request["names"], request["required"]) == (["@nehemiah"], True)
    asked = [line for item in verdict["requirements"] for line in item["advice"] if line.startswith("ask ")]
    assert asked == ["ask @nehemiah: code owner of a.py; senior reviewer for @newhire"]


def test_the_inbox_names_only_others_as_alternatives() -> None:
    request = ReviewRequest(("@ada", "@bob"), 1, (Duty("reviewer", ("a.py",)),))
    shown = inbox_lines("feature", "by Cyd", "@bob", (request,), BLOCKED, Ink(CONTEXT))
    assert "  a.py as reviewer; @ada can instead" in shown
