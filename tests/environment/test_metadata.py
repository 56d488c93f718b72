"""Whether an installed project has the metadata that its tree states."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.environments import make_venv

from gate.environment.declared import read_declared
from gate.environment.interpreter import Environment
from gate.environment.metadata import is_outdated_install

PROJECT = '[project]\nname = "My_Thing"\nversion = "1.0"\n'
SCRIPT = '[project.scripts]\nthing = "thing:main"\n'
PLUGIN = '[project.entry-points."my.group"]\nOne = "thing.one : plug"\n'
SETUP_CFG = """\
[metadata]
name = my-thing
version = 1.0
[options.entry_points]
console_scripts =
    thing = thing:main
"""
SETUP_PY = 'setup(name="my-thing", version=read("VERSION"), entry_points=%s)\n'
POETRY = '[tool.poetry]\nname = "my-thing"\nversion = "1"\n[tool.poetry.scripts]\nthing = "thing:main"\n'


@pytest.mark.parametrize(
    ("stated", "version", "entry_points", "outdated"),
    [
        (PROJECT, "1.0", "", False),
        (PROJECT, "1", "", False),
        (PROJECT, "0.9", "", True),
        (PROJECT + SCRIPT, "1.0", "", True),
        (PROJECT + SCRIPT, "1.0", "[console_scripts]\nthing = thing:main\n", False),
        (PROJECT + SCRIPT, "1.0", "[console_scripts]\nthing = thing:other\n", True),
        (PROJECT, "1.0", "[console_scripts]\nthing = thing:main\n", True),
        (PROJECT + PLUGIN, "1.0", "[my.group]\nOne = thing.one:plug\n", False),
        (PROJECT + PLUGIN, "1.0", "[my.group]\none = thing.one:plug\n", True),
        (POETRY, "1.0", "[console_scripts]\nthing=thing:main\n", False),
        (POETRY + 'more = {reference = "x", type = "file"}\n', "1.0", "", False),
        (PROJECT.replace("version", 'dynamic = ["version"]\nx'), "0.9", "", False),
        (PROJECT + 'dynamic = ["scripts"]\n', "1.0", "[console_scripts]\na = b:c\n", False),
        (SETUP_CFG, "1.0", "[console_scripts]\nthing = thing:main\n", False),
        (SETUP_CFG, "1.0", "", True),
        (SETUP_CFG, "1.1", "[console_scripts]\nthing = thing:main\n", True),
        (
            SETUP_PY % '{"console_scripts": ["thing = thing:main"]}',
            "2.0",
            "[console_scripts]\nthing=thing:main\n",
            False,
        ),
        (SETUP_PY % '{"console_scripts": ["thing = thing:main"]}', "2.0", "", True),
        (SETUP_PY % "computed()", "2.0", "", False),
        ("[tool.ruff]\n", "1.0", "[console_scripts]\na = b:c\n", False),
    ],
)
def test_what_was_installed_and_what_is_stated(
    tmp_path: Path, stated: str, version: str, entry_points: str, outdated: bool
) -> None:
    info = make_venv(tmp_path / "venv", {}) / f"my_thing-{version}.dist-info"
    info.mkdir()
    if entry_points:
        (info / "entry_points.txt").write_text(entry_points)
    environment = Environment(tmp_path / "venv" / "bin" / "python", "a test", project=tmp_path)
    name = "setup.py" if "setup(" in stated else "setup.cfg" if "[metadata]" in stated else "pyproject.toml"
    assert is_outdated_install(environment, read_declared({name: stated.encode()})) is outdated


def test_setuptools_states_entry_points_elsewhere(tmp_path: Path) -> None:
    (make_venv(tmp_path / "venv", {}) / "my_thing-1.0.dist-info").mkdir()
    environment = Environment(tmp_path / "venv" / "bin" / "python", "a test", project=tmp_path)
    files = {
        "pyproject.toml": (PROJECT + SCRIPT).encode(),
        "setup.py": b"from setuptools import setup\nsetup()\n",
    }
    assert not is_outdated_install(environment, read_declared(files))
