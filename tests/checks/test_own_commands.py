"""What a project's own files say about how it checks itself."""

from __future__ import annotations

from gate.checks.own_commands import is_source, own_commands

FILES = {
    "Makefile": b"SRC := src\n\nbuild:\n\tpython -m build\n\ntest: build\n\tpytest\n\nlint-all:\n\truff check\n",
    "pyproject.toml": b"""\
[tool.poe.tasks]
typecheck = "mypy src"
serve = "flask run"
[tool.pdm.scripts]
test = "pytest"
[tool.hatch.envs.default.scripts]
check = "ruff check"
[tool.hatch.envs.types.scripts]
all = "mypy"
""",
    ".github/workflows/ci.yml": b"""\
jobs:
  build:
    steps:
    - uses: actions/checkout@v4
    - run: pip install -e .[test]
    - run: |
        python -m unittest discover -s tests
        pytest ${{ matrix.args }}
        cd docs && make check
        # tests of the future
""",
    ".gitlab-ci.yml": b"test:\n  script: [tox -e lint, echo tests]\n",
}


def test_targets_scripts_and_steps_that_check_something() -> None:
    found = {(command.name, " ".join(command.command)) for command in own_commands(FILES)}
    assert found == {
        ("test", "make test"),
        ("lint-all", "make lint-all"),
        ("typecheck", "poe typecheck"),
        ("test", "pdm run test"),
        ("check", "hatch run check"),
        ("types-all", "hatch run types:all"),
        ("unittest", "python -m unittest discover -s tests"),
        ("lint", "tox -e lint"),
    }


def test_files_that_cannot_be_read_have_none() -> None:
    assert (
        own_commands({"pyproject.toml": b"[tool", ".gitlab-ci.yml": b"a: [", "Makefile": b"\xff\xfe"}) == ()
    )
    assert [is_source(path) for path in ("Makefile", ".github/workflows/x.yml", "docs/Makefile")] == [
        True,
        True,
        False,
    ]
