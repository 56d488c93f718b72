"""What the CI at the top of a repository says about the project in one of its folders."""

from __future__ import annotations

import pytest

from gate.environment.ci_of_folder import ci_of
from gate.environment.how_tests_start import Start, how_tests_start
from gate.environment.own_setup import OwnSetup, read_own_setup

WORKFLOW = ".github/workflows/test.yml"
IN_STEPS = """
jobs:
  backend:
    steps:
      - run: python -m pip install tox -r backend/needs.txt ./backend[web]
      - run: pip install mock
        working-directory: backend
      - run: pytest -q
        working-directory: ./backend/
  frontend:
    steps:
      - run: pip install other && cd frontend && python -m pytest
"""
BY_DEFAULT = """
defaults: {run: {working-directory: backend}}
env: {PYTHONPATH: "${{ github.workspace }}/backend/lib:${{ github.workspace }}/frontend"}
jobs:
  test:
    steps:
      - run: |
          pip install -r needs.txt \\
            mock .[web]
          pytest
"""
BY_MATRIX = """
jobs:
  test:
    strategy: {matrix: {folder: [frontend, backend]}}
    defaults: {run: {working-directory: "${{ matrix.folder }}"}}
    steps: [{run: "pip install -r needs.txt mock '.[web]'"}, {run: pytest}]
"""
GITLAB = """
default: {before_script: [pip install mock]}
backend:
  script:
    - cd backend
    - [pip install -r needs.txt, "pip install -e .[web]"]
    - pytest
frontend: {script: [(cd frontend && python -m pytest), pip install other]}
"""
EXPECTED = OwnSetup(("mock",), ("needs.txt",), (), ("web",))


@pytest.mark.parametrize(
    ("path", "text"),
    [(WORKFLOW, IN_STEPS), (WORKFLOW, BY_DEFAULT), (WORKFLOW, BY_MATRIX), (".gitlab-ci.yml", GITLAB)],
    ids=["steps", "defaults", "matrix", "gitlab"],
)
def test_what_runs_in_a_folder_is_as_if_it_stood_there(path: str, text: str) -> None:
    contents = ci_of("backend", {path: text.encode()})
    setup = read_own_setup(contents)
    assert sorted(setup.requirements) == ["mock"]
    assert (setup.files, setup.extras) == (EXPECTED.files, EXPECTED.extras)
    assert how_tests_start(contents).plain
    assert not how_tests_start(ci_of("frontend", {path: text.encode()})).plain or text == BY_MATRIX
    assert ci_of("other", {path: text.encode()}) == {}


def test_the_import_path_is_that_of_the_folder() -> None:
    assert how_tests_start(ci_of("backend", {WORKFLOW: BY_DEFAULT.encode()})) == Start(True, ("lib",))


@pytest.mark.parametrize(
    ("recipe", "plain"),
    [
        ("cd backend && pytest", True),
        ("cd ./backend; python -m pytest", False),
        ("pytest backend/tests", True),
        ("(cd frontend && pytest); cd backend", False),
    ],
)
def test_a_makefile_at_the_top_starts_tests_in_a_folder(recipe: str, plain: bool) -> None:
    contents = ci_of("backend", {"Makefile": f"test:\n\t{recipe}\n".encode()})
    assert how_tests_start(contents).plain == plain


@pytest.mark.parametrize("data", [b"jobs: [", b"- a", b"jobs: {a: 1, b: {steps: 2}}", b"\xff", b"a: &a [*a]"])
def test_files_that_are_no_ci_say_nothing(data: bytes) -> None:
    assert ci_of("backend", {WORKFLOW: data, ".gitlab-ci.yml": data}) == {}
