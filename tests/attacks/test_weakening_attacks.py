"""Attack 27: the change makes a check see less. Through the command line.

The owner of all of it has approved each of these. It takes a guardian.
"""
# ruff: noqa: E501  a case is a row, however long its files are

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.town import Clone, Town, copy_town

BRANCH = "feature"
POLICY = '      owners: {stale: change}\n      guarded: ["@acme/guardians"]\n      checks: [ok]\n'
Files = Mapping[str, str | None]

RUFF = "[lint]\nselect = ['E', 'F', 'B']\n"
STRICT = "[tool.mypy]\nstrict = true\n"
PYTEST = "[tool.pytest.ini_options]\naddopts = '--strict-markers'\nxfail_strict = true\nfilterwarnings = ['error']\n"
TEST = "from a import x\n\n\ndef test_x():\n    assert x == 1\n"
TWO = TEST + "\n\ndef test_y():\n    assert x != 2\n"
SKIPPED = (
    "import pytest\n\n\n@pytest.mark.skip\ndef test_old():\n    assert 0\n\n\ndef test_x():\n    assert 1\n"
)

# What is there before, and what the change makes of it; None is no file.
SETTINGS: dict[str, tuple[Files, Files]] = {
    "ruff: exclude": ({"pyproject.toml": ""}, {"pyproject.toml": "[tool.ruff]\nexclude = ['a.py']\n"}),
    "ruff: extend-exclude": ({}, {"pyproject.toml": "[tool.ruff]\nextend-exclude = ['a.py']\n"}),
    "ruff: fewer rules": ({"ruff.toml": RUFF}, {"ruff.toml": RUFF.replace(", 'B'", "")}),
    "ruff: ignored rules": ({"ruff.toml": RUFF}, {"ruff.toml": RUFF + "ignore = ['F821']\n"}),
    "ruff: ignored in files": ({"ruff.toml": RUFF}, {"ruff.toml": RUFF + "[lint.per-file-ignores]\n'a.py' = ['F']\n"}),
    "ruff: nested file": ({"ruff.toml": RUFF}, {"web/ruff.toml": "line-length = 100\n"}),
    "ruff: nested hidden file": ({"ruff.toml": RUFF}, {"web/.ruff.toml": ""}),
    "ruff: nested table": ({"ruff.toml": RUFF}, {"web/pyproject.toml": "[tool.ruff]\nfix = true\n"}),
    "ruff: nested empty table": ({"ruff.toml": RUFF}, {"web/pyproject.toml": "[tool.ruff]\n"}),
    "ruff: a table in a nested file that was there": (
        {"ruff.toml": RUFF, "web/pyproject.toml": "[project]\nname = 'web'\n"},
        {"web/pyproject.toml": "[project]\nname = 'web'\n[tool.ruff.format]\n"},
    ),
    "ruff: settings renamed": ({"ruff.toml": RUFF}, {"ruff.toml": None, "ruff.txt": RUFF}),
    "ruff: settings moved down": ({"ruff.toml": RUFF}, {"ruff.toml": None, "web/ruff.toml": RUFF}),
    "ruff: settings deleted": ({"ruff.toml": RUFF}, {"ruff.toml": None}),
    "ruff: an empty file in front": ({"pyproject.toml": "[tool.ruff.lint]\nselect = ['ALL']\n"}, {"ruff.toml": ""}),
    "ruff: settings elsewhere": ({}, {"pyproject.toml": "[tool.ruff]\nextend = 'docs/index.md'\n"}),
    "ruff: notebooks and the like left out": ({}, {"ruff.toml": "include = ['b.py']\n"}),
    "mypy: less strict": ({"pyproject.toml": STRICT}, {"pyproject.toml": "[tool.mypy]\nstrict = false\n"}),
    "mypy: a part of strict": ({"pyproject.toml": STRICT}, {"pyproject.toml": STRICT + "disallow_untyped_defs = false\n"}),
    "mypy: errors ignored": ({}, {"mypy.ini": "[mypy]\nignore_errors = True\n"}),
    "mypy: for a module": ({}, {"setup.cfg": "[mypy-a.*]\nignore_errors = True\n"}),
    "mypy: by an override": ({}, {"pyproject.toml": "[[tool.mypy.overrides]]\nmodule = 'a'\nfollow_imports = 'skip'\n"}),
    "mypy: missing imports": ({}, {"mypy.ini": "[mypy]\nignore_missing_imports = True\n"}),
    "mypy: exclude": ({}, {"mypy.ini": "[mypy]\nexclude = a\n"}),
    "mypy: error codes": ({}, {"mypy.ini": "[mypy]\ndisable_error_code = attr-defined\n"}),
    "mypy: an empty file in front": ({"pyproject.toml": STRICT}, {"mypy.ini": ""}),
    "mypy: a plugin is gone": ({"mypy.ini": "[mypy]\nplugins = x\n"}, {"mypy.ini": "[mypy]\n"}),
    "mypy: other modules first": ({"mypy.ini": "[mypy]\n"}, {"mypy.ini": "[mypy]\nmypy_path = fakes\n"}),
    "pytest: collects only": ({"pyproject.toml": PYTEST}, {"pyproject.toml": PYTEST.replace("--strict-m", "--collect-only --strict-m")}),
    "pytest: -k": ({}, {"pytest.ini": "[pytest]\naddopts = -k 'not x'\n"}),
    "pytest: -k in one word": ({}, {"pytest.ini": "[pytest]\naddopts = -knothing\n"}),
    "pytest: --deselect": ({}, {"tox.ini": "[pytest]\naddopts = --deselect=test_a.py::test_x\n"}),
    "pytest: --ignore": ({}, {"setup.cfg": "[tool:pytest]\naddopts = --ignore=test_a.py\n"}),
    "pytest: an abbreviated option": ({}, {"pytest.ini": "[pytest]\naddopts = --desel=test_a.py::test_x\n"}),
    "pytest: -m": ({}, {"pytest.ini": "[pytest]\naddopts = -m 'not slow'\n"}),
    "pytest: a plugin off": ({}, {"pytest.ini": "[pytest]\naddopts = -p no:python\n"}),
    "pytest: a plugin on": ({}, {"pytest.ini": "[pytest]\naddopts = -p evil\n"}),
    "pytest: a plugin on in one word": ({}, {"pytest.ini": "[pytest]\naddopts = -pevil\n"}),
    "pytest: other settings": ({}, {"pytest.ini": "[pytest]\naddopts = -c other.ini\n"}),
    "pytest: xfail not strict": ({"pyproject.toml": PYTEST}, {"pyproject.toml": PYTEST.replace("true", "false")}),
    "pytest: warnings pass": ({"pyproject.toml": PYTEST}, {"pyproject.toml": PYTEST.replace("'error'", "'ignore'")}),
    "pytest: other files are tests": ({}, {"pytest.ini": "[pytest]\npython_files = check_*.py\n"}),
    "pytest: an empty file in front": ({"pyproject.toml": PYTEST}, {"pytest.ini": ""}),
    "pytest: an empty hidden file in front": ({"pyproject.toml": PYTEST}, {".pytest.ini": ""}),
    "pytest: an empty new file in front": ({"pyproject.toml": PYTEST}, {"pytest.toml": ""}),
    "pytest: settings renamed": ({"pytest.ini": "[pytest]\nxfail_strict = true\n"}, {"pytest.ini": None, "x.ini": "[pytest]\nxfail_strict = true\n"}),
    "settings that cannot be read": ({"pyproject.toml": STRICT}, {"pyproject.toml": "[tool.mypy\n"}),
    "settings in bytes that are no text": ({"pyproject.toml": STRICT}, {"pyproject.toml": STRICT + "# \udcff\n"}),
    "git ignores it": ({}, {".gitignore": "a.py\n"}),
    "git ignores a folder": ({}, {"web/.gitignore": "*\n"}),
    "git ignores it by a pattern": ({}, {".gitignore": "*.p?\n"}),
    "git ignores it by another pattern": ({}, {".gitignore": "*.p*\n"}),
    "git ignores it by a class": ({}, {".gitignore": "a[.]py\n"}),
    "git ignores it by a backslash": ({}, {".gitignore": "a.p\\y\n"}),
    "an exception is taken out": ({".gitignore": "web/*\n!web/page.py\n"}, {".gitignore": "web/*\n"}),
    "an exception comes too early": ({".gitignore": "*.py\n!web/*.py\n"}, {".gitignore": "!web/*.py\n*.py\n"}),
}  # fmt: skip

