from __future__ import annotations

import pytest
from support.verdicts import BLOCKED, HOSTILE, OLD

from gate.finding import Finding
from gate.model import Broken, CheckResult, Ran, Skipped
from gate.reports import ReportContext
from gate.reports.progress import ERASE, ProgressLines

ERROR = Finding("a.py", 1, 1, 1, "E1", "error", "no")


def screen(written: str) -> list[str]:
    """What a terminal shows after all this was written."""
    lines = [""]
    for part in written.replace(ERASE, "\0").replace("\n", "\n\0")[:].split("\0"):
        text, newline, _ = part.partition("\n")
        lines[-1] = text
        if newline:
            lines.append("")
    return lines


def test_finished_checks_stay_and_running_ones_are_named_below() -> None:
    progress = ProgressLines(ReportContext())
    written = progress.started("tests") + progress.started("lint")
    assert screen(written) == ["  … tests, lint"]
    written += progress.finished(Ran("lint", (), (), 0.2))
    assert screen(written) == ["  ✓ lint passed (0.2 s)", "  … tests"]
    written += progress.finished(Ran("tests", (ERROR,), (ERROR,), 61.2))
    written += progress.end()
    assert screen(written) == ["  ✓ lint passed (0.2 s)", "  ✗ tests 1 failure (1 min 1 s)", ""]


def test_a_running_suite_says_how_many_tests_are_done() -> None:
    progress = ProgressLines(ReportContext())
    written = progress.started("tests") + progress.started("lint") + progress.tests("tests", 40, 1312, 12.0)
    assert screen(written) == ["  … tests (40 of 1,312) 12 s, lint 12 s"]
    assert screen(written + progress.tests("tests", 41, 0)) == ["  … tests (41 done), lint"]
    written += progress.finished(Ran("tests", (), (), 13.0))
    assert screen(written)[-1] == "  … lint"


def test_the_first_failure_stays_visible_while_the_suite_runs() -> None:
    progress = ProgressLines(ReportContext())
    written = progress.started("tests") + progress.tests("tests", 2, 9, failed="test_a.py::test_x")
    assert screen(written) == ["  … tests (2 of 9; failing: test_a.py::test_x)"]
    assert screen(written + progress.tests("tests", 3, 9)) == [
        "  … tests (3 of 9; failing: test_a.py::test_x)"
    ]


@pytest.mark.parametrize(
    ("result", "line"),
    [
        (Ran("lint", OLD, (), 0.1, cached=True), ""),
        (Ran("lint", OLD, (), 0.1), "  ✓ lint passed (0.1 s)"),
        (Broken("types", "no mypy"), "  ? types could not run"),
        (Skipped("types", "enough"), "  – types not run"),
    ],
    ids=["kept", "passed", "broken", "skipped"],
)
def test_each_end_of_a_check(result: CheckResult, line: str) -> None:
    progress = ProgressLines(ReportContext())
    written = progress.started(result.id) + progress.finished(result) + progress.end()
    assert [shown for shown in screen(written) if shown] == ([line] if line else [])


def test_a_line_never_wraps_and_never_breaks() -> None:
    progress = ProgressLines(ReportContext(width=40, encoding="ascii"))
    written = "".join(progress.started(f"{HOSTILE}{n}") for n in range(9))
    written += progress.finished(Ran(f"{HOSTILE}3", (), (), 1.0))
    assert all(len(line) < 40 for line in screen(written))
    assert "\x1b" not in written.replace(ERASE, "")
    assert written.isascii()


def test_colour_is_used_where_it_is_wanted() -> None:
    progress = ProgressLines(ReportContext(colour=True))
    result = BLOCKED.checks[0]
    assert "\x1b[1;31m✗\x1b[0m tests" in progress.started(result.id) + progress.finished(result)


def test_running_checks_show_how_long_they_have_taken() -> None:
    progress = ProgressLines(ReportContext())
    written = progress.started("tests", 100.0) + progress.started("types", 110.0) + progress.tick(175.4)
    assert screen(written) == ["  … tests 1 min 15 s, types 1 min 5 s"]
    written += progress.finished(Ran("types", (), (), 70.0, note="81 files"), 180.0) + progress.tick(181.0)
    assert screen(written) == ["  ✓ types passed (81 files, 1 min 10 s)", "  … tests 1 min 21 s"]
    written += progress.end()
    assert progress.tick(190.0) == ""
