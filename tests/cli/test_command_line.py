"""The command line: help, usage, exit codes, `gate init`, `gate owners` and `gate explain`."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from support.company import Clone, isolated

from gate.__main__ import main as start
from gate.cli import COMMANDS
from gate.cli.main import overview, parser_of
from gate.policy.load import load_policy
from gate.reports import REPORTS
from gate.topics import topics

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(project: Clone, name: str) -> None:
    result = project.gate(name, "--help")
    assert result.code == 0
    assert "examples:" in parser_of(name).format_help()
    assert f"  {name} " in overview()


@pytest.mark.parametrize(
    "args", [["chekc"], ["check", "--nonsense"], ["check", "--format", "pdf"], [], ["check", "--report", "x"]]
)
def test_wrong_usage_is_2(project: Clone, args: list[str]) -> None:
    result = project.gate(*args)
    assert result.code == 2
    assert result.err


@pytest.mark.parametrize(
    ("args", "name"),
    [
        (["check", "--head", ""], "--head"),
        (["check", "--head="], "--head"),
        (["check", "--into", ""], "--into"),
        (["check", "--base", ""], "--base"),
        (["check", "--output", ""], "--output"),
        (["owners", "--head", ""], "--head"),
        (["approve", ""], "REV"),
        (["approvals", ""], "REV"),
        (["merge", ""], "REV"),
        (["revoke", ""], "ID"),
        (["audit", "--into", ""], "--into"),
        (["init", "--person", ""], "--person"),
        (["owners", "app.py", ""], "PATHS"),
        (["check", "--only", ""], "--only"),
    ],
)
def test_a_value_that_is_empty_is_none(project: Clone, args: list[str], name: str) -> None:
    """A script whose variable is not set has asked about no branch, and not about HEAD."""
    project.git("checkout", "-q", "-b", "feature")
    project.write({"new.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "New")
    result = project.gate(*args)
    assert result.code == 2, result.text
    assert result.err.startswith(f"gate: {name} is empty")


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("args", "code"), [("check", 0), ("owners", 0), ("chekc", 2)])
def test_streams_that_the_caller_closed_change_no_answer(
    project: Clone, closed: str, args: str, code: int
) -> None:
    command = f"exec {shlex.quote(sys.executable)} -P -m gate {args} {closed}"
    for _ in range(2):  # A cached answer is written in another way.
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=project.path,
            env=isolated(project.path.parent / "home"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("--help",), 0),
        (("explain",), 0),
        (("owners", "--lint"), 2),
        (("check", "--head", "\N{SNOWMAN}"), 2),
        *((("check", "--into", "old", "--only", "names", "--format", form), 1) for form in REPORTS),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_whatever_the_encoding_something_is_printed(
    project: Clone, encoding: str, args: tuple[str, ...], code: int
) -> None:
    project.git("branch", "old")
    project.write({"\N{SNOWMAN}.py": "import json\n\njson.laods\n", "docs/CODEOWNERS": "x \N{SNOWMAN}\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Snow")
    command = [sys.executable, "-P", "-m", "gate", *args]
    env = {**isolated(project.path.parent / "home"), "PYTHONIOENCODING": encoding}
    for _ in range(2):  # A cached answer is written in another way.
        done = subprocess.run(command, cwd=project.path, env=env, capture_output=True, check=False)
        assert (done.returncode, b"internal error" in done.stderr) == (code, False), done.stderr
    if "--format" in args:
        text = done.stdout.decode("utf-8")
        assert ("\N{SNOWMAN}" in text) or args[-1] in {"text", "json", "sarif", "gitlab", "badge", "metrics"}


def test_an_interrupt_while_gate_starts_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_arguments: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gate.answer_cache.answer", interrupted)
    monkeypatch.setattr(sys, "argv", ["gate", "check"])
    assert start() == 130
    assert capsys.readouterr().err == "gate: interrupted\n"


def test_the_right_command_is_suggested_for_a_misspelled_one(project: Clone) -> None:
    assert "did you mean `gate check`?" in project.gate("chekc").err


def test_a_policy_with_mistakes_is_2_with_the_line(project: Clone) -> None:
    project.write({"gate.yaml": "protect: {main: {require: {approvals: one}}}\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    result = project.gate("check")
    assert result.code == 2
    assert 'gate.yaml:1:39: protect.main.require.approvals: expected a whole number, got "one"' in result.err


@pytest.mark.slow
def test_code_owners_with_mistakes_are_2_with_the_line(project: Clone) -> None:
    project.write({"CODEOWNERS": "*.py nobody\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Owners")
    for args in (["check"], ["owners"], ["owners", "--lint"]):
        result = project.gate(*args)
        assert result.code == 2
        assert "CODEOWNERS:1:6" in result.text


def test_outside_of_a_repository_is_2(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "empty").mkdir()
    result = Clone(tmp_path / "empty", "ada", tmp_path).gate("check")
    assert result.code == 2
    assert "not inside a git repository" in result.err


def test_owners_as_json(project: Clone) -> None:
    project.write({"CODEOWNERS": "*.py @a @b\n/gen/\n", "gen/x.txt": "", "other.txt": ""})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Owners")
    found = json.loads(project.gate("owners", "--format", "json", "app.py", "gen/x.txt", "other.txt").out)
    assert found == [
        {
            "path": "app.py",
            "rules": [
                {
                    "section": "",
                    "rule": "CODEOWNERS:1",
                    "owners": ["@a", "@b"],
                    "required": 1,
                    "optional": False,
                }
            ],
        },
        {
            "path": "gen/x.txt",
            "rules": [
                {"section": "", "rule": "CODEOWNERS:2", "owners": [], "required": 1, "optional": False}
            ],
        },
        {"path": "other.txt", "rules": []},
    ]


def test_a_change_of_codeowners_decides_nothing_about_itself(project: Clone) -> None:
    project.write({"CODEOWNERS": "* @boss\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Owners")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"CODEOWNERS": "* @me\n"})
    project.git("commit", "-q", "-a", "-m", "Mine")
    (item,) = json.loads(project.gate("owners", "--change", "--format", "json").out)
    assert item["rules"][0]["owners"] == ["@boss"]


def test_init_writes_a_policy_that_passes_and_never_overwrites(project: Clone) -> None:
    result = project.gate("init")
    assert result.code == 0, result.text
    path = project.path / "gate.yaml"
    policy = load_policy(path.read_bytes())
    assert policy.protects("main")
    assert "@ada" in policy.people
    before = path.read_bytes()
    again = project.gate("init")
    assert again.code == 2
    assert "doesn't overwrite" in again.err
    assert path.read_bytes() == before


def test_init_adds_a_person_and_keeps_the_rest(project: Clone) -> None:
    project.gate("init")
    path = project.path / "gate.yaml"
    comments = [line for line in path.read_text().splitlines() if line.lstrip().startswith("#")]
    result = project.gate("init", "--person", "@bob", "--role", "junior", "--email", "bob@acme.example")
    assert result.code == 0, result.text
    policy = load_policy(path.read_bytes())
    assert policy.people["@bob"].role == "junior"
    assert policy.people["@bob"].emails == ("bob@acme.example",)
    assert [line for line in path.read_text().splitlines() if line.lstrip().startswith("#")] == comments
    assert project.gate("init", "--person", "@bob").code == 2


def test_explain_knows_every_word_that_a_report_may_name(project: Clone) -> None:
    from gate.names.rules import RULES
    from gate.policy.types import DEFAULT_CHECKS
    from gate.requirements import REQUIREMENTS

    for word in (*REQUIREMENTS, *DEFAULT_CHECKS, *RULES):
        assert word in topics()
        assert project.gate("explain", word).code == 0
    assert "did you mean" in project.gate("explain", "ownres").err


def rules_in_the_code() -> set[str]:
    """The rules under which gate itself reports: what `weakening` and `Finding` are called with."""
    found = set()
    for path in sorted((ROOT / "gate").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
            place = {"weakening": 1, "Finding": 4}.get(name)
            if place is None or not isinstance(node, ast.Call):
                continue
            given = [key.value for key in node.keywords if key.arg == "rule"] or node.args[place : place + 1]
            found |= {one.value for one in given if isinstance(one, ast.Constant)}
    return {str(rule) for rule in found if rule}


@pytest.mark.slow
def test_explain_knows_every_rule_that_gate_reports(project: Clone) -> None:
    from gate.finding import FEWER_TESTS, OWN_QUARANTINE, TEST_FAILED
    from gate.weakenings.detectors.settings import TOOLS
    from gate.weakenings.detectors.suppressions import HIDES

    rules = {
        *rules_in_the_code(),
        FEWER_TESTS,
        OWN_QUARANTINE,
        TEST_FAILED,
        *(f"weaker-{tool}" for tool in TOOLS),
    }
    rules |= {f"new-{kind}" for kind in HIDES}
    assert {"deleted-test", "test-failed", "guarded-ci", "hidden-text"} <= rules
    assert rules - topics().keys() == set()
    assert "guardian" in project.gate("explain", "new-noqa").out


@pytest.mark.parametrize(
    "words",
    [
        "base", "head", "merge base", "change", "merge result", "protected branch", "code owner", "unowned",
        "approval", "stale", "discounted", "author", "policy", "requirement", "check", "finding", "new finding",
        "weakening", "verdict", "record", "waiver", "broken", "blocked", "undecided", "exit codes",
    ],
)  # fmt: skip
def test_explain_knows_what_gate_calls_things(project: Clone, words: str) -> None:
    apart, together = project.gate("explain", *words.split()), project.gate("explain", words.title())
    assert (apart.code, apart.out) == (0, together.out)


def test_explain_says_where_the_rules_of_tools_are_documented(project: Clone) -> None:
    assert "ruff rule F401" in project.gate("explain", "F401").out
    assert "#code-arg-type" in project.gate("explain", "arg-type").out
    assert project.gate("explain", "no-such-rule").code == 2


def test_the_documents_that_the_readme_names_are_there() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / link).exists(), f"README.md points at {link}"


def test_hostile_names_and_paths_are_shown_inertly(project: Clone) -> None:
    project.write({"CODEOWNERS": "* @a\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Owners")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"a\x1b[31m\n::error::x.py": "x = 1\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Hostile")
    for args in (["check", "--only", "lint"], ["owners", "--change"]):
        result = project.gate(*args)
        assert "\x1b" not in result.out
        assert "\n::error" not in result.out


@pytest.mark.slow
def test_on_a_terminal_each_check_is_reported_as_it_ends_and_what_runs_is_drawn_and_erased(
    project: Clone,
) -> None:
    assert on_a_terminal(project, "check", "--only", "lint", TERM="dumb") == ""
    shown = on_a_terminal(project, "check", "--only", "names", NO_COLOR="1")
    assert "  … names" in shown
    assert "  ✓ names passed (" in shown
    assert shown.rstrip("\r\n").endswith("\x1b[K"), "what was drawn for the moment is gone at the end"


def on_a_terminal(clone: Clone, *args: str, **environ: str) -> str:
    """What a gate writes to standard error if that is a terminal."""
    ours, theirs = os.openpty()
    with open(theirs, "wb", closefd=False) as terminal:
        subprocess.run(
            [sys.executable, "-m", "gate", *args],
            cwd=clone.path,
            env={**isolated(clone.path.parent / "home"), "TERM": "xterm", **environ},
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            check=False,
        )
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 100_000).decode()
    except BlockingIOError:
        shown = ""
    finally:
        os.close(ours)
        os.close(theirs)
    return shown


def test_the_page_shows_the_lines_as_tools_count_them_and_what_changed(project: Clone) -> None:
    project.write({"old.py": "x = 1\n\x0c\ny = 2\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Old")
    project.git("checkout", "-q", "-b", "feature")
    project.write({"old.py": "x = 1\n\x0c\nimport os\n"})
    project.git("commit", "-q", "-a", "-m", "New")
    project.gate("check", "--only", "lint", "--report", "html=page.html")
    page = (project.path / "page.html").read_text()
    assert '<div class="row removed"><i>3</i><i></i><span>− y = 2</span></div>' in page
    assert (
        '<div class="row added hit"><i></i><i>3</i><span>+ <mark>import</mark> <mark>os</mark></span></div>'
        in page
    )
    assert "<code>feature</code> into <code>main</code>" in page
    assert '<p class="subject">New</p>' in page
    assert " UTC by gate" in page


def test_on_windows_it_says_that_it_does_not_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "name", "nt")
    assert start() == 3
    assert "Windows is not supported" in capsys.readouterr().err


def test_a_branch_without_its_option_is_answered_with_the_command(project: Clone) -> None:
    result = project.gate("check", "feature")
    assert result.code == 2
    assert "unexpected argument 'feature'" in result.err
    assert "`gate check --head feature`" in result.err
