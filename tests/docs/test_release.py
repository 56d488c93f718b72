"""A release: the workflow is sound, and a tag, the version, the changelog and the files must agree."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.people import ROOT

import gate

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
CHECK = ROOT / ".ci" / "check_release.py"
FILES = (f"merge_gate-{gate.__version__}-py3-none-any.whl", f"merge_gate-{gate.__version__}.tar.gz")


def checked(tag: str, folder: Path, *files: str) -> tuple[int, str]:
    for name in files:
        (folder / name).touch()
    done = subprocess.run(
        [sys.executable, str(CHECK), tag, str(folder)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_a_release_whose_parts_agree(tmp_path: Path) -> None:
    assert checked(f"v{gate.__version__}", tmp_path, *FILES) == (
        0,
        "tag, version, changelog, and files agree\n",
    )


@pytest.mark.parametrize(
    ("tag", "files", "message"),
    [
        ("v99.0.0", FILES, "gate/__init__.py: expected version 99.0.0"),
        ("v99.0.0", FILES, "CHANGELOG.md: expected a dated section '## 99.0.0 (YYYY-MM-DD)'"),
        (f"v{gate.__version__}", FILES[:1], "expected ["),
        (f"v{gate.__version__}", (*FILES, "other.whl"), "expected ["),
    ],
)
def test_a_release_whose_parts_differ(tmp_path: Path, tag: str, files: tuple[str, ...], message: str) -> None:
    code, text = checked(tag, tmp_path, *files)
    assert code == 1
    assert message in text


@pytest.mark.parametrize(
    "command",
    [
        ["zizmor", "--persona=pedantic", "--offline", "--quiet"],
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
    ],
    ids=["zizmor", "schema"],
)
def test_the_workflow_is_sound(command: list[str]) -> None:
    program = Path(sys.executable).with_name(command[0])
    done = subprocess.run(
        [str(program), *command[1:], str(WORKFLOW)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_published_gets_no_secret() -> None:
    text = WORKFLOW.read_text()
    assert "secrets." not in text
    assert len(re.findall(r"uses: \S+@[0-9a-f]{40} # v", text)) == text.count("uses:")
