"""Several projects in one repository: each with its own root, settings and environment, and only where it matters."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.company import Clone
from support.environments import make_venv

from gate.checks.projects import Layout, dependencies, layout, names_of, words_of

Json = dict[str, Any]
PYTEST = b"[tool.pytest.ini_options]\npythonpath = ['src']\n"
PLAIN = b"[project]\nname = 'x'\n"


def commit(project: Clone, files: dict[str, str], branch: str = "feature") -> None:
    project.git("checkout", "-q", "-B", branch)
    project.write(files)
    project.git("add", "-A")
    project.git("commit", "-q", "--allow-empty", "-m", "Change")


def run_tests(project: Clone, *args: str, start: str = "") -> tuple[int, Json]:
    done = Clone(project.path / start, "ada", project.keys).gate_process(
        "check", "--only", "tests", "--format", "json", *args
    )
    assert done.out, done.err
    result: Json = json.loads(done.out)["checks"][0]
    return done.code, result


def package(name: str, *, value: str = "1", uses: str = "") -> dict[str, str]:
    folder = f"packages/{name}"
    return {
        f"{folder}/pyproject.toml": f"[project]\nname = '{name}'\nversion = '1'\n{PYTEST.decode()}",
        f"{folder}/src/{name}/__init__.py": f"VALUE = {value}\n",
        f"{folder}/tests/test_main.py": f"import {name}\n{uses}\n\ndef test_value():\n    assert {name}.VALUE == 1\n",
    }


@pytest.fixture
def packages(project: Clone) -> Clone:
    commit(project, {**package("alpha"), **package("beta")}, "main")
    return project


class TestEachProjectByItself:
    @pytest.mark.slow
    def test_files_of_tests_with_the_same_name(self, packages: Clone) -> None:
        commit(packages, {"README.md": "hello\n"})
        code, result = run_tests(packages)
        assert (code, result["seen"]) == (0, 2)
        assert "packages/alpha: 1 passed" in result["note"]

    @pytest.mark.slow
    def test_a_failure_is_named_by_its_folder(self, packages: Clone) -> None:
        commit(packages, package("beta", value="2"))
        code, result = run_tests(packages)
        (finding,) = result["findings"]
        assert (code, finding["path"]) == (1, "packages/beta/tests/test_main.py")
        assert finding["hint"] == "cd packages/beta && pytest tests/test_main.py::test_value"
        assert finding["new"]

    @pytest.mark.slow
    def test_only_what_the_change_can_affect_runs(self, packages: Clone) -> None:
        commit(packages, {"packages/beta/src/beta/more.py": "x = 1\n"})
        assert run_tests(packages)[1]["seen"] == 1

    @pytest.mark.slow
    def test_a_project_that_uses_the_changed_one_runs_too(self, project: Clone) -> None:
        commit(project, {**package("alpha"), **package("beta", uses="# it needs alpha\n")}, "main")
        commit(project, {"packages/alpha/src/alpha/more.py": "x = 1\n"})
        assert run_tests(project)[1]["seen"] == 2

    @pytest.mark.slow
    def test_a_change_that_affects_none_says_that_nothing_ran(self, packages: Clone) -> None:
        commit(packages, {"web/package.json": "{}"}, "main")
        commit(packages, {"web/index.js": "x = 1\n"})
        code, result = run_tests(packages)
        assert (code, result["outcome"]) == (0, "empty")

    @pytest.mark.slow
    def test_started_from_a_subfolder(self, packages: Clone) -> None:
        commit(packages, package("beta", value="2"))
        code, result = run_tests(packages, start="packages/alpha")
        assert (code, result["findings"][0]["path"]) == (1, "packages/beta/tests/test_main.py")

    @pytest.mark.slow
    def test_one_that_cannot_run_is_no_pass(self, packages: Clone) -> None:
        commit(
            packages,
            {"packages/beta/tests/test_main.py": "import not_installed_here\n\n\ndef test_a(): pass\n"},
        )
        code, result = run_tests(packages)
        assert (code, result["outcome"]) == (1, "failed")
        assert result["findings"][0]["message"].startswith("packages/beta: ")

    @pytest.mark.slow
    def test_each_has_its_own_environment_and_settings(self, project: Clone) -> None:
        (project.path / ".git/info/exclude").write_text(".venv\n")
        site = make_venv(project.path / "backend/.venv")
        (site / "only_here.py").write_text("X = 1\n")
        files = {
            "backend/pyproject.toml": f"{PYTEST.decode()}[tool.mypy]\nstrict = true\n",
            "backend/tests/test_it.py": "import only_here\n\n\ndef test_it() -> None:\n    assert only_here.X == 1\n",
        }
        commit(project, files, "main")
        commit(project, {"backend/new.py": "def g(a):\n    return a\n"})
        done = project.gate_process("check", "--only", "tests", "types", "--format", "json")
        types, tests = sorted(
            json.loads(done.out)["checks"], key=lambda check: str(check["id"]), reverse=True
        )
        assert tests["outcome"] == "passed", tests
        assert [(f["path"], f["rule"]) for f in types["findings"] if f["new"]] == [
            ("backend/new.py", "no-untyped-def")
        ]


@pytest.mark.parametrize(
    ("settings", "separate"),
    [
        ({"a": PYTEST, "b": PYTEST}, ["a", "b"]),
        ({"": PLAIN, "a": PLAIN}, ["a"]),
        ({"": PYTEST, "a": PLAIN}, []),
        ({"": PYTEST, "a": PYTEST}, ["a"]),
        ({"": PYTEST + b"testpaths = ['a/tests', 'tests']\n", "a": PYTEST}, []),
        ({"": PYTEST + b'testpaths = [\n  "libs/*",\n]\n', "libs/a": PYTEST, "c": PYTEST}, ["c"]),
        ({"": PLAIN, "a": PYTEST, "a/b": PLAIN}, ["a"]),
    ],
)
def test_which_projects_pytest_runs_in_by_themselves(settings: dict[str, bytes], separate: list[str]) -> None:
    known = Layout(
        tuple(settings), (), {folder: {"pyproject.toml": text} for folder, text in settings.items()}
    )
    assert list(known.separate("pytest")) == separate


def test_which_folders_are_projects() -> None:
    files = [
        "a/setup.py", "b/mypy.ini", "docs/pyproject.toml", "tests/data/setup.py", "web/package.json", "src/manage.py",
        "c/requirements.txt", "{{name}}/pyproject.toml", ".github/pyproject.toml",
    ]  # fmt: skip
    assert layout(files) == Layout(("a", "b", "c", "src"), ("web",))
    assert layout([*files, "pyproject.toml"]).folders == ("", "a", "b", "src")


@pytest.mark.parametrize(
    ("name", "text", "depends"),
    [
        ("lib", b"import os\nfrom lib.things import x\n", True),
        ("lib", b'lib = {path = "../lib", develop = true}\n', True),
        ("lib", b"dependencies = ['lib>=1']\n", True),
        ("lib", b"# the lib is elsewhere\n", False),
        ("lib", b"import library\nx = 'lib-other'\n", False),
        ("pg", b"import pg\n", True),
        ("pg", b"pg is a database\n", False),
    ],
)
def test_projects_with_common_or_short_names(name: str, text: bytes, depends: bool) -> None:
    names = {folder: names_of(folder, [], {}) for folder in (name, "shop")}
    closed = dependencies(names, {name: words_of(b""), "shop": words_of(text)})
    assert (name in closed["shop"]) is depends


def test_dependencies_are_followed() -> None:
    names = {
        "libs/core-lib": names_of("libs/core-lib", [], {"pyproject.toml": b"name = 'acme-core'\n"}),
        "libs/app": names_of("libs/app", ["libs/app/src/shop/__init__.py"], {}),
        "libs/site": names_of("libs/site", [], {}),
    }
    words = {
        "libs/core-lib": words_of(b"import os\n"),
        "libs/app": words_of(b"from acme_core.things import x\n"),
        "libs/site": words_of(b"dependencies = ['shop']\n"),
    }
    closed = dependencies(names, words)
    assert closed["libs/site"] == {"libs/site", "libs/app", "libs/core-lib"}
    assert closed["libs/core-lib"] == {"libs/core-lib"}