SUPPRESSIONS: dict[str, tuple[Files, Files]] = {
    "noqa": ({"n.py": "x = 1\n"}, {"n.py": "x = y  # noqa\n"}),
    "noqa with a code": ({"n.py": "x = 1\n"}, {"n.py": "x = y  # noqa: F821\n"}),
    "noqa of the file": ({}, {"n.py": "# ruff: noqa\nx = y\n"}),
    "noqa of flake8": ({}, {"n.py": "# flake8: noqa\nx = y\n"}),
    "noqa that was there, on another line": (
        {"n.py": "import os  # noqa\nx = 1\n"}, {"n.py": "import os\nx = y  # noqa\n"}),
    "noqa that was there, over other code": ({"n.py": "import os  # noqa\n"}, {"n.py": "x = y  # noqa\n"}),
    "ruff: disable": ({}, {"n.py": "# ruff: disable[F821]\nx = y\n"}),
    "type: ignore": ({}, {"n.py": "x: int = ''  # type: ignore\n"}),
    "type: ignore with a code": ({}, {"n.py": "x: int = ''  # type: ignore[assignment]\n"}),
    "type: ignore of the file": ({}, {"n.py": "# type: ignore\nx: int = ''\n"}),
    "mypy: ignore-errors": ({}, {"n.py": "# mypy: ignore-errors\nx: int = ''\n"}),
    "mypy: less strict": ({}, {"n.py": "# mypy: disable-error-code=assignment\n"}),
    "mypy: no_type_check": ({}, {"n.py": "from typing import no_type_check\n\n\n@no_type_check\ndef f():\n    return 1 + ''\n"}),
    "mypy: not what it takes to be run": (
        {}, {"n.py": "from typing import TYPE_CHECKING\n\nif not TYPE_CHECKING:\n    x = 1 + ''\n"}),
    "gate: ignore": ({}, {"n.py": "import json\n\nx = json.laods('')  # gate: ignore\n"}),
    "in a stub": ({"n.pyi": "x: int\n", "n.py": "x = 1\n"}, {"n.pyi": "x: int  # type: ignore\n"}),
    "in a notebook": ({}, {"n.ipynb": '{"cells": [{"cell_type": "code", "source": ["x = y  # noqa"]}]}\n'}),
    "in a file that is no Python yet": ({}, {"n.py": "x = (\n# noqa\n"}),
    "a shadowing stub": ({"n.py": "x = 1\n"}, {"n.pyi": "from typing import Any\n\nx: Any\n"}),
    "a shadowing stub of a package": ({}, {"web/__init__.pyi": ""}),
    "a stubs package": ({}, {"requests-stubs/__init__.pyi": "def __getattr__(name: str): ...\n"}),
    "py.typed is gone": ({"web/py.typed": ""}, {"web/py.typed": None}),
}  # fmt: skip

