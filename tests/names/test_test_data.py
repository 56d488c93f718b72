"""Input of tests and excerpts in docs are no code of the project: nothing in them is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate.names.read.test_data import test_data as data_among
from gate.names.run import check

TESTS = b"import os\nfrom fixtures import shop\nfrom tests.data.helper import run\nimport data.cases.used\n"
FILES = {
    "src/app/data/table.py": False,
    "tests/test_app.py": False,
    "tests/data/cases/comments.py": True,
    "tests/data/cases/used.py": False,
    "tests/data/helper.py": False,
    "tests/data/os.py": True,
    "tests/data/test_more.py": False,
    "tests/data/conftest.py": False,
    "tests/fixtures/shop/__init__.py": False,
    "tests/fixtures/shop/models.py": False,
    "tests/roots/test-docs/conf.py": True,
    "test-data/stubs/enum.pyi": True,
    "testing/samples/broken.py": True,
    "docs/data/excerpt.py": True,
    "docs/conf.py": False,
    "tests/functional/a.py": True,
    "tests/functional/b.py": True,
    "tests/functional/c.py": True,
    "tests/functional/quiet.py": True,
    "tests/unit/helper.py": False,
    "tests/pack/__init__.py": False,
    "tests/pack/data/__init__.py": False,
    "tests/pack/data/rows.py": False,
    "vendor/typeshed/stdlib/tkinter/__init__.pyi": True,
    "vendor/typeshed/stubs/six/six.pyi": False,
}
OTHERS = [
    *(f"tests/functional/{name}.txt" for name in "abc"),
    "tests/unit/helper.md",
    "vendor/typeshed/stdlib/VERSIONS",
]


def test_what_nobody_runs_is_data() -> None:
    python = {path: TESTS if path == "tests/test_app.py" else b"x = 1\n" for path in FILES}
    assert data_among(python, OTHERS) == {path for path, is_data in FILES.items() if is_data}


@pytest.mark.parametrize(("folder", "count"), [("tests/data", 0), ("tests/unit", 3), ("app/data", 3)])
def test_nothing_is_reported_in_data(tmp_path: Path, folder: str, count: int) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / "broken.py").write_text("def f(:\n")
    (tmp_path / folder / "wrong.py").write_text("print(undefined_here)\n")
    (tmp_path / folder / "shop.py").write_text("def main(): ...\n")
    (tmp_path / folder / "pyproject.toml").write_text('[project.scripts]\nshop = "shop:mian"\n')
    assert len(check(tmp_path, None, None)[1]) == count
