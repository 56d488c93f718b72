"""The Python that a release runs with: one of its own, with what its pyproject.toml names and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tomllib
from pathlib import Path

from release.problems import Refused
from release.processes import run


def interpreter(tree: Path, folder: Path, given: str) -> str:
    """The path of the Python for the release in `tree`: `given`, or one below `folder`, made if it is not there.

    Releases that name the same dependencies share one, so that most releases need none to be made.
    """
    if given:
        return given
    project = tomllib.loads((tree / "pyproject.toml").read_text("utf-8"))["project"]
    wishes = [sys.version.split()[0], *sorted(project.get("dependencies", []))]
    place = folder / hashlib.sha256(json.dumps(wishes).encode()).hexdigest()[:16]
    python = place / "bin" / "python"
    if not (place / "complete").exists():
        shutil.rmtree(place, ignore_errors=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wishes[1:]]
        # pip may have to know its proxy and its index; nothing of the release runs here but what it names.
        for argv in ([sys.executable, "-m", "venv", str(place)], install):
            code, said = run(argv, cwd=folder.parent, env=dict(os.environ))
            if code:
                raise Refused(f"{' '.join(argv[1:4])} … ended with {code}: {said.splitlines()[-1:]}")
        (place / "complete").touch()
    return str(python)
