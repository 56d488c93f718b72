"""What Python's standard library no longer has is reported by the oldest Python version that the project runs on."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.names.run import check


def reported(root: Path, text: str, requires: str, **files: str) -> list[tuple[int, str, str]]:
    (root / "case.py").write_text(text)
    (root / "pyproject.toml").write_text(f'[project]\nname = "x"\nrequires-python = "{requires}"\n')
    for name, content in files.items():
        (root / f"{name}.txt").write_text(content)
    return [(one.line, one.rule, f"{one.message} {one.hint}") for one in check(root, None, None)[1]]


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("import imp\n", "unknown-module", "importlib"),
        ("import distutils\n", "unknown-module", "3.12"),
        ("from distutils.core import setup\n", "unknown-module", "3.12"),
        ("import telnetlib\n", "unknown-module", "3.13"),
        ("import inspect\n\ninspect.getargspec(print)\n", "unknown-member", "getfullargspec"),
        ("import asyncio\n\nasyncio.coroutine(print)\n", "unknown-member", "removed"),
        ("from asyncio import coroutine\n", "unknown-member", "removed"),
        ("import collections\n\ncollections.Mapping\n", "unknown-member", "collections.abc.Mapping"),
        ("from collections import Iterable\n", "unknown-member", "collections.abc.Iterable"),
    ],
)
def test_removed(tmp_path: Path, text: str, rule: str, words: str) -> None:
    ((_, found, shown),) = reported(tmp_path, text, ">=3.13")
    assert found == rule
    assert words in shown


def test_a_removed_name_is_no_typo_of_another(tmp_path: Path) -> None:
    (tmp_path / "case.py").write_text("import asyncio\n\nasyncio.coroutine(print)\n")
    ((finding,),) = [check(tmp_path, None, None)[1]]
    assert not finding.fix
    assert not finding.hint


@pytest.mark.parametrize(
    "text",
    [
        "import imp, distutils\n",
        "import inspect\n\ninspect.getargspec(print)\n",
        "from asyncio import coroutine\n",
    ],
)
def test_older_versions_still_have_it(tmp_path: Path, text: str) -> None:
    assert reported(tmp_path, text, ">=3.9,<3.11") == []


@pytest.mark.parametrize("requirement", ["zombie-imp", "legacy-cgi", "setuptools"])
def test_a_dependency_may_provide_it(tmp_path: Path, requirement: str) -> None:
    name = {"zombie-imp": "imp", "legacy-cgi": "cgi", "setuptools": "distutils"}[requirement]
    assert reported(tmp_path, f"import {name}\n", ">=3.13", requirements=requirement) == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    import imp\nexcept ImportError:\n    imp = None\n",
        "import sys\n\nif sys.version_info < (3, 12):\n    import imp\n",
        "import asyncio\nimport sys\n\nif sys.version_info < (3, 11):\n    asyncio.coroutine(print)\n",
    ],
)
def test_code_for_older_versions_may_use_it(tmp_path: Path, text: str) -> None:
    assert reported(tmp_path, text, ">=3.13") == []


def test_the_own_module_of_a_removed_name(tmp_path: Path) -> None:
    (tmp_path / "imp.py").write_text("def load(): ...\n")
    assert reported(tmp_path, "import imp\n\nimp.load()\n", ">=3.13") == []


def test_what_a_module_only_imports_for_itself_exists_if_its_source_imports_it_too(tmp_path: Path) -> None:
    text = "import argparse\nimport os\n\nprint(os.sys, argparse._sys, os.abc)\n"
    assert reported(tmp_path, text, ">=3.11") == []
