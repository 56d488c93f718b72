"""The patches of the demo and of the incident fit the sample as it is now."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "example_shortener"


@pytest.mark.parametrize(
    "patches",
    [
        ("gate/demo/version-2.patch", "gate/demo/fixed.patch"),
        (
            "example_shortener/incident/story/version-2.patch",
            "example_shortener/incident/story/version-3.patch",
        ),
    ],
    ids=["demo", "incident"],
)
def test_they_apply_one_after_the_other(tmp_path: Path, patches: tuple[str, ...]) -> None:
    shutil.copytree(SAMPLE / "shortener", tmp_path / "shortener")
    for patch in patches:
        # Outside of a repository, `git apply` changes plain files.
        subprocess.run(["git", "apply", str(ROOT / patch)], cwd=tmp_path, check=True, capture_output=True)
