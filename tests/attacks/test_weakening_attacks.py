"""Attack 27: the change weakens a check. Through the command line.

The owner of all of it has approved each of these. It takes a guardian.
"""
# ruff: noqa: E501  a case is a row, however long its files are

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from support.company import Clone, Company, copy_company

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
CASES = "import pytest\n\n\n@pytest.mark.parametrize('x', [1, 2, 3])\ndef test_x(x):\n    assert x\n"
NAMED_CASES = (
    "import pytest\n\nALL = (1, 2)\n\n\n@pytest.mark.parametrize('x', ALL)\ndef test_x(x):\n    assert x\n"
)

# The file in the base, and in the change; None if it does not exist.
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
    "settings that are not valid UTF-8": ({"pyproject.toml": STRICT}, {"pyproject.toml": STRICT + "# \udcff\n"}),
    "git ignores it": ({}, {".gitignore": "a.py\n"}),
    "git ignores a folder": ({}, {"web/.gitignore": "*\n"}),
    "git ignores it by a pattern": ({}, {".gitignore": "*.p?\n"}),
    "git ignores it by another pattern": ({}, {".gitignore": "*.p*\n"}),
    "git ignores it by a class": ({}, {".gitignore": "a[.]py\n"}),
    "git ignores it by a backslash": ({}, {".gitignore": "a.p\\y\n"}),
    "an exception is taken out": ({".gitignore": "web/*\n!web/page.py\n"}, {".gitignore": "web/*\n"}),
    "an exception comes too early": ({".gitignore": "*.py\n!web/*.py\n"}, {".gitignore": "!web/*.py\n*.py\n"}),
    "ruff: a longer line than the usual": ({"ruff.toml": RUFF}, {"ruff.toml": "line-length = 320\n" + RUFF}),
    "ruff: another convention": ({"ruff.toml": RUFF}, {"ruff.toml": RUFF + "[lint.pydocstyle]\nconvention = 'google'\n"}),
    "ruff: in the file that is extended": (
        {"ruff.toml": "extend = 'conf/base.toml'\n", "conf/base.toml": RUFF}, {"conf/base.toml": RUFF.replace(", 'B'", "")}),
    "mypy: an older Python": ({"mypy.ini": "[mypy]\n"}, {"mypy.ini": "[mypy]\npython_version = 3.9\n"}),
    "mypy: an empty table in front": (
        {"pyproject.toml": "", "setup.cfg": "[mypy]\nstrict = True\n"}, {"pyproject.toml": "[tool.mypy]\n"}),
    "mypy: in its plugin": ({"mypy.ini": "[mypy]\nplugins = tools/plug.py\n", "tools/plug.py": "x = 1\n"}, {"tools/plug.py": "x = 2\n"}),
    "pytest: an empty table in front": (
        {"pyproject.toml": "", "tox.ini": "[pytest]\nxfail_strict = true\n"}, {"pyproject.toml": "[tool.pytest.ini_options]\n"}),
    "pytest: in its plugin": ({"pytest.ini": "[pytest]\naddopts = -p tools.plug\n", "tools/plug.py": "x = 1\n"}, {"tools/plug.py": "x = 2\n"}),
    "pytest: warnings that mention errors pass": ({}, {"pytest.ini": "[pytest]\naddopts = -Wignore:errors\n"}),
    "pytest: an option in place of a value": ({}, {"pytest.ini": "[pytest]\naddopts = --cov --collect-only\n"}),
    "pytest: benchmarks only": ({}, {"pytest.ini": "[pytest]\naddopts = --benchmark-only\n"}),
    "pytest: doctests are passed over": ({}, {"pytest.ini": "[pytest]\ndoctest_optionflags = SKIP\n"}),
    "pytest: tests of coroutines are passed over": (
        {"pytest.ini": "[pytest]\nasyncio_mode = auto\n"}, {"pytest.ini": "[pytest]\nasyncio_mode = strict\n"}),
    "pytest: other variables": ({}, {"pytest.ini": "[pytest]\nenv =\n    SKIP=1\n"}),
    "pytest: a plugin of the project": ({"pyproject.toml": ""}, {"pyproject.toml": "[project.entry-points.pytest11]\nx = 'a'\n"}),
    "coverage: a lower limit": ({".coveragerc": "[report]\nfail_under = 90\n"}, {".coveragerc": "[report]\nfail_under = 9\n"}),
    "coverage: more is left out": ({"pyproject.toml": ""}, {"pyproject.toml": "[tool.coverage.report]\nexclude_also = ['if']\n"}),
    "an older ruff": ({"requirements-dev.txt": "ruff==0.17.6\n"}, {"requirements-dev.txt": "ruff==0.1.0\n"}),
    "any mypy": ({"pyproject.toml": "[dependency-groups]\ndev = ['mypy>=2']\n"}, {"pyproject.toml": "[dependency-groups]\ndev = ['mypy']\n"}),
    "no types of a library": ({"requirements/dev.txt": "types-requests\n"}, {"requirements/dev.txt": "\n"}),
    "an older pytest is locked": (
        {"uv.lock": '[[package]]\nname = "pytest"\nversion = "9.0"\n'}, {"uv.lock": '[[package]]\nname = "pytest"\nversion = "7.0"\n'}),
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
    "in a file with a syntax error": ({}, {"n.py": "x = (\n# noqa\n"}),
    "a shadowing stub": ({"n.py": "x = 1\n"}, {"n.pyi": "from typing import Any\n\nx: Any\n"}),
    "a shadowing stub of a package": ({}, {"web/__init__.pyi": ""}),
    "a stubs package": ({}, {"requests-stubs/__init__.pyi": "def __getattr__(name: str): ...\n"}),
    "noqa behind a separator": ({}, {"n.py": "x = y  #\u2028noqa\n"}),
    "noqa behind a form feed": ({}, {"n.py": "x = y  #\x0cnoqa\n"}),
    "type: ignore behind a separator": ({}, {"n.py": "x: int = ''  #\u2028type: ignore\n"}),
    "ruff: a file": ({}, {"n.py": "# ruff: file-ignore[F821]\nx = y\n"}),
    "ruff: enabled later than before": (
        {"n.py": "# ruff: disable[F821]\nx = y\n# ruff: enable[F821]\nz = 1\n"},
        {"n.py": "# ruff: disable[F821]\nx = y\nz = q\n# ruff: enable[F821]\n"}),
    "type: ignore moves to the top": ({"n.py": "x = 1\n# type: ignore\n"}, {"n.py": "# type: ignore\nx = 1\n"}),
    "pylint: disable": ({}, {"n.py": "x = y  # pylint: disable=all\n"}),
    "nosec": ({}, {"n.py": "x = y  # nosec\n"}),
    "pyre-fixme": ({}, {"n.py": "x = y  # pyre-fixme[10]\n"}),
    "isort: skip": ({}, {"n.py": "import os  # isort: skip\n"}),
    "mypy: what returns at once for it": (
        {}, {"n.py": "from typing import TYPE_CHECKING\n\n\ndef f():\n    if TYPE_CHECKING:\n        return\n    1 + ''\n"}),
    "mypy: by another name": ({}, {"n.py": "from typing import TYPE_CHECKING as T\n\nx = 1 if T else 1 + ''\n"}),
    "a stub in which there is every name": ({"n.pyi": "x: int\n"}, {"n.pyi": "def __getattr__(name): ...\n"}),
    "an encoding in which a comment is code": ({}, {"n.py": "# coding: utf-7\nx = 1  #+AAo-import os\n"}),
    "characters that turn the direction": ({}, {"n.py": "x = 'a'  # \u202e \u2066\n"}),
    "a carriage return in a comment": ({}, {"n.py": "x = 1  # fine\rimport os\n"}),
    "in a folder where nothing looks": ({}, {"web/build/n.py": "x = y\n"}),
    "renamed to what nothing reads": ({"n.py": "x = 1\ny = 2\nz = 3\n"}, {"n.py": None, "n": "x = 1\ny = 2\nz = 3\n"}),
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
    "in letters of full width": (
        {"test_a.py": TEST},
        {"test_a.py": "import pytest as p\n" + TEST.replace("def", "@p.mark.\uff53\uff4b\uff49\uff50\ndef")},
    ),
    "by a name that is spelt in numbers": (
        {"test_a.py": TEST}, {"test_a.py": "import pytest\n" + TEST.replace("def", "@getattr(pytest.mark, 'sk\\x69p')\ndef")}),
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
    "moved and emptied": ({"test_a.py": TEST}, {"test_a.py": None, "test_b.py": "def test_x():\n    pass\n"}),
    "another of its name is elsewhere": (
        {"test_a.py": TEST, "test_b.py": TEST}, {"test_a.py": None, "test_b.py": TEST.replace("1", "2")}),
    "a skip under another condition": (
        {"test_a.py": SKIPPED.replace("skip\n", "skipif(0, reason='')\n")}, {"test_a.py": SKIPPED.replace("skip\n", "skipif(1, reason='')\n")}),
    "a skip in another branch": (
        {"test_a.py": "import pytest\n\n\ndef test_x():\n    if 0:\n        pytest.skip()\n    assert 1\n"},
        {"test_a.py": "import pytest\n\n\ndef test_x():\n    if 1:\n        pytest.skip()\n    assert 1\n"}),
    "xfail no longer strict": (
        {"test_a.py": SKIPPED.replace("skip\n", "xfail(strict=True)\n")}, {"test_a.py": SKIPPED.replace("skip\n", "xfail(strict=False)\n")}),
    "a mark of a helper": ({"test_a.py": TEST}, {"test_a.py": "from helper import mark\n" + TEST.replace("def", "@mark.skip\ndef")}),
    "a skip of a helper": ({"test_a.py": TEST}, {"test_a.py": "from helper import skip\n" + TEST.replace("def", "@skip\ndef")}),
    "an attribute": ({"test_a.py": TEST}, {"test_a.py": TEST + "\n\ntest_x.__test__ = False\n"}),
    "an attribute by its name": ({"test_a.py": TEST}, {"test_a.py": TEST + "\n\nsetattr(test_x, '__test__', False)\n"}),
    "more in collect_ignore": ({"conftest.py": "collect_ignore = ['b.py']\n"}, {"conftest.py": "collect_ignore = ['b.py', 'test_a.py']\n"}),
    "added to collect_ignore": (
        {"conftest.py": "collect_ignore = ['b.py']\n"}, {"conftest.py": "collect_ignore = ['b.py']\ncollect_ignore.append('c.py')\n"}),
    "a hook by assignment": ({}, {"conftest.py": "pytest_collection_modifyitems = lambda items: items.clear()\n"}),
    "a hook by import": ({}, {"conftest.py": "from a import x as pytest_runtest_call\n"}),
    "all hooks by import": ({}, {"conftest.py": "from a import *\n"}),
    "a hook by another name": (
        {}, {"conftest.py": "import pytest\n\n\n@pytest.hookimpl(specname='pytest_runtest_call')\ndef x(item):\n    item.obj = None\n"}),
    "a hook among the globals": ({}, {"conftest.py": "globals()['pytest_runtest_call'] = print\n"}),
    "a hook is gone": ({"conftest.py": "def pytest_sessionfinish(session):\n    session.exitstatus = 1\n"}, {"conftest.py": ""}),
    "a hook behind a mark of the byte order": ({}, {"conftest.py": "\ufeffdef pytest_runtest_call(item):\n    item.obj = None\n"}),
    "a hook in another encoding": (
        {}, {"conftest.py": "# coding: latin-1\n# \udce9\ndef pytest_runtest_call(item):\n    item.obj = None\n"}),
    "a hook in a newer Python": ({}, {"conftest.py": "type A[*T = int] = T\n\n\ndef pytest_runtest_call(item):\n    item.obj = None\n"}),
    "one of two deleted, in a newer Python": ({"test_a.py": "type A[*T = int] = T\n" + TWO}, {"test_a.py": "type A[*T = int] = T\n" + TEST}),
    "returns before it asserts": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("    assert", "    return\n    assert")}),
    "asserts what is always so": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("x == 1", "x == 1 or True")}),
    "asserts a tuple": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("x == 1", "(x == 1, 'x')")}),
    "asserts in a branch that is never taken": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("    assert", "    if 0:\n        assert")}),
    "asserts and swallows it": (
        {"test_a.py": TEST}, {"test_a.py": TEST.replace("    assert x == 1", "    try:\n        assert x == 1\n    except Exception:\n        pass")}),
    "suppresses what it asserts": (
        {"test_a.py": TEST},
        {"test_a.py": "from contextlib import suppress\n" + TEST.replace("    assert", "    with suppress(AssertionError):\n        assert")}),
    "asserts of none": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("    assert", "    for y in ():\n        assert")}),
    "asserts in what is never called": (
        {"test_a.py": TEST}, {"test_a.py": TEST.replace("    assert x == 1", "    def inner():\n        assert x == 1")}),
    "becomes a generator": ({"test_a.py": TEST}, {"test_a.py": TEST + "    yield\n"}),
    "becomes a fixture": ({"test_a.py": TEST}, {"test_a.py": "import pytest\n" + TEST.replace("def", "@pytest.fixture\ndef")}),
    "in a class that cannot be made": (
        {"test_a.py": "class TestA:\n    def test_x(self):\n        assert f()\n"},
        {"test_a.py": "class TestA:\n    def __init__(self):\n        pass\n\n    def test_x(self):\n        assert f()\n"}),
    "no cases any more": ({"test_a.py": CASES}, {"test_a.py": CASES.replace("[1, 2, 3]", "[]")}),
    "fewer cases": ({"test_a.py": CASES}, {"test_a.py": CASES.replace("[1, 2, 3]", "[1]")}),
    "fewer cases, by name": ({"test_a.py": NAMED_CASES}, {"test_a.py": NAMED_CASES.replace("(1, 2)", "(1,)")}),
    "a letter that only looks the same": ({"test_a.py": TEST}, {"test_a.py": TEST.replace("test_x", "t\u0435st_x")}),
    "shadowed by a later one of its name": ({"test_a.py": TEST}, {"test_a.py": TEST + "\n\ntest_x = None\n"}),
}  # fmt: skip

