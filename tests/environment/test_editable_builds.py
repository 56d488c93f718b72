"""What gate alters in an editable install that would build the project again when it is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gate.environment.built import leave_out_rebuild, old_backends

LOADER = """\
import subprocess
import sys


class {finder}:
    def __init__(self, command):
        self._build_cmd = command

    def find_spec(self, name, path=None, target=None):
        subprocess.run(self._build_cmd, check=True)


def install(command):
    sys.meta_path.insert(0, {finder}(command))
"""
CALL = """

install(["false"])
"""
LATER = '_thing_editable_loader.install(["false"])'


@pytest.mark.parametrize(("finder", "code"), [("MesonpyMetaFinder", 0), ("OtherFinder", 1)])
@pytest.mark.parametrize("by_itself", [True, False], ids=["older", "newer"])
def test_an_import_builds_nothing_again(tmp_path: Path, finder: str, code: int, by_itself: bool) -> None:
    loader = tmp_path / "_thing_editable_loader.py"
    loader.write_text(LOADER.format(finder=finder) + (CALL if by_itself else ""), "utf-8")
    leave_out_rebuild(loader)
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import _thing_editable_loader"
    program += "; import csv" if by_itself else f"; {LATER}; import csv"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == code


@pytest.mark.parametrize(
    ("backend", "code"), [("poetry.masonry.api", 0), ("poetry.core.masonry.api", 1)], ids=["old", "today's"]
)
def test_poetry_core_by_its_old_name(tmp_path: Path, backend: str, code: int) -> None:
    settings = tmp_path / "thing" / "pyproject.toml"
    core = tmp_path / "site" / "poetry" / "core" / "masonry" / "api.py"
    for path in (settings, core):
        path.parent.mkdir(parents=True)
    settings.write_text(f'[build-system]\nbuild-backend = "{backend}"\n', "utf-8")
    core.write_text("def build_editable(): ...\n", "utf-8")
    program = f"import sys; sys.path.append({str(tmp_path / 'site')!r})"
    program += "; from poetry.masonry.api import build_editable"
    with old_backends([tmp_path, settings.parent]) as variables:
        done = subprocess.run([sys.executable, "-c", program], env=variables, check=False)
    assert done.returncode == code
