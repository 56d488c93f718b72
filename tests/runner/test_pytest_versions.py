"""gate's plugin runs in whatever pytest the project has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.company import Clone

POLICY = "version: 1\nprotect:\n  main:\n    require:\n      checks: [tests]\n"


@pytest.mark.slow
@pytest.mark.parametrize("version", ["6.2.5", "7.4.4", "8.3.3", "9.0.1"])
def test_a_suite_runs_in_the_projects_own_pytest(project: Clone, tmp_path: Path, version: str) -> None:
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    command = [str(venv / "bin" / "pip"), "install", "--quiet", f"pytest=={version}"]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip(f"pytest {version} can't be installed here")
    project.write(
        {"gate.yaml": POLICY, "test_app.py": "def test_it():\n    assert True\n", ".gitignore": ".venv\n"}
    )
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "tests")
    (project.path / ".venv").symlink_to(venv)
    project.git("checkout", "-q", "-b", "feature")
    project.commit("fails", {"test_more.py": "def test_more():\n    assert False\n"}, push=False)
    result = project.gate("check", "--only", "tests")
    assert result.code == 1
    assert "test_more.py:2" in result.out
    assert "could not run" not in result.out
