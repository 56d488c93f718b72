"""The import path of the tests is that of the project's own command in a fresh clone: neither more nor less."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.company import Clone
from support.environments import make_venv

from gate.environment.declared import read_declared
from gate.environment.how_tests_start import Start, how_tests_start

PYTEST = "[tool.pytest.ini_options]\n"
PATH = f'{PYTEST}pythonpath = ["src"]\n'
CI = "jobs:\n  test:\n    steps:\n      - run: {}\n"
TEST = "import thing\n\n\ndef test_it():\n    assert thing.VALUE == 1\n"


@pytest.mark.parametrize(
    ("files", "start"),
    [
        ({".github/workflows/ci.yml": CI.format("pytest -q")}, Start(plain=True)),
        ({".github/workflows/ci.yml": CI.format("python -m pytest")}, Start()),
        (
            {".github/workflows/ci.yml": CI.format("|\n        cd x && uv run pytest\n")},
            Start(True, (), ("x",)),
        ),
        ({".github/workflows/ci.yml": CI.format("pip install pytest")}, Start()),
        (
            {".github/workflows/ci.yml": CI.format("PYTHONPATH=src:$PYTHONPATH pytest")},
            Start(plain=True, import_path=("src",)),
        ),
        (
            {".github/workflows/ci.yml": "env:\n  PYTHONPATH: ${{ github.workspace }}/lib\n"},
            Start(import_path=("lib",)),
        ),
        (
            {"tox.ini": "[testenv]\ndeps = pytest\ncommands =\n    py311: pytest {posargs}\n"},
            Start(plain=True),
        ),
        ({"tox.ini": "[testenv]\ndeps =\n    pytest\ncommands = make test\n"}, Start()),
        (
            {
                "tox.ini": "[testenv]\nsetenv = PYTHONPATH={toxinidir}/lib\n[testenv:docs]\nsetenv = PYTHONPATH=docs\n"
            },
            Start(import_path=("lib",)),
        ),
        ({"noxfile.py": "def tests(session):\n    session.run('pytest', '-q')\n"}, Start(plain=True)),
        ({"noxfile.py": "def tests(session):\n    session.run('python', '-m', 'pytest')\n"}, Start()),
        ({"Makefile": "export PYTHONPATH := $(CURDIR)/lib\ntest:\n\t@pytest\n"}, Start(True, ("lib",))),
        ({"Makefile": "test:\n\tcoverage run -m pytest\n\tpytest --lf\n"}, Start()),
        ({"pyproject.toml": '[tool.pdm.scripts]\ntest = "pytest -x"\n'}, Start(plain=True)),
        ({"pyproject.toml": '[tool.hatch.envs.test]\ndependencies = ["pytest"]\n'}, Start()),
        ({}, Start()),
    ],
)
def test_how_tests_start(files: dict[str, str], start: Start) -> None:
    assert how_tests_start({path: text.encode() for path, text in files.items()}) == start


PROJECT = '[project]\nname = "thing"\n'
BUILD = '[build-system]\nrequires = ["hatchling"]\n'


@pytest.mark.parametrize(
    ("files", "is_package"),
    [
        ({"pyproject.toml": PROJECT}, True),
        ({"pyproject.toml": PROJECT, "uv.lock": ""}, False),
        ({"pyproject.toml": PROJECT + BUILD, "uv.lock": ""}, True),
        ({"pyproject.toml": PROJECT + "[tool.uv]\npackage = true\n", "uv.lock": ""}, True),
        ({"pyproject.toml": PROJECT + BUILD + "[tool.uv]\npackage = false\n"}, False),
        ({"pyproject.toml": PROJECT + "[tool.pdm]\ndistribution = false\n"}, False),
        ({"pyproject.toml": "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\n"}, False),
        ({"pyproject.toml": '[tool.poetry]\nname = "thing"\n', "poetry.lock": ""}, True),
        ({"setup.py": "setup(name='thing')"}, True),
        ({"pyproject.toml": PYTEST, "requirements.txt": "flask"}, False),
        ({}, False),
    ],
)
def test_which_projects_are_installed(files: dict[str, str], is_package: bool) -> None:
    assert read_declared({path: text.encode() for path, text in files.items()}).is_package is is_package


def commit(project: Clone, files: dict[str, str | None]) -> None:
    for path, text in files.items():
        if text is None:
            (project.path / path).unlink()
        else:
            project.write({path: text})
    project.git("add", "-A")
    project.git("commit", "-qm", "Change")


def run_tests(project: Clone) -> tuple[int, dict[str, Any]]:
    done = project.gate_process("check", "--format", "json", "--only", "tests")
    assert done.out, done.err
    return done.code, json.loads(done.out)["checks"][0]


@pytest.fixture
def environment(project: Clone) -> Clone:
    """A project with an environment in which nothing of it is installed."""
    (project.path / ".git/info/exclude").write_text(".venv\n")
    make_venv(project.path / ".venv")
    return project


@pytest.mark.slow
class TestSourceFolder:
    """A folder `src` that nobody installed is not on the import path by itself."""

    def test_without_an_installation(self, environment: Clone) -> None:
        commit(environment, {"src/thing.py": "VALUE = 1\n", "tests/test_it.py": TEST})
        environment.git("checkout", "-q", "-B", "feature")
        commit(environment, {"src/thing.py": "VALUE = 1  # the same\n"})
        code, check = run_tests(environment)
        assert (code, check["outcome"]) == (3, "broken")
        assert "`thing`" in check["reason"]
        assert 'pythonpath = ["src"]' in check["hint"]

    def test_settings_that_name_it(self, environment: Clone) -> None:
        files = {"pyproject.toml": PATH, "src/thing.py": "VALUE = 1\n", "tests/test_it.py": TEST}
        commit(environment, {"README.md": ""})
        environment.git("checkout", "-q", "-B", "feature")
        commit(environment, {**files})
        assert run_tests(environment)[0] == 0

    def test_a_change_that_takes_the_setting_away(self, environment: Clone) -> None:
        files = {"pyproject.toml": PATH, "src/thing.py": "VALUE = 1\n", "tests/test_it.py": TEST}
        commit(environment, {**files})
        environment.git("checkout", "-q", "-B", "feature")
        commit(environment, {"pyproject.toml": PYTEST})
        code, check = run_tests(environment)
        assert (code, check["outcome"]) == (1, "failed")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "command", "code"),
    [
        ("", "pytest", 1),
        ("", "python -m pytest", 0),
        ("", "make test", 0),
        ("backend/", "cd backend && pytest", 1),
        ("backend/", "cd backend && python -m pytest", 0),
        ("backend/", "cd frontend && pytest", 0),
    ],
)
def test_the_project_is_on_the_import_path_as_the_own_command_has_it(
    environment: Clone, folder: str, command: str, code: int
) -> None:
    files = {
        "thing.py": "VALUE = 1\n",
        "conftest.py": "",
        "tests/test_it.py": TEST,
        "pytest.ini": "[pytest]\n",
    }
    ci = {".github/workflows/ci.yml": CI.format(command)}
    commit(environment, {**ci, **{folder + path: text for path, text in files.items()}})
    environment.git("checkout", "-q", "-B", "feature")
    commit(environment, {f"{folder}conftest.py": None})
    assert run_tests(environment)[0] == code


@pytest.mark.parametrize(
    ("lines", "places"),
    [
        (["pytest tests"], ("tests",)),
        (["pytest -q tests/unit tests/api::test_a"], ("tests/api", "tests/unit")),
        (["cd tests/ && py.test --cov thing --cov-report term-missing"], ("tests",)),
        (["coverage run -p -m pytest tests", "python -m pytest docs"], ("docs", "tests")),
        (["uv run pytest tests {posargs}"], ("tests",)),
        # The value of an option may look like a folder.
        (["pytest --cov thing"], ()),
        (["pytest -k tests"], ()),
        (["pytest tests", "pytest"], ()),
        (["pytest tests", "make X=1 pytest tests"], ()),
        (["pytest ."], ()),
        (["pytest ../other"], ()),
        (["name: Test with pytest", "pip install pytest", "pytest tests"], ("tests",)),
        (["tox"], ()),
    ],
)
def test_where_the_own_commands_look_for_tests(lines: list[str], places: tuple[str, ...]) -> None:
    makefile = "test:\n" + "".join(f"\t{line}\n" for line in lines)
    assert how_tests_start({"Makefile": makefile.encode()}).places == places
