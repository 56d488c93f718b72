"""What tools print, read: complete answers become findings, anything else is broken and never a pass."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gate.checks import TOOLS, Job, Left, Report, Unreadable, modules
from gate.checks.baseline import mark_new
from gate.checks.checkers import chosen
from gate.finding import Finding
from gate.policy.types import CheckSettings


def job(tool: str, *, report: str = "none", found: bool = True) -> Job:
    check = CheckSettings(tool, tool, command=("make", "lint"), report=report)  # type: ignore[arg-type]  # from a table
    return Job(
        check, "/tree", ("tool",), own=False, python="/env/bin/python", found=found, files=("app.py", "test_app.py"),
        settings={}, scratch="/s", cache="/c", report="/r", origin=".venv",
        text=lambda _path: "def test_a():\n    pass\n",
    )  # fmt: skip


def read(tool: str, left: Left, **more: object) -> Report | Unreadable:
    return TOOLS[tool].read(job(tool, **more), left)  # type: ignore[arg-type]  # from a table


RUFF = json.dumps([
    {"code": "F821", "message": "Undefined name `Json`", "filename": "/tree/app.py",
     "location": {"row": 3, "column": 5}, "end_location": {"row": 3, "column": 9}, "fix": None},
    {"code": None, "message": "SyntaxError: Expected `:`", "filename": "/tree/test_app.py",
     "location": {"row": 1, "column": 2}, "end_location": {"row": 1, "column": 3}},
])  # fmt: skip
MYPY = (
    '{"file": "app.py", "line": 4, "column": 11, "message": "Module has no attribute \\"laods\\"; maybe \\"loads\\"?", '
    '"hint": null, "code": "attr-defined", "severity": "error"}\n'
    '{"file": "app.py", "line": 4, "column": 11, "message": "See the docs", "hint": null, "code": "attr-defined", '
    '"severity": "note"}\n'
)
FINISHED = (
    '{"event": "finished", "status": %d, "collected": %d, "outcomes": {"passed": 1}, "failures": 0, "tests": [], '
    '"outside": %s}'
)
FAILED = (
    '{"event": "failed", "id": "test_app.py::test_a", "path": "test_app.py", "line": 3, "when": "%s", '
    '"message": "%s", "text": ""}\n'
)


def test_ruffs_findings_are_read() -> None:
    report = read("ruff", Left(1, RUFF, ""))
    assert isinstance(report, Report)
    first, second = report.findings
    assert (first.path, first.line, first.column, first.rule) == ("app.py", 3, 5, "F821")
    assert (second.rule, second.message) == ("invalid-syntax", "Expected `:`")


@pytest.mark.parametrize(
    ("output", "shown"),
    [
        (
            "FAIL Required test coverage of 90% not reached. Total coverage: 50.00%\n1 passed in 0.1s\n",
            "Total coverage: 50",
        ),
        (
            "ERROR: Coverage failure: total of 50 is less than fail-under=90\n\n1 passed in 0.1s\n",
            "total of 50",
        ),
        ("1 passed\nCoverage failure: total of 50 is less than fail-under=90\n", "fail-under=90"),
    ],
)
def test_coverage_below_its_limit_is_the_reason(output: str, shown: str) -> None:
    lines = FINISHED % (1, 1, "{}")
    report = read("pytest", Left(1, output, "a library warns about something\n", lines.encode()))
    assert isinstance(report, Report)
    (finding,) = report.findings
    assert finding.rule == "coverage"
    assert shown in finding.message


def test_settings_for_another_version_are_answered_with_how_to_install_it() -> None:
    error = "ruff failed\n  Cause: Required version `==0.4.1` does not match the running version `0.9.0`\n"
    answer = read("ruff", Left(2, "", error))
    assert isinstance(answer, Unreadable)
    assert 'pip install "ruff==0.4.1"' in answer.hint


def test_a_crash_of_mypy_is_described_by_its_error() -> None:
    trace = 'Traceback (most recent call last):\n  File "mypy/main.py", line 97, in main\nUnicodeDecodeError: no\n'
    for left in (Left(2, "", trace), Left(2, trace, "")):
        answer = read("mypy", left)
        assert isinstance(answer, Unreadable)
        assert answer.reason == "mypy failed to start: UnicodeDecodeError: no"


def test_what_mypy_prints_about_its_settings_as_json_is_read() -> None:
    error = '{"file": "mypy.ini", "line": 2, "message": "Error importing plugin \\"x\\": No module named \'x\'"}\n'
    answer = read("mypy", Left(2, "", error))
    assert isinstance(answer, Unreadable)
    assert (
        answer.reason == "mypy failed to start: mypy.ini:2: Error importing plugin \"x\": No module named 'x'"
    )


@pytest.mark.parametrize(
    ("options", "plugins"),
    [
        ("--cov=a --timeout=5", ["pytest-cov", "pytest-timeout"]),
        ("--cov-report=xml --cov", ["pytest-cov"]),
        ("-n auto --dist loadscope", ["pytest-xdist"]),
        ("-nauto", ["pytest-xdist"]),
        ("--ds=a.b", ["pytest-django"]),
        ("--my-own", []),
    ],
)
def test_the_plugin_that_an_option_needs_is_named(options: str, plugins: list[str]) -> None:
    message = f"pytest.main(): error: unrecognized arguments: {options}\n  inifile: pytest.ini\n"
    answer = read("pytest", Left(4, "", message))
    assert isinstance(answer, Unreadable)
    assert [name for name in plugins if f"`{name}`" not in answer.hint] == []
    assert plugins or "the pytest plugin that defines them" in answer.hint


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("setup.cfg", "[mypy]\nstrict = true\n[bumpversion]\nfiles = a.py\n", True),
        ("setup.cfg", "[mypy]\nfiles = a.py\n", False),
        ("mypy.ini", "[mypy]\n[mypy-a.*]\ncheck_untyped_defs = true\n", True),
        ("pyproject.toml", "[tool.mypy]\npackages = ['a']\n[tool.other]\nfiles = []\n", False),
    ],
)
def test_only_mypys_own_settings_say_what_it_checks(name: str, text: str, named: bool) -> None:
    with_settings = replace(job("mypy"), settings={name: text.encode()})
    invocation = TOOLS["mypy"].commands(with_settings)[0]
    assert ("app.py" in invocation.argv) is named


def test_what_mypy_or_a_plugin_of_it_says_besides_its_findings_changes_nothing() -> None:
    more = "pyproject.toml: note: unused section(s): module = ['a']\nPlugin: hello\n"
    assert read("mypy", Left(0, more, "")) == Report(())
    with_finding, alone = read("mypy", Left(1, more + MYPY, "")), read("mypy", Left(1, MYPY, ""))
    assert isinstance(with_finding, Report)
    assert with_finding == alone
    assert isinstance(read("mypy", Left(1, more, "")), Unreadable)


def test_why_pytest_did_not_begin_is_reported_in_its_own_words() -> None:
    err = "ImportError while loading conftest '/tree/conftest.py'.\nconftest.py:1: in <module>\nE   RuntimeError: no\n"
    answer = read("pytest", Left(4, "", err))
    assert isinstance(answer, Unreadable)
    assert answer.reason == "pytest did not finish: RuntimeError: no"


def test_mypys_findings_and_hints_are_read() -> None:
    report = read("mypy", Left(1, MYPY, ""))
    assert isinstance(report, Report)
    (finding,) = report.findings
    assert (finding.path, finding.line, finding.column) == ("app.py", 4, 12)
    assert finding.hint == "did you mean `loads`?" or "`" in finding.hint


def test_failed_tests_are_read() -> None:
    lines = FAILED % ("call", "assert 1 == 2") + FINISHED.replace("1}", '1, "failed": 1}', 1) % (1, 2, "{}")
    report = read("pytest", Left(1, "", "", lines.encode()))
    assert isinstance(report, Report)
    assert [(f.path, f.line, f.rule) for f in report.findings] == [("test_app.py", 3, "test-failed")]


def test_tests_that_did_not_run_after_a_failure_are_a_finding() -> None:
    lines = FAILED % ("call", "assert 1 == 2") + FINISHED % (1, 2, "{}")
    report = read("pytest", Left(1, "", "", lines.encode()))
    assert isinstance(report, Report)
    assert [finding.rule for finding in report.findings] == ["test-failed", "not-run"]


@pytest.mark.parametrize(
    ("tool", "left"),
    [
        pytest.param("ruff", Left(0, "", ""), id="ruff says nothing"),
        pytest.param("ruff", Left(2, "", "error: bad settings"), id="ruff refuses its settings"),
        pytest.param("ruff", Left(1, RUFF[:-40], ""), id="ruff cut short"),
        pytest.param("ruff", Left(1, '{"a": 1}', ""), id="ruff says something else"),
        pytest.param("ruff", Left(101, "", "panicked"), id="ruff crashes"),
        pytest.param("mypy", Left(2, "", "mypy: error: unknown option"), id="mypy refuses its options"),
        pytest.param("mypy", Left(2, "Error importing plugin 'x'\n", ""), id="mypy lacks a plugin"),
        pytest.param("mypy", Left(1, "", ""), id="mypy fails without a word"),
        pytest.param("mypy", Left(1, MYPY[:50], ""), id="mypy cut short"),
        pytest.param("mypy", Left(1, "Traceback (most recent call last):\n", ""), id="mypy crashes"),
        pytest.param("pytest", Left(0, "1 passed", ""), id="pytest without a report"),
        pytest.param("pytest", Left(0, "", "", b""), id="pytest with an empty report"),
        pytest.param("pytest", Left(0, "", "", b'{"event": "fini'), id="pytest cut short"),
        pytest.param(
            "pytest", Left(0, "", "", (FAILED % ("call", "no")).encode()), id="pytest without an end"
        ),
        pytest.param("pytest", Left(0, "", "", (FINISHED % (0, 0, "{}")).encode()), id="pytest ran no test"),
        pytest.param(
            "pytest", Left(1, "", "", (FINISHED % (0, 1, "{}")).encode()), id="pytest contradicts itself"
        ),
        pytest.param(
            "pytest",
            Left(0, "", "", (FINISHED % (0, 1, '{"app": "/else/app.py"}')).encode()),
            id="from elsewhere",
        ),
        pytest.param(
            "pytest",
            Left(
                2,
                "",
                "",
                (FAILED % ("collect", "No module named 'flask'") + FINISHED % (2, 0, "{}")).encode(),
            ),
            id="a dependency is missing",
        ),
        pytest.param("names", Left(1, "", "boom"), id="names crashes"),
        pytest.param("names", Left(0, "[]", ""), id="names says something else"),
    ],
)
def test_what_is_no_complete_answer_is_broken(tool: str, left: Left) -> None:
    answer = read(tool, left)
    assert isinstance(answer, Unreadable)
    assert answer.reason
    assert "\n" not in answer.reason


SARIF = {
    "runs": [
        {
            "results": [
                {
                    "ruleId": "R1",
                    "level": "error",
                    "message": {"text": "bad"},
                    "locations": [
                        {
                            "physicalLocation": {
                                "artifactLocation": {"uri": "app.py"},
                                "region": {"startLine": 2},
                            }
                        }
                    ],
                }
            ]
        }
    ]
}
CASE = b'<testcase classname="t" name="a" file="app.py" line="3"><failure message="no"/></testcase>'
JUNIT = b"<testsuite>" + CASE + b"</testsuite>"


@pytest.mark.parametrize(
    ("report", "left", "places"),
    [
        pytest.param("none", Left(0, "", ""), [], id="0"),
        pytest.param("none", Left(3, "x\nlast words", ""), [("", 0)], id="not 0"),
        pytest.param("sarif", Left(1, json.dumps(SARIF), ""), [("app.py", 2)], id="sarif"),
        pytest.param(
            "sarif",
            Left(1, json.dumps(SARIF).replace('"startLine": 2', '"startLine": -1'), ""),
            [("app.py", 0)],
            id="a line before the first",
        ),
        pytest.param("junit", Left(1, "", "", JUNIT), [("app.py", 3)], id="junit"),
        pytest.param(
            "junit", Left(1, "", "", b"<testsuite/>"), [("", 0)], id="a report that hides the exit code"
        ),
    ],
)
def test_commands(report: str, left: Left, places: list[tuple[str, int]]) -> None:
    answer = read("command", left, report=report)
    assert isinstance(answer, Report)
    assert [(finding.path, finding.line) for finding in answer.findings] == places


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"<a",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>',
        json.dumps(SARIF).replace('"startLine": 2', '"startLine": 1e999').encode(),
        b"[" * 100_000,
        # What has not come to its end has found nothing to be missed.
        b'{"runs": [{"tool": {"driver": {"name": "x"}}}]}',
        b'{"runs": [{"results": null}]}',
        b'{"runs": [{"results": [], "invocations": [{"executionSuccessful": false}]}]}',
    ],
)
def test_a_report_that_cannot_be_read_is_broken(raw: bytes) -> None:
    for report in ("sarif", "junit"):
        assert isinstance(read("command", Left(0, "", "", raw), report=report), Unreadable)


def finding(path: str = "a.py", line: int = 1, message: str = "m") -> Finding:
    return Finding(path, line, 1, line, "R", "error", message)


@pytest.mark.parametrize(
    ("now", "before", "renames", "new"),
    [
        pytest.param([finding()], [], {}, [True], id="new"),
        pytest.param([finding(line=9)], [finding(line=1)], {}, [False], id="moved"),
        pytest.param([finding(), finding(line=2)], [finding()], {}, [False, True], id="once more"),
        pytest.param([finding("b.py")], [finding("a.py")], {"b.py": "a.py"}, [False], id="through a rename"),
        pytest.param([finding("b.py")], [finding("a.py")], {}, [True], id="another file"),
        pytest.param([finding(message="n")], [finding()], {}, [True], id="another message"),
        pytest.param(
            [finding(message="<T object at 0x7f5b> == 1")],
            [finding(message="<T object at 0x7f5c> == 1")],
            {},
            [False],
            id="another address",
        ),
        pytest.param(
            [finding(message="got 0x7f5b")], [finding(message="got 0x7f5c")], {}, [True], id="a number"
        ),
    ],
)
def test_new_or_old(
    now: list[Finding], before: list[Finding], renames: dict[str, str], new: list[bool]
) -> None:
    assert [found.new for found in mark_new(now, before, renames)] == new


def test_a_script_of_a_name_that_is_taken_is_checked_under_the_name_of_its_place() -> None:
    files = (
        "a.py",
        "scripts/a.py",
        "src/p/__init__.py",
        "src/p/m.py",
        "tests/test_a.py",
        "docs/conf.py",
        "bad-dir/x.py",
    )
    (part,) = modules.parts(files, lambda _path: "")
    assert part.files == ("a.py", "bad-dir/x.py", "scripts/a.py", "src/p/__init__.py", "src/p/m.py")
    assert set(part.bases) == {".", "bad-dir", "src"}


@pytest.mark.parametrize(
    "files",
    [
        pytest.param(
            {"a/page.py": "", "b/page.py": "", "b/app.py": "import page\n"}, id="neighbours import it"
        ),
        pytest.param(
            {"a-1/setup.py": "", "b-1/setup.py": "", "c-1/setup.py": ""}, id="folders without a name"
        ),
        pytest.param({"a/p/__init__.py": "", "b/p/__init__.py": "", "b/p/m.py": ""}, id="packages"),
        pytest.param({"p.py": "", "p/__init__.py": "", "p/m.py": ""}, id="a module beside its package"),
        pytest.param({"a/x.py": "", "a/b/x.py": "import x\n", "x.py": "from a.x import y\n"}, id="both ways"),
        pytest.param({"a:b/x.py": "", "x.py": "", "c/x.py": "import x\n"}, id="a colon"),
    ],
)
def test_every_module_is_checked_in_just_one_run(files: dict[str, str]) -> None:
    runs = [part.files for part in modules.parts(files, files.__getitem__)]
    assert sorted(path for run in runs for path in run) == sorted(files)


def test_many_scripts_of_one_name_take_one_run() -> None:
    files = [f"exercise{number}/main.py" for number in range(50)]
    assert len(modules.parts(files, lambda _path: "import sys\n")) == 1


@pytest.mark.parametrize(
    ("files", "bases"),
    [
        pytest.param({"jaraco/collections/__init__.py": ""}, set(), id="a namespace package"),
        pytest.param({"tools/queue.py": "", "tools/run.py": "import queue\n"}, set(), id="a script"),
        pytest.param({"src/p/__init__.py": "", "src/types.py": ""}, set(), id="beside a package"),
        pytest.param({"bad-dir/queue.py": ""}, {"bad-dir"}, id="a folder without a name"),
        pytest.param({"ns/other/__init__.py": ""}, {"ns"}, id="another name"),
    ],
)
def test_no_module_is_named_like_one_of_the_standard_library(files: dict[str, str], bases: set[str]) -> None:
    (part,) = modules.parts(files, files.__getitem__)
    assert set(part.bases) - {"."} == bases


def test_a_folder_without_init_in_a_package_belongs_to_it() -> None:
    files = {"src/p/__init__.py": "", "src/p/inner/x.py": "from ..y import z\n", "src/p/y.py": "z = 1\n"}
    (part,) = modules.parts(files, files.__getitem__)
    assert part.bases == ("src", ".")


TY = json.dumps([
    {"check_name": "invalid-argument-type", "description": "invalid-argument-type: Expected `int`", "severity": "major",
     "location": {"path": "app.py", "positions": {"begin": {"line": 5, "column": 3}, "end": {"line": 5, "column": 6}}}},
    {"check_name": "import-not-found", "description": "import-not-found: no `x`", "severity": "major",
     "location": {"path": "app.py", "positions": {"begin": {"line": 1, "column": 8}, "end": {"line": 1, "column": 9}}}},
])  # fmt: skip
PYREFLY = json.dumps({"errors": [
    {"line": 5, "column": 3, "stop_line": 5, "stop_column": 6, "path": "app.py", "code": 1, "name": "bad-argument-type",
     "description": "long", "concise_description": "Expected `int`", "severity": "error"},
    {"line": 1, "column": 8, "stop_line": 1, "stop_column": 9, "path": "app.py", "code": 2, "name": "missing-import",
     "description": "no `x`", "severity": "error"},
]})  # fmt: skip
PYRIGHT = json.dumps({"generalDiagnostics": [
    {"file": "/tree/app.py", "severity": "error", "message": "Expected `int`\n more", "rule": "reportArgumentType",
     "range": {"start": {"line": 4, "character": 2}, "end": {"line": 4, "character": 5}}},
    {"file": "/tree/app.py", "severity": "error", "message": "no `x`", "rule": "reportMissingImports",
     "range": {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 8}}},
    {"file": "/tree/app.py", "severity": "warning", "message": "a matter of taste", "rule": "reportUnusedCallResult",
     "range": {"start": {"line": 0, "character": 7}, "end": {"line": 0, "character": 8}}},
], "summary": {"filesAnalyzed": 1}})  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "output"), [("ty", TY), ("pyrefly", PYREFLY), ("pyright", PYRIGHT), ("basedpyright", PYRIGHT)]
)
def test_the_findings_of_other_type_checkers_are_read(tool: str, output: str) -> None:
    for found, expected in ((True, 2), (False, 1)):
        report = TOOLS[tool].read(job(tool, found=found), Left(1, output, ""))
        assert isinstance(report, Report)
        assert len(report.findings) == expected
        first = report.findings[0]
        assert (first.path, first.line, first.column, first.message) == ("app.py", 5, 3, "Expected `int`")
    assert isinstance(TOOLS[tool].read(job(tool), Left(2, output, "boom")), Unreadable)
    assert isinstance(TOOLS[tool].read(job(tool), Left(1, "{", "boom")), Unreadable)


def test_a_checker_that_has_looked_at_nothing_is_broken() -> None:
    nothing = json.dumps({"generalDiagnostics": [], "summary": {"filesAnalyzed": 0}})
    assert isinstance(TOOLS["pyright"].read(job("pyright"), Left(0, nothing, "")), Unreadable)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"pyproject.toml": b"[tool.ty.rules]\n"}, ("ty",)),
        ({"pyrefly.toml": b""}, ("pyrefly",)),
        ({"pyrightconfig.json": b"{}", "mypy.ini": b""}, ("mypy", "pyright")),
        ({"pyproject.toml": b"[tool.basedpyright]\n"}, ("basedpyright",)),
        ({"pyproject.toml": b"[tool.typos]\n", "setup.cfg": b"[metadata]\n"}, ()),
    ],
)
def test_which_type_checker_a_project_has_chosen(
    settings: dict[str, bytes], expected: tuple[str, ...]
) -> None:
    assert chosen(settings) == expected


def hook_report(output: str, diff: str) -> Report:
    lines = [{"hook": "h", "code": 1, "output": output, "diff": diff}, {"finished": True}]
    report = read("pre-commit", Left(1, "", "", "\n".join(map(json.dumps, lines)).encode()))
    assert isinstance(report, Report)
    return report


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("app.py:1:foo = 1", ("app.py", 1, 1, "foo = 1")),
        ("app.py:2:5: E1 wrong", ("app.py", 2, 5, "E1 wrong")),
        ("/tree/app.py:3: wrong", ("app.py", 3, 1, "wrong")),
        ("./app.py:3 wrong", ("app.py", 3, 1, "wrong")),
        ("at 12:30 o'clock", ("", 0, 0, "at 12:30 o'clock")),
    ],
)
def test_where_a_hook_found_something(line: str, place: tuple[str, int, int, str]) -> None:
    (finding,) = hook_report(
        f"h...Failed\n- hook id: h\n- description: d\n- exit code: 1\n\n{line}\n", ""
    ).findings
    assert (finding.path, finding.line, finding.column, finding.message) == place


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (
            (
                "An error has occurred: InvalidConfigError: \n==> File .pre-commit-config.yaml\n==> At Config()\n"
                "==> At key: language\n=====> Expected one of conda, rust but got: 'nosuch'\nCheck the log at /x\n"
            ),
            ".pre-commit-config.yaml: Expected one of conda, rust but got: 'nosuch'",
        ),
        (
            (
                "An unexpected error has occurred: CalledProcessError: command: ('/usr/bin/git', 'fetch')\n"
                "return code: 128\nstdout: (none)\nstderr:\n    warning: slow\n    fatal: unable to access 'https://x/'\n"
                "    retry later\nCheck the log at /x\n"
            ),
            "fatal: unable to access 'https://x/'",
        ),
        ("Executable `shellcheck` not found\n", "Executable `shellcheck` not found"),
    ],
)
def test_why_a_hook_could_not_run(output: str, reason: str) -> None:
    lines = [{"hook": "h", "code": 3, "output": output, "diff": ""}, {"finished": True}]
    answer = read("pre-commit", Left(0, "", "", "\n".join(map(json.dumps, lines)).encode()))
    assert isinstance(answer, Unreadable)
    assert answer.reason == f"the hook h could not run: {reason}"


HEADER = "diff --git a/app.py b/app.py\n--- a/app.py\n+++ b/app.py\n@@ -4 +4 @@\n"
OPEN = "\\ No newline at end of file\n"


@pytest.mark.parametrize(
    ("diff", "message", "old", "new"),
    [
        ("-a = 1\n+a = 2\n", "- a = 1 + a = 2", "a = 1", "a = 2"),
        ("-a = 1  \n+a = 1\n", "whitespace", "a = 1  ", "a = 1"),
        (f"-a = 1\n{OPEN}+a = 1\n", "whitespace", "a = 1", "a = 1\n"),
        (f"-a = 1\n+a = 1\n{OPEN}", "whitespace", "a = 1\n", "a = 1"),
    ],
)
def test_what_a_hook_modified(diff: str, message: str, old: str, new: str) -> None:
    (finding,) = hook_report("Fixing app.py\n", HEADER + diff).findings
    assert finding.message == f"modified by this hook: {message}"
    assert [(edit.line, edit.old, edit.new) for edit in finding.fix] == [(4, old, new)]