TESTS: dict[str, tuple[Files, Files]] = {
    "skip": ({"test_a.py": TEST}, {"test_a.py": "import pytest\n" + TEST.replace("def", "@pytest.mark.skip\ndef")}),
    "skipif": ({"test_a.py": TEST}, {"test_a.py": "import pytest\n" + TEST.replace("def", "@pytest.mark.skipif(True, reason='')\ndef")}),
    "xfail": ({"test_a.py": TEST}, {"test_a.py": "import pytest\n" + TEST.replace("def", "@pytest.mark.xfail\ndef")}),
    "of the module": ({"test_a.py": TEST}, {"test_a.py": "import pytest\npytestmark = pytest.mark.skip\n" + TEST}),
    "in the test": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("    assert", "    pytest.skip()\n    assert")}),
    "by another name": ({"test_a.py": TEST}, {"test_a.py": "from pytest import mark as m\n" + TEST.replace("def", "@m.skip\ndef")}),
    "imported alone": ({"test_a.py": TEST}, {"test_a.py": "from pytest import skip\n" + TEST.replace("    assert", "    skip()\n    assert")}),
    "of unittest": ({"test_a.py": TEST}, {"test_a.py": "from unittest import skip\n" + TEST.replace("def", "@skip('')\ndef")}),
    "raised": ({"test_a.py": TEST}, {"test_a.py": "import unittest\n" + TEST.replace("    assert", "    raise unittest.SkipTest\n    assert")}),
    "over lines": ({"test_a.py": TEST}, {"test_a.py": "import pytest\n" + TEST.replace("def", "@pytest.mark\\\n.skip\ndef")}),
    "a skip that was there moves to another test": (
        {"test_a.py": SKIPPED},
        {"test_a.py": SKIPPED.replace("@pytest.mark.skip\n", "").replace("def test_x", "@pytest.mark.skip\ndef test_x")},
    ),
    "importorskip": ({"test_a.py": TEST}, {"test_a.py": "import pytest\npytest.importorskip('nothing')\n" + TEST}),
    "collect_ignore": ({"test_a.py": TEST}, {"conftest.py": "collect_ignore = ['test_a.py']\n"}),
    "hidden from pytest": ({"test_a.py": "class TestA:\n    def test_x(self):\n        assert 1\n"},
                           {"test_a.py": "class TestA:\n    __test__ = False\n\n    def test_x(self):\n        assert 1\n"}),
    "deleted": ({"test_a.py": TEST}, {"test_a.py": None}),
    "one of two deleted": ({"test_a.py": TWO}, {"test_a.py": TEST}),
    "renamed": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("test_x", "check_x")}),
    "in a file that is renamed": ({"test_a.py": TEST}, {"test_a.py": None, "a_checks.py": TEST}),
    "in a file that is no longer Python": ({"test_a.py": TEST}, {"test_a.py": None, "test_a.txt": TEST}),
    "moved to where nobody collects it": ({"test_a.py": TWO, "old.py": ""}, {"test_a.py": TEST, "old.py": TWO}),
    "moved to where nobody collects it, below tests": ({"tests/test_a.py": TWO}, {"tests/test_a.py": TEST, "tests/helpers.py": TWO}),
    "in an if": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("def test_x():\n    assert x == 1", "if 0:\n    def test_x():\n        assert x == 1")}),
    "emptied": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("assert x == 1", "pass")}),
    "no longer Python": ({"test_a.py": TEST}, {"test_a.py": "(" + TEST}),
    "shadowed by a later one of its name": ({"test_a.py": TEST}, {"test_a.py": TEST + "\n\ntest_x = None\n"}),
}  # fmt: skip

