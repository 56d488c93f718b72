"""The checks in real repositories with the real tools: the incident, attacks on the checks, and the caches."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from support.company import Clone

FLASK = """\
import json

from flask import Flask, request

app = Flask(__name__)


@app.route("/links")
def links():
{body}
"""
INCIDENT = {
    "loads of a file": (
        '    with open("urls.json") as urls_file:\n        return json.loads(urls_file)\n',
        11,
        "json.load",
    ),
    "load of text": ("    text = request.data\n    return json.load(text)\n", 11, "json.loads"),
    "another case": ('    return Json.loads("{}")\n', 10, "json"),
    "misspelt": ('    return json.laods("{}")\n', 10, "loads"),
}


def commit(project: Clone, files: dict[str, str], branch: str = "feature") -> None:
    project.git("checkout", "-q", "-B", branch)
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", "Change")


def verdict(project: Clone, *args: str, env: dict[str, str] | None = None) -> tuple[int, dict[str, Any]]:
    result = project.gate_process("check", "--format", "json", *args, env=env)
    assert result.out, result.err
    found: dict[str, Any] = json.loads(result.out)
    return result.code, found


def result(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(check for check in found["checks"] if check["id"] == name)


@pytest.mark.slow
@pytest.mark.parametrize("name", INCIDENT)
def test_the_incident_is_stopped_with_no_configuration(project: Clone, name: str) -> None:
    body, line, right = INCIDENT[name]
    commit(project, {"app.py": FLASK.format(body=body)})
    code, found = verdict(project, "--only", "names")
    assert code == 1
    (finding,) = result(found, "names")["findings"]
    assert finding["line"] == line
    assert f"`{right}`" in finding["hint"]


@pytest.mark.slow
def test_the_name_of_a_parameter_without_a_type_counts(project: Clone) -> None:
    commit(project, {"a.py": "import json\n\n\ndef read(text):\n    return json.load(text)\n"})
    code, found = verdict(project, "--only", "names")
    assert code == 1
    assert "`json.loads`" in result(found, "names")["findings"][0]["hint"]


@pytest.mark.slow
def test_what_was_there_before_does_not_block(project: Clone) -> None:
    project.write({"old.py": "import os\n\n\ndef f():\n    return Json.x\n"})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Old mistakes")
    commit(
        project,
        {"old.py": "# moved down\n\nimport os\n\n\ndef f():\n    return Json.x\n", "new.py": "x = 1\n"},
    )
    code, found = verdict(project, "--only", "names", "lint", "types")
    assert code == 0, found
    assert [f["new"] for f in result(found, "lint")["findings"]] == [False, False]


@pytest.mark.slow
def test_the_same_tree_again_starts_no_tool(project: Clone) -> None:
    commit(project, {"new.py": "x = 1\n"})
    _, first = verdict(project, "--only", "lint", "types")
    # Another question about the same tree, so that the whole answer is not in the cache.
    _, again = verdict(project, "--only", "types", "lint")
    assert [check["cached"] for check in first["checks"]] == [False, False]
    assert [check["cached"] for check in again["checks"]] == [True, True]


@pytest.mark.slow
def test_a_damaged_result_is_as_if_it_were_not_there(project: Clone) -> None:
    commit(project, {"new.py": "import os\n"})
    code, _ = verdict(project, "--only", "lint")
    assert code == 1
    for path in (project.path / ".git" / "gate" / "results").glob("*/*"):
        path.write_bytes(path.read_bytes()[:-3])
    code, found = verdict(project, "--only", "lint", "--fail-fast")
    assert (code, result(found, "lint")["cached"]) == (1, False)


PASSING = "from app import read\n\n\ndef test_read():\n    assert read('1') == 1\n"


@pytest.mark.slow
def test_passing_and_failing_tests(project: Clone) -> None:
    commit(project, {"test_app.py": PASSING})
    assert verdict(project, "--only", "tests")[0] == 0
    commit(project, {"test_app.py": PASSING.replace("== 1", "== 2")})
    code, found = verdict(project, "--only", "tests")
    assert code == 1
    (finding,) = result(found, "tests")["findings"]
    assert (finding["path"], finding["line"]) == ("test_app.py", 5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"conftest.py": "import os\nos._exit(0)\n"}, id="conftest ends the process"),
        pytest.param({"conftest.py": "import sys\nsys.exit(0)\n"}, id="conftest exits"),
        pytest.param(
            {"conftest.py": "def pytest_collection_modifyitems(items):\n    items.clear()\n"},
            id="deselects all",
        ),
        pytest.param(
            {"pytest.ini": "[pytest]\naddopts = --collect-only -p no:terminal\n"}, id="collects only"
        ),
        pytest.param(
            {"test_more.py": "import os\n\n\ndef test_x():\n    os._exit(0)\n"}, id="a test ends it"
        ),
        pytest.param({"test_more.py": "import nothing_installs_this\n"}, id="a dependency is missing"),
    ],
)
def test_an_incomplete_run_is_no_pass(project: Clone, files: dict[str, str]) -> None:
    commit(project, {"test_app.py": PASSING.replace("== 1", "== 2"), **files})
    code, _ = verdict(project, "--only", "tests")
    assert code != 0


@pytest.mark.slow
def test_tests_do_not_get_secrets(project: Clone) -> None:
    seen = "[n for n in os.environ if 'TOKEN' in n or 'SOCK' in n]"
    secret = f"import os\n\n\ndef test_secret():\n    assert not {seen}\n"
    commit(project, {"test_secret.py": secret})
    env = {"GITHUB_TOKEN": "hush", "MY_TOKEN": "hush", "SSH_AUTH_SOCK": "/hush"}
    assert verdict(project, "--only", "tests", env=env)[0] == 0


@pytest.mark.slow
def test_modules_of_the_tree_do_not_take_the_place_of_the_tools(project: Clone) -> None:
    boom = "raise SystemExit(0)\n"
    commit(
        project,
        {
            "ruff/__init__.py": boom,
            "mypy/__init__.py": boom,
            "sitecustomize.py": boom,
            "bad.py": "import os\n",
        },
    )
    code, found = verdict(project, "--only", "lint", "names")
    assert code == 1
    assert result(found, "names")["outcome"] == "passed"


@pytest.mark.slow
def test_without_settings_of_ruff_only_errors_are_found(project: Clone) -> None:
    taste = "import sys\nimport json\n\nprint(json, sys)\n"
    commit(project, {"taste.py": taste, "web/taste.py": taste, "bad.py": "import os\n"})
    found = result(verdict(project, "--only", "lint")[1], "lint")
    assert [(one["path"], one["rule"]) for one in found["findings"]] == [("bad.py", "F401")]
    commit(project, {"web/ruff.toml": "[lint]\nselect = ['I']\n"})
    found = result(verdict(project, "--only", "lint")[1], "lint")
    assert {(one["path"], one["rule"]) for one in found["findings"]} == {
        ("bad.py", "F401"),
        ("web/taste.py", "I001"),
    }


@pytest.mark.slow
def test_a_pinned_ruff_decides_what_is_selected_by_default(project: Clone) -> None:
    hooks = (
        "repos:\n- repo: https://github.com/astral-sh/ruff-pre-commit\n  rev: {}\n  hooks: [{{id: ruff}}]\n"
    )
    taste = "import sys\nimport json\n\nprint(json, sys)\n"
    commit(project, {"ruff.toml": "line-length = 99\n", "taste.py": taste, "bad.py": "import os\n"})
    rules = {one["rule"] for one in result(verdict(project, "--only", "lint")[1], "lint")["findings"]}
    assert rules == {"F401", "I001"}
    commit(project, {".pre-commit-config.yaml": hooks.format("v0.15.2")})
    rules = {one["rule"] for one in result(verdict(project, "--only", "lint")[1], "lint")["findings"]}
    assert rules == {"F401"}


def test_settings_outside_the_tree_have_no_say(project: Clone, tmp_path: Path) -> None:
    commit(project, {"bad.py": "import os\n"})
    silence = '[lint]\nignore = ["ALL"]\nselect = []\n'
    project.write({"ruff.toml": silence})
    user = tmp_path / "home" / ".config" / "ruff"
    user.mkdir(parents=True)
    (user / "ruff.toml").write_text(silence)
    assert verdict(project, "--only", "lint")[0] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "text"), [("ruff.toml", "extend = {}\n"), ("pyproject.toml", "[tool.ruff]\nextend = {}\n")]
)
def test_settings_are_not_built_upon_a_file_of_the_machine(
    project: Clone, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / "base.toml").write_text("line-length = 100\n")
    commit(project, {"good.py": "x = 1\n", name: text.format(json.dumps(str(tmp_path / "base.toml")))})
    code, found = verdict(project, "--only", "lint")
    assert (code, result(found, "lint")["outcome"]) == (3, "broken")
    commit(project, {name: text.format('"base.toml"'), "base.toml": "line-length = 100\n"})
    assert verdict(project, "--only", "lint")[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["tool = 1\n", "[tool]\nruff = 1\n", "[tool.ruff]\nextend = 1\n", "project = 1\n"]
)
def test_settings_that_make_no_sense_are_refused_by_the_tools(project: Clone, text: str) -> None:
    commit(project, {"good.py": "x = 1\n", "pyproject.toml": text})
    code, found = verdict(project, "--only", "lint", "names")
    assert code in {0, 3}
    assert result(found, "lint")["outcome"] in {"passed", "broken"}


@pytest.mark.slow
def test_only_what_is_committed_is_seen(project: Clone) -> None:
    commit(project, {"test_app.py": PASSING + "\n\ndef test_left():\n    import helper\n"})
    project.write({"helper.py": ""})
    assert verdict(project, "--only", "tests")[0] != 0


POLICY = """\
checks:
  slow: {{command: [{python}, "-c", "{code}"], timeout: {timeout}}}
