"""This repository as others get it: a clone whose newest commit is the current working tree."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from support.company import Clone

ROOT = Path(__file__).parents[2]
# How a machine's own settings let pip and npm reach their registries.
REGISTRY = ("PIP_", "NPM_", "SSL_", "REQUESTS_", "NODE_", "HTTP_", "HTTPS_", "NO_PROXY")


def registry_settings() -> dict[str, str]:
    """Return the variables of the caller's environment that pip and npm need for installing something."""
    return {name: value for name, value in os.environ.items() if name.upper().startswith(REGISTRY)}


def clone_of_this_repository(folder: Path) -> Clone:
    """Create a repository below `folder` with one commit of all files that `git add -A` would track here."""
    (folder / "home").mkdir(parents=True, exist_ok=True)
    here = Clone(ROOT, "nobody", folder)
    listed = here.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    clone = Clone(folder / "gate", "nobody", folder)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (clone.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone.path / name)
    clone.git("init", "-q", "-b", "main")
    clone.git("config", "user.name", "Nobody")
    clone.git("config", "user.email", "nobody@acme.example")
    clone.git("add", "-A")
    clone.git("commit", "-q", "-m", "The working tree")
    return clone
