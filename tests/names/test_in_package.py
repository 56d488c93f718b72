"""What is looked up in a package: by the words of that package, installed or known from the list."""

from __future__ import annotations

import venv
from pathlib import Path

import pytest

from gate.names.resolve import known_packages
from gate.names.run import check

PACKAGE = """
from enum import Enum


class Format(str, Enum):
    TEXT = "text"


def convert(source, target_format=Format.TEXT, **options):
    return source
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has one package."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    package = next(folder.glob("lib/python3*/site-packages")) / "converter"
    package.mkdir()
    (package / "__init__.py").write_text(PACKAGE)
    return folder / "bin" / "python"


def reported(root: Path, code: str, python: Path | None = None) -> list[tuple[str, str]]:
    """The rule of each finding, and the word that it suggests first."""
    (root / "tree").mkdir(exist_ok=True)
    (root / "tree" / "app.py").write_text(code)
    findings = check(root / "tree", str(python) if python else None, None)[1]
    return [(one.rule, one.hint.partition("`")[2].partition("`")[0]) for one in findings]


@pytest.mark.parametrize(
    ("code", "rule", "right"),
    [
        ("import tomli\n\ntomli.parse('x')\n", "unknown-member", "loads"),
        ("import requests\n\nrequests.RequestExcception()\n", "unknown-member", "RequestException"),
        ("import psutil\n\npsutil.disk_io_counters(Perdisk=True)\n", "unexpected-keyword", "perdisk"),
        ("from jinja2 import Environment\n\nEnvironment(olader=None)\n", "unexpected-keyword", "loader"),
    ],
    ids=["another language's name", "a letter twice", "a capital", "letters swapped"],
)
def test_a_package_that_is_not_installed_is_known_from_the_list(
    tmp_path: Path, code: str, rule: str, right: str
) -> None:
    assert reported(tmp_path, code) == [(rule, right)]


@pytest.mark.parametrize(
    "code",
    [
        # Of what the list does not resemble, another release may have it.
        "import requests\n\nrequests.something_new('x')\n",
        "import requests\n\nrequests.get('x', something_new=1)\n",
        # What the project patches in is there.
        "import requests\n\n\ndef fetch(): ...\n\n\nrequests.fetch = fetch\nrequests.fetch()\n",
        "import requests\n\n" + "requests.gett('x')\n" * 9,
        "import flask\n\nflask.Markup('x')\n",
    ],
    ids=["unlike anything", "a keyword unlike anything", "patched in", "again and again", "passed on"],
)
def test_what_a_package_may_have_all_the_same_is_left_alone(tmp_path: Path, code: str) -> None:
    assert reported(tmp_path, code) == []


def test_a_package_under_another_name_than_its_module_is_no_typo_of_a_third(tmp_path: Path) -> None:
    code = "import pandass\n\npandass.read_csv('x')\n"
    assert reported(tmp_path, code) == [("unknown-module", "pandas")]
    (tmp_path / "tree" / "requirements.txt").write_text("python-pandass==3.4\n")
    assert reported(tmp_path, code) == []


@pytest.mark.parametrize(
    "name", ["jinja", "ldap", "boto", "nose", "moto", "polib", "sage", "vim", "cv2", "gi"]
)
def test_a_package_that_others_use_is_no_typo_of_a_listed_one(tmp_path: Path, name: str) -> None:
    assert reported(tmp_path, f"import {name}\n") == []


def test_the_two_lists_share_nothing() -> None:
    assert not known_packages.others() & known_packages.names()
    assert len(known_packages.others()) > 100


@pytest.mark.parametrize(
    ("code", "found"),
    [
        # starlette's, which fastapi passes on.
        ("from fastapi import Depends, Request\nfrom fastapi.responses import JSONResponse\n", []),
        ("import fastapi\n\nprint(fastapi.Request)\n", []),
        ("from fastapi import Requets\n", [("unknown-member", "Request")]),
        ("from requests import Sesion\n", [("unknown-member", "Session")]),
        # Two of its names, one of them used far more often.
        ("import click\n\n" + 3 * "click.option('x')\n" + "print(click.Option)\n", []),
        # What a module needs of the standard library can be imported from it, if nobody should.
        ("from invoke.loader import Path\n", []),
    ],
)
def test_what_a_package_passes_on_is_there(tmp_path: Path, code: str, found: list[tuple[str, str]]) -> None:
    assert reported(tmp_path, code) == found


def test_a_keyword_of_an_installed_package_is_reported_though_its_function_takes_any(
    tmp_path: Path, python: Path
) -> None:
    code = "from converter import convert\n\nconvert('x', target_fromat='y')\nconvert('x', colour='red')\n"
    assert reported(tmp_path, code, python) == [("unexpected-keyword", "target_format")]


def test_a_member_of_a_package_s_enum_is_no_plain_value(tmp_path: Path, python: Path) -> None:
    code = "from converter import Format\n\nprint(Format.TEXT.value, Format.TEXT.name, Format.TEXT.upper())\n"
    assert reported(tmp_path, code, python) == []
    assert reported(tmp_path, code.replace(".value", ".valeu"), python) == [("unknown-attribute", "value")]