protect: {{main: {{require: {{checks: [slow]}}}}}}
"""


def with_command(project: Clone, code: str, timeout: str = "20s") -> None:
    project.write({"gate.yaml": POLICY.format(python=sys.executable, code=code, timeout=timeout)})
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    commit(project, {"new.py": ""})


@pytest.mark.slow
def test_a_check_that_hangs_is_ended(project: Clone) -> None:
    with_command(project, "import time; time.sleep(60)", "1s")
    code, found = verdict(project)
    assert code == 3
    assert "longer than 1 s" in result(found, "slow")["reason"]


@pytest.mark.slow
def test_a_check_that_floods_is_ended(project: Clone) -> None:
    with_command(project, "while True: print('x' * 65536)", "30s")
    code, found = verdict(project)
    assert code == 3
    assert "MB" in result(found, "slow")["reason"]


@pytest.mark.slow
def test_a_command_that_is_not_there_is_broken(project: Clone) -> None:
    project.write(
        {"gate.yaml": "checks: {x: {command: [/no/such/tool]}}\nprotect: {main: {require: {checks: [x]}}}\n"}
    )
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "Policy")
    commit(project, {"new.py": ""})
    assert verdict(project)[0] == 3


@pytest.mark.slow
def test_an_installed_copy_that_comes_first_is_noticed(project: Clone, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "app.py").write_text("def read(text):\n    return 1\n")
    commit(
        project,
        {
            "conftest.py": f"import sys\nsys.path.insert(0, {str(other)!r})\nimport app\n",
            "test_app.py": PASSING,
        },
    )
    code, found = verdict(project, "--only", "tests")
    assert code == 3
    assert str(other) in result(found, "tests")["reason"]


@pytest.mark.slow
def test_the_working_tree_and_the_index_are_not_touched(project: Clone) -> None:
    commit(project, {"new.py": "x = 1\n"})
    project.write({"app.py": "unstaged = 1\n", "untracked.py": ""})
    before = project.git("status", "--porcelain")
    index = (project.path / ".git" / "index").read_bytes()
    verdict(project, "--only", "lint")
    assert (project.path / ".git" / "index").read_bytes() == index
    assert project.git("status", "--porcelain") == before
    assert not os.path.lexists(project.path / ".ruff_cache")


WRONG = "def render(text: str) -> str:\n    return text + 1\n"
RIGHT = "def render(text: str) -> str:\n    return text\n"


def typed(project: Clone, files: dict[str, str]) -> list[tuple[str, int]]:
    """Where mypy finds something in a change that brings these files, which it has to get through."""
    commit(project, files)
    types = result(verdict(project, "--only", "types")[1], "types")
    assert types["outcome"] != "broken", types
    return sorted((finding["path"], finding["line"]) for finding in types["findings"])


@pytest.mark.slow
def test_a_module_of_the_same_name_elsewhere_hides_no_other(project: Clone) -> None:
    page = {"web/page.py": WRONG}
    assert typed(project, page) == [("web/page.py", 2)]
    assert typed(project, page | {"aaa/page.py": RIGHT}) == [("web/page.py", 2)]


@pytest.mark.slow
def test_scripts_import_the_module_beside_them_and_not_one_of_its_name_elsewhere(project: Clone) -> None:
    files = {
        "aaa/page.py": "def paint() -> None: ...\n",
        "aaa/app.py": "import page\n\npage.paint()\n",
        "web/page.py": RIGHT,
        "web/app.py": "from page import render\n\nrender('')\nrender(3)\n",
    }
    assert typed(project, files) == [("web/app.py", 4)]


@pytest.mark.slow
def test_a_folder_without_init_is_a_package_to_those_who_import_it_as_one(project: Clone) -> None:
    files = {
        "main.py": "from web.page import render\n\nrender(3)\n",
        "web/page.py": RIGHT,
        "web/site.py": "from .page import render\n\nrender(4)\n",
        "apps/shop/__init__.py": "",
        "apps/shop/cart.py": "from apps.shop import total\n\ntotal.add('')\n",
        "apps/shop/total.py": "def add(number: int) -> int:\n    return number\n",
    }
    assert typed(project, files) == [("apps/shop/cart.py", 3), ("main.py", 3), ("web/site.py", 3)]


@pytest.mark.slow
def test_packages_that_share_a_repository_see_one_another(project: Clone) -> None:
    files = {
        "one/src/first/__init__.py": RIGHT,
        "two/tool.py": "import first\n\nfirst.render(1)\n",
        "two/src/second/__init__.py": "import first\n\nfirst.render(2)\n",
        "two/src/second/deep.py": "from second import first\n\nfirst.render(3)\n",
    }
    places = [("two/tool.py", 3), ("two/src/second/__init__.py", 3), ("two/src/second/deep.py", 3)]
    assert typed(project, files) == sorted(places)


@pytest.mark.slow
def test_what_mypy_cannot_be_given_is_reported(project: Clone) -> None:
    commit(project, {"my-plugin/__init__.py": "", "my-plugin/code.py": WRONG})
    types = result(verdict(project, "--only", "types")[1], "types")
    assert types["outcome"] == "passed"
    assert "my-plugin/__init__.py and 1 other left out" in types["note"]


@pytest.mark.slow
def test_twenty_failing_cases_of_a_test_are_reported_as_one(project: Clone) -> None:
    cases = "@pytest.mark.parametrize('n', range(24))\ndef test_n(n):\n    assert n < 4\n"
    commit(project, {"test_n.py": f"import pytest\n\n\n{cases}"})
    printed = project.gate_process("check", "--only", "tests")
    assert "20 cases of test_n fail, the first: test_n[4]" in " ".join(printed.out.split())
    assert printed.out.count("help: pytest test_n.py::test_n") == 1
    assert len(result(verdict(project, "--only", "tests")[1], "tests")["findings"]) == 20


@pytest.mark.slow
def test_a_refused_merge_shows_the_line_of_code(project: Clone) -> None:
    commit(project, {"new.py": "y = undefined\n"})
    project.git("checkout", "-q", "--detach")
    result = project.gate_process("merge", "feature")
    assert result.code == 1
    assert "1 │ y = undefined" in result.out
    assert "Not merged: feature." in result.out
