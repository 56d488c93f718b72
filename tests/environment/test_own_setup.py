"""What tox, nox, hatch, and CI install for the tests of a project, read without running any of them."""

from __future__ import annotations

import pytest

from gate.environment.declared import Declared, read_declared
from gate.environment.own_setup import OwnSetup, read_own_setup

TOX = """\
[tox]
env_list = py311, lint
[testenv]
dependency_groups =
    checks
extras = speed, more
deps =
    # a comment
    mock>=4 ; python_version >= "3.6"
    cover: pytest-cov
    {[base]deps}
    {env:FLASK:flask}
    -r{toxinidir}/ci/needs.txt
    -c constraints.txt
    .[web]
commands = pytest
[testenv:lint]
deps = flake8
[testenv:py311]
deps = extra-of-311
"""
TOX_TOML = """\
[env_run_base]
deps = ["mock>=4", "-r ci/needs.txt"]
extras = ["speed"]
dependency_groups = ["checks"]
[env.lint]
deps = ["ruff"]
"""
NOX = """\
import nox

COMMON = ["mock>=4", "responses"]


@nox.session(python=["3.11"])
def checks(session):
    session.install(*COMMON, "-r", "ci/needs.txt", "-e", ".[speed]")
    session.install(*nox.project.dependency_groups(PYPROJECT, "checks"))
    session.install(f"django=={session.posargs}")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session):
    session.install("flake8")
    session.run("flake8", "--exclude", ".nox")
"""
HATCH = """\
[envs.default]
dependencies = ["base"]
features = ["speed"]
[envs.test]
extra-dependencies = ["mock>=4"]
dependency-groups = ["checks"]
[envs.lint]
dependencies = ["flake8"]
"""
WORKFLOW = """\
jobs:
  lint:
    steps:
      - run: pip install flake8
      - run: flake8
  test:
    steps:
      - run: |
          python -m pip install --upgrade pip tox
          pip install "mock>=4" 'numpy==${{ matrix.numpy }}' -r ci/needs.txt && echo done
          if [ -f x ]; then uv pip install --system .[speed]; fi
          uv sync --group checks --python 3.11
          pip install dist/*.whl
      - run: pytest tests
  docs:
    steps:
      - run: pip install sphinx
"""


@pytest.mark.parametrize(
    ("files", "setup"),
    [
        (
            {"tox.ini": TOX},
            OwnSetup(
                ('mock>=4 ; python_version >= "3.6"', "extra-of-311"),
                ("ci/needs.txt",),
                ("checks",),
                ("speed", "more", "web"),
            ),
        ),
        ({"tox.toml": TOX_TOML}, OwnSetup(("mock>=4",), ("ci/needs.txt",), ("checks",), ("speed",))),
        (
            {"noxfile.py": NOX},
            OwnSetup(("mock>=4", "responses", "django"), ("ci/needs.txt",), ("checks",), ("speed",)),
        ),
        ({"hatch.toml": HATCH}, OwnSetup(("base", "mock>=4"), (), ("checks",), ("speed",))),
        (
            {"pyproject.toml": '[tool.hatch.envs.default]\ndependencies = ["mock"]\n'},
            OwnSetup(("mock",)),
        ),
        (
            {".github/workflows/ci.yml": WORKFLOW},
            OwnSetup(("mock>=4", "numpy"), ("ci/needs.txt",), ("checks",), ("speed",)),
        ),
        ({"tox.ini": "no section\n", "noxfile.py": "def (", "tox.toml": "= ["}, OwnSetup()),
        ({}, OwnSetup()),
    ],
)
def test_what_the_own_commands_install(files: dict[str, str], setup: OwnSetup) -> None:
    assert read_own_setup({path: text.encode() for path, text in files.items()}) == setup


