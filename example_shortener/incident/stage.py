"""Create the repository of the story, with three versions."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from machine.problems import CannotGo
from machine.system import run

SAMPLE = Path(__file__).parents[1]
PATCHES = Path(__file__).parent / "story"
VERSIONS = {
    "version-1": ("Version 1", "Nehemiah", "nehemiah"),
    "version-2": ("Version 2: the links of the first days lead somewhere again", "New Hire", "new"),
    "version-3": ("Version 3: the links of the first days are read as what they are", "New Hire", "new"),
}
NOT_COPIED = ("__pycache__", ".venv", "*.egg-info", ".*_cache", "*.db*", ".release", ".git")
SETTINGS = f"""\
# Free ports, little patience, and the Python that is there. gate is not asked; `make incident` does ask it.
gate = ["true"]
python = {json.dumps(sys.executable)}
prometheus = 0
[environments.staging]
port = 0
[environments.production]
port = 0
watch = 2
[limits]
slack = 10                          # seconds: version 2 is not slow, and this machine may be
"""


def build_repository(
    folder: Path, settings: str = SETTINGS, prepare: Callable[[Path], None] = lambda _: None
) -> Path:
    """Create a repository in `folder` with a tag for each version, and `release.toml` with these settings.

    `prepare` may change files of the first version.
    """
    shutil.copytree(SAMPLE, folder, ignore=shutil.ignore_patterns(*NOT_COPIED), copy_function=shutil.copyfile)
    (folder / "release.toml").write_text(settings, "utf-8")
    prepare(folder)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    for tag, (subject, name, mail) in VERSIONS.items():
        patch = PATCHES / f"{tag}.patch"
        if patch.exists():
            git(folder, "apply", "--index", str(patch))
        git(folder, "add", "--all")
        who = ("-c", f"user.name={name}", "-c", f"user.email={mail}@acme.example")
        git(folder, *who, "commit", "--quiet", "--message", subject)
        git(folder, "tag", tag)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git without anyone's settings. Raises CannotGo with its message if it fails."""
    clean = {
        "PATH": os.environ.get("PATH", os.defpath),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    code, output = run(["git", *arguments], cwd=folder, env=clean)
    if code:
        raise CannotGo(f"git {' '.join(arguments)}: {output}")
    return output