SHADOWS: dict[str, tuple[Files, Files]] = {
    name: ({}, {name: "x = 1\n"})
    for name in (
        "json.py", "json/__init__.py", "src/json.py", "ruff/__init__.py", "mypy.py", "pytest.py", "_pytest/__init__.py",
        "sitecustomize.py", "usercustomize.py", "x.pth", "src/sitecustomize.py", "typing.pyi",
        "tests/json.py", "lib/json.py", "pytest_cov.py", "xdist/__init__.py", "coverage.py",
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
def owned_template(company_template: Company, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company in which bob owns everything and is no guardian. His clone has it all."""
    company = copy_company(company_template, tmp_path_factory.mktemp("owned") / "company")
    company.set_policy(company.policy(POLICY))
    bob = company.clone("bob")
    bob.git("remote", "remove", "origin")
    return company


@pytest.fixture
def bob(owned_template: Company, tmp_path: Path) -> Clone:
    return copy_company(owned_template, tmp_path / "company").clone("bob")


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
    result = bob.gate("check", "--format", "json")
    assert result.code == 1
    found = {one["id"]: one["outcome"] for one in json.loads(result.out)["requirements"]}
    assert (found["owners"], found["guarded"]) == ("met", "unmet")


@pytest.mark.slow
@pytest.mark.attack(27, "weaken a check with the approval of an owner who isn't a guardian")
def test_27_a_guardian_opens_the_gate(bob: Clone) -> None:
    weaken(bob, *SETTINGS["ruff: exclude"])
    assert bob.gate("approve", BRANCH, "--key", bob.key("ada")).code == 0
    assert bob.may_merge(BRANCH)


@pytest.mark.slow
@pytest.mark.attack(27, "loosen the settings of a check")
@pytest.mark.parametrize("how", SETTINGS)
def test_27_settings(bob: Clone, how: str) -> None:
    weaken(bob, *SETTINGS[how])


@pytest.mark.slow
@pytest.mark.attack(27, "suppress findings with comments or stubs")
@pytest.mark.parametrize("how", SUPPRESSIONS)
def test_27_suppressions(bob: Clone, how: str) -> None:
    weaken(bob, *SUPPRESSIONS[how])


@pytest.mark.slow
@pytest.mark.attack(27, "skip, delete, or empty tests")
@pytest.mark.parametrize("how", TESTS)
def test_27_tests(bob: Clone, how: str) -> None:
    weaken(bob, *TESTS[how])


@pytest.mark.slow
@pytest.mark.attack(29, "add a module that shadows another")
@pytest.mark.parametrize("how", SHADOWS)
def test_29_a_shadowing_module_is_a_finding(bob: Clone, how: str) -> None:
    weaken(bob, *SHADOWS[how])


@pytest.mark.slow
@pytest.mark.attack(27, "edit what runs gate")
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
    "one of several": (["sh", "-c", "cat tools/*.sh | sh"], "tools/b.sh"),
    "the package around a module": (["python3", "-m", "tools.check"], "tools/__init__.py"),
    "a module in one word": (["python3", "-Imtools.check"], "tools/check.py"),
    "a module by import": (["python3", "-c", "import tools.check"], "tools/check.py"),
    "a folder": (["python3", "tools/"], "tools/__main__.py"),
    "make, in a folder": (["make", "-C", "tools"], "tools/Makefile"),
    "after a change of the folder": (["sh", "-c", "cd web && ./check.sh"], "web/check.sh"),
    "sphinx": (["sphinx-build", "-W", "docs", "{scratch}"], "docs/conf.py"),
    "flake8": (["flake8"], ".flake8"),
}


@pytest.mark.slow
@pytest.mark.attack(27, "edit a script that a check runs")
@pytest.mark.parametrize("how", COMMANDS)
def test_27_the_script_of_a_check(bob: Clone, how: str) -> None:
    command, path = COMMANDS[how]
    own = f"  own: {{command: {json.dumps(command)}}}\n"
    policy = (bob.path / "gate.yaml").read_text().replace("checks:\n  ok", f"checks:\n{own}  ok")
    weaken(bob, {path: "exit 1\n", "gate.yaml": policy}, {path: "exit 0\n"})
