"""A project without settings of ruff: what its settings of flake8 leave out isn't reported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gate.checks.flake8_settings import arguments
from gate.checks.ruff import WITHOUT_SETTINGS

FILES = {
    "a.py": "import sys\nx = lambda: missing\n",
    "star.py": "from os import *\nlistdir()\n",
    "tests/b.py": "import sys\n",
    "docs/conf.py": "import sys\n",
}
TOX = "[flake8]\nignore = E731, W503\nper-file-ignores =\n    tests/*:F401,E5\nexclude = docs/conf.py, .tox\n"


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({}, {"a.py F401", "a.py E731", "a.py F821", "tests/b.py F401", "docs/conf.py F401"}),
        ({"tox.ini": TOX}, {"a.py F401", "a.py F821"}),
        ({".flake8": "[flake8]\nextend-ignore = E,F4  # style\n", "tox.ini": TOX}, {"a.py F821"}),
        ({"setup.cfg": "[flake8]\nextend_ignore = F\n"}, {"a.py E731"}),
        (
            {"setup.cfg": "no section\n"},
            {"a.py F401", "a.py E731", "a.py F821", "tests/b.py F401", "docs/conf.py F401"},
        ),
    ],
)
def test_what_ruff_reports(tmp_path: Path, settings: dict[str, str], reported: set[str]) -> None:
    (tmp_path / "ruff.toml").write_bytes(WITHOUT_SETTINGS)
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    words = arguments({name: text.encode() for name, text in settings.items()})
    ruff = Path(sys.executable).parent / "ruff"
    done = subprocess.run(
        [ruff, "check", "--no-cache", "--output-format=json", *words, "."],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    assert {
        f"{Path(item['filename']).relative_to(tmp_path)} {item['code']}" for item in json.loads(done.stdout)
    } == reported
