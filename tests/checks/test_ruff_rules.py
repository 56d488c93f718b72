"""A project that pins a version of ruff in its hooks: what that version selects applies, not what a later one does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gate.checks.ruff_rules import HOOKS, arguments

HOOK = "repos:\n- repo: https://github.com/astral-sh/ruff-pre-commit\n  rev: {}\n  hooks: [{{id: ruff}}]\n"
OLD, NEW = HOOK.format("v0.4.3"), HOOK.format("v0.16.0")
FILE = "import sys\nimport os\nfrom typing import List\n\nx: List[int] = [1]\nprint(os)\ny = lambda: 0\n"
"""Unsorted imports and `List` (taste), an unused import and a lambda with a name (errors, by the former rules)."""


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        pytest.param(
            {HOOKS: OLD, "ruff.toml": "line-length = 99\n"}, {"F401", "E731"}, id="the former defaults"
        ),
        pytest.param(
            {HOOKS: OLD, ".ruff.toml": "[lint]\nextend-select = ['I']\n"}, {"F401", "E731", "I001"}, id="more"
        ),
        pytest.param(
            {HOOKS: OLD, "pyproject.toml": "[tool.ruff.lint]\nignore = ['E731']\n"},
            {"F401"},
            id="less, in pyproject.toml",
        ),
        pytest.param(
            {HOOKS: OLD, "pyproject.toml": "[tool.ruff]\nextend-ignore = ['F401']\n"},
            {"E731"},
            id="less, by a former key",
        ),
        pytest.param({HOOKS: OLD, "ruff.toml": "[lint]\nselect = ['I']\n"}, {"I001"}, id="rules are named"),
        pytest.param(
            {HOOKS: OLD, "ruff.toml": "extend = 'base.toml'\n", "base.toml": "[lint]\nselect = ['I']\n"},
            {"I001"},
            id="rules are named in other settings",
        ),
    ],
)
def test_what_ruff_reports(tmp_path: Path, settings: dict[str, str], reported: set[str]) -> None:
    assert _reported(tmp_path, settings) == reported


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(
            {HOOKS: NEW, "ruff.toml": "line-length = 99\n"}, id="a version with the present defaults"
        ),
        pytest.param({"ruff.toml": "line-length = 99\n"}, id="no version"),
        pytest.param(
            {HOOKS: OLD.replace("v0.4.3", "main"), "ruff.toml": "line-length = 99\n"}, id="a branch"
        ),
        pytest.param({HOOKS: "repos: [1]\n", "ruff.toml": "line-length = 99\n"}, id="no hooks"),
        pytest.param({HOOKS: "{", "ruff.toml": "line-length = 99\n"}, id="no YAML"),
        pytest.param(
            {HOOKS: OLD, "ruff.toml": "line-length = 99\n", "web/ruff.toml": "line-length = 99\n"},
            id="settings below",
        ),
    ],
)
def test_ruff_decides_by_itself(tmp_path: Path, settings: dict[str, str]) -> None:
    assert {"UP006", "I001"} <= _reported(tmp_path, settings)


def _reported(top: Path, settings: dict[str, str]) -> set[str]:
    for path, text in {**settings, "a.py": FILE}.items():
        (top / path).parent.mkdir(exist_ok=True)
        (top / path).write_text(text)
    words = arguments({name: text.encode() for name, text in settings.items()}, (*settings, "a.py"))
    done = subprocess.run(
        [Path(sys.executable).parent / "ruff", "check", "--no-cache", "--output-format=json", *words, "."],
        cwd=top,
        capture_output=True,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    return {item["code"] for item in json.loads(done.stdout)}
