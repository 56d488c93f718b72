"""Virtual environments in a change: anyone who checks it out could be made to execute their content."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gate.finding import Finding
from gate.weakenings.file_diff import FileDiff, weakening

PARTS = re.compile(
    r"(?:^|/)(?:pyvenv\.cfg|conda-meta/.+|site-packages/.+|\.pdm-python|(?:bin|Scripts)/(?:python[\d.]*|activate)(?:\.exe)?"
    r"|\.?v?env)$"
)
"""Files that only a virtual environment has, and the names of environments, which may be symlinks."""


def is_part(path: str) -> bool:
    """Return whether the file at `path` looks like part of a virtual environment."""
    return PARTS.search(path) is not None


def find(files: Iterable[FileDiff]) -> Iterator[Finding]:
    """Yield one finding for each folder in which a change adds or modifies part of a virtual environment."""
    reported: set[str] = set()
    for file in files:
        if file.new is None or not is_part(file.path):
            continue
        if not file.link and re.search(r"(?:^|/)\.?v?env$", file.path):
            # A regular file named `.env` may be a settings file.
            continue
        folder = re.split(
            r"(?:^|/)(?:pyvenv\.cfg|conda-meta|lib(?:64)?/python|Lib/|site-packages|bin|Scripts)", file.path
        )[0]
        if folder not in reported:
            reported.add(folder)
            message = "an environment in the repository: tools may mistake it for the project's own, and run its code"
            yield weakening(file.path, "committed-environment", message)