SHADOWS: dict[str, tuple[Files, Files]] = {
    name: ({}, {name: "x = 1\n"})
    for name in (
        "json.py", "json/__init__.py", "src/json.py", "ruff/__init__.py", "mypy.py", "pytest.py", "_pytest/__init__.py",
        "sitecustomize.py", "usercustomize.py", "x.pth", "src/sitecustomize.py", "typing.pyi",
        "__pycache__/a.cpython-311.pyc", "a.pyc", "a.cpython-311-x86_64-linux-gnu.so", "web/page.abi3.so",
    )
}  # fmt: skip
GATE: dict[str, tuple[Files, Files]] = {
    name: ({}, {name: "x\n"})
    for name in (
        ".gitattributes", "web/.gitattributes", ".github/workflows/ci.yml", ".gitlab-ci.yml", "Jenkinsfile", ".ci/run",
        ".pre-commit-config.yaml", ".husky/pre-commit", ".circleci/config.yml",
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def owned_template(town_template: Town, tmp_path_factory: pytest.TempPathFactory) -> Town:
    """A town in which bob owns everything and is no guardian. His clone has it all."""
    town = copy_town(town_template, tmp_path_factory.mktemp("owned") / "town")
    town.set_policy(town.policy(POLICY))
    bob = town.clone("bob")
    bob.git("remote", "remove", "origin")
    return town


@pytest.fixture
def bob(owned_template: Town, tmp_path: Path) -> Clone:
    return copy_town(owned_template, tmp_path / "town").clone("bob")


def put(clone: Clone, files: Files, author: str) -> None:
    for name, content in files.items():
        if content is None:
            (clone.path / name).unlink()
    clone.write(
        {name: text.encode("utf-8", "surrogateescape") for name, text in files.items() if text is not None}
    )
    clone.git("add", "-A", "-f")
    who = ("-c", f"user.name={author}", "-c", f"user.email={author}@acme.example")
    clone.git(*who, "commit", "-q", "--allow-empty", "-m", "by hand")


def weaken(bob: Clone, before: Files, after: Files) -> None:
    """The owner's approval does not open the gate for it, since it needs a guardian."""
    put(bob, {".github/CODEOWNERS": "* @bob\n", **before}, "nobody")
    bob.git("checkout", "-q", "-b", BRANCH)
    put(bob, after, "newhire")
    assert bob.gate("approve", BRANCH).code == 0
    said = bob.gate("check", "--format", "json")
    assert said.code == 1
    found = {one["id"]: one["outcome"] for one in json.loads(said.out)["requirements"]}
    assert (found["owners"], found["guarded"]) == ("met", "unmet")


@pytest.mark.attack(27, "an owner approves a weakening, and is no guardian")
def test_27_a_guardian_opens_the_gate(bob: Clone) -> None:
    weaken(bob, *SETTINGS["ruff: exclude"])
    assert bob.gate("approve", BRANCH, "--key", bob.key("ada")).code == 0
    assert bob.may_merge(BRANCH)


@pytest.mark.attack(27, "settings of a check")
@pytest.mark.parametrize("how", SETTINGS)
def test_27_settings(bob: Clone, how: str) -> None:
    weaken(bob, *SETTINGS[how])


@pytest.mark.attack(27, "comments and stubs that silence a check")
@pytest.mark.parametrize("how", SUPPRESSIONS)
def test_27_suppressions(bob: Clone, how: str) -> None:
    weaken(bob, *SUPPRESSIONS[how])


@pytest.mark.attack(27, "tests that are skipped, gone or emptied")
@pytest.mark.parametrize("how", TESTS)
def test_27_tests(bob: Clone, how: str) -> None:
    weaken(bob, *TESTS[how])


@pytest.mark.attack(29, "a module that shadows appears")
@pytest.mark.parametrize("how", SHADOWS)
def test_29_a_shadowing_module_is_a_finding(bob: Clone, how: str) -> None:
    weaken(bob, *SHADOWS[how])


@pytest.mark.attack(27, "what runs the gate")
@pytest.mark.parametrize("how", GATE)
def test_27_what_runs_the_gate(bob: Clone, how: str) -> None:
    weaken(bob, *GATE[how])


COMMANDS = {
    "a script": (["sh", "tools/check.sh"], "tools/check.sh"),
    "a program": (["./tools/check"], "tools/check"),
    "within a line of a shell": (["sh", "-c", "true;./tools/check.sh && true"], "tools/check.sh"),
    "a module": (["python3", "-m", "tools.check"], "tools/check.py"),
    "a package": (["python3", "-m", "tools"], "tools/__main__.py"),
    "make": (["make", "lint"], "Makefile"),
    "another Makefile in front": (["make", "lint"], "GNUmakefile"),
    "nox": (["nox", "-s", "lint"], "noxfile.py"),
    "an option's value": (["sh", "--rcfile=tools/rc"], "tools/rc"),
}


@pytest.mark.attack(27, "the script that a check of the policy runs")
@pytest.mark.parametrize("how", COMMANDS)
def test_27_the_script_of_a_check(bob: Clone, how: str) -> None:
    command, path = COMMANDS[how]
    own = f"  own: {{command: {json.dumps(command)}}}\n"
    policy = (bob.path / "gate.yaml").read_text().replace("checks:\n  ok", f"checks:\n{own}  ok")
    weaken(bob, {path: "exit 1\n", "gate.yaml": policy}, {path: "exit 0\n"})