@pytest.mark.parametrize(
    ("env_list", "lines", "packages"),
    [
        ("py{310,311}-django{42,50}", ["django42: Django>=4.2,<5", "django50: Django~=5.0"], ["Django"]),
        ("py310-django42, py311-django50", ["django{42,50}: Django"], ["Django"]),
        ("py310\n    py311", ["py310,py311: mock[fast] ; python_version > '3'"], ["mock[fast]"]),
        ("py311-a,py311-b", ["a: mock", "!a: mock<4"], ["mock"]),
        ("py311-a-x,py311-a", ["a-!x: mock", "a-x: mock"], ["mock"]),
        # A linter's environment runs no test.
        ("{3.11,3.12}-a, lint", ["a: mock"], ["mock"]),
        ("py310-django42, py311", ["django42: Django"], []),
        ("py311-a,py311-main", ["a: mock", "main: git+https://example.com/mock"], ["mock"]),
        ("py311-main", ["main: git+https://example.com/mock"], []),
        ("py311,py311-cover", ["cover: pytest-cov"], []),
        ("lint", ["lint: ruff"], []),
        ("", ["a: mock"], []),
    ],
)
def test_a_version_that_depends_on_the_environment_of_tox(
    env_list: str, lines: list[str], packages: list[str]
) -> None:
    deps = "\n    ".join(lines)
    tox = f"[tox]\nenvlist =\n    {env_list}\n[testenv]\ndeps =\n    {deps}\n"
    assert list(read_own_setup({"tox.ini": tox.encode()}).requirements) == packages


@pytest.mark.parametrize(
    "files",
    [
        {
            "hatch.toml": '[envs.default]\npost-install-commands = ["pip install {verbosity:flag:-1} -e ./lib/a"]\n'
        },
        {"tox.ini": "[testenv]\ndeps =\n    -e {toxinidir}/lib/a[extra]\n"},
        {"noxfile.py": "@nox.session\ndef tests(session):\n    session.install('./lib/a')\n"},
        {".github/workflows/ci.yml": WORKFLOW.replace("dist/*.whl", "-e ./lib/a/")},
    ],
)
def test_packages_of_the_tree_that_the_own_commands_install(files: dict[str, str]) -> None:
    setup = read_own_setup({path: text.encode() for path, text in files.items()})
    assert setup.local == ("lib/a",)


@pytest.mark.parametrize("name", ["requirement.txt", "requirement-dev.txt", "requirement/test.txt"])
def test_a_list_of_requirements_may_be_named_in_the_singular(name: str) -> None:
    assert read_declared({"setup.py": b"setup(name='thing')", name: b"Django==4.2\n"}).test_files == (name,)


def declared(**files: str) -> Declared:
    names = {"project": "pyproject.toml", "tox": "tox.ini", "uv": "uv.lock"}
    return read_declared({names[name]: text.encode() for name, text in files.items()})


GROUPS = """\
[project]
name = "thing"
[dependency-groups]
dev = []
test = []
checks = []
docs = []
"""


def test_groups_that_the_own_commands_name_are_installed() -> None:
    assert declared(project=GROUPS).test_groups == ("dev", "test")
    assert declared(project=GROUPS, tox=TOX).test_groups == ("dev", "test", "checks")


def test_what_is_for_development_alone_may_be_left_out() -> None:
    alternative = declared(project=GROUPS, tox=TOX).alternative
    assert alternative is not None
    assert alternative.test_groups == ("test", "checks")
    assert alternative.alternative is None


def test_a_lock_has_the_packages_of_all_groups() -> None:
    locked = declared(project=GROUPS, tox=TOX, uv="version = 1\n")
    assert (locked.own.requirements, locked.own.groups, locked.alternative) == ((), ("checks",), None)


def test_a_project_that_declares_nothing_else() -> None:
    assert declared(tox=TOX).source == "tox.ini"
    assert declared(tox="[testenv]\ncommands = make test\n").source == ""


def test_what_the_tests_are_run_with_is_part_of_what_a_change_alters() -> None:
    project = {"project": GROUPS, "tox": TOX}
    assert (
        declared(**project).stated == declared(**{**project, "tox": TOX + "[flake8]\nignore = E1\n"}).stated
    )
    assert (
        declared(**project).stated != declared(**{**project, "tox": TOX.replace("mock>=4", "mock>=5")}).stated
    )


def test_lists_with_pytest_are_for_the_tests() -> None:
    project = declared(
        project='[project]\nname = "thing"\n[dependency-groups]\nci = ["pytest-mock>=3"]\ndocs = ["x"]\n'
    )
    assert project.test_groups == ("ci",)
    files = {
        "requirements.txt": b"a\n",
        "requirements/ci.txt": b"-r x.txt\npytest==8\n",
        "requirements/docs.txt": b"b\n",
    }
    assert read_declared(files).test_files == ("requirements.txt", "requirements/ci.txt")
    assert read_declared({**files, "requirements-test.txt": b"pytest\n"}).test_files == (
        "requirements-test.txt",
        "requirements.txt",
    )
    assert read_declared({"tests/requirements.txt": b"pytest\n"}).test_files == ("tests/requirements.txt",)
