"""Shared by the programs that run tests for gate: their report, and the origin of imported modules.

It runs in the project's interpreter, imports nothing of gate, and is imported before anything of the tree can be. It
must work with Python 3.7 and later.
"""

from __future__ import annotations

import json
import os
import sys
from functools import lru_cache
from time import monotonic
from typing import Any

REPORT = os.environ.pop("GATE_PYTEST_REPORT", "")
ROOT = os.environ.get("GATE_PYTEST_ROOT", "")
ROOTS = os.environ.get("GATE_PYTEST_ROOTS", "").split(os.pathsep)
AWAY = os.environ.get("GATE_PYTEST_AWAY", "")
LENT = [
    os.environ.get("GATE_PYTEST_PREFIX", ""),
    *os.environ.get("GATE_PYTEST_LENT", "").split(os.pathsep),
]
EVERY = 0.5
"""Seconds between two progress notes."""
BEFORE = frozenset(sys.modules)
"""What was imported before anything in the tree could be: pytest and the standard library."""


def say(event: str, **fields: Any) -> None:
    """Append a line to the report."""
    if REPORT:
        with open(REPORT, "a", encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **fields}) + "\n")


class Progress:
    """The progress of the run, for the process that may have to end it."""

    done = 0
    noted_at = 0.0
    failed = ""
    """The first test that failed."""


def progress(total: int, name: str) -> None:
    """Report the progress of a run of `total` tests, at most twice a second."""
    Progress.done += 1
    if abs(monotonic() - Progress.noted_at) > EVERY:
        _say_progress(total, name)


def first_failure(total: int, name: str) -> None:
    """Report the first failing test of a run at once, because somebody may be waiting for it."""
    if not Progress.failed:
        Progress.failed = name
        _say_progress(total, name)


def _say_progress(total: int, name: str) -> None:
    Progress.noted_at = monotonic()
    say("progress", done=Progress.done, total=total, last=name, failed=Progress.failed)


@lru_cache(maxsize=None)  # noqa: UP033  this file has to work on any Python from 3.7 on
def real_folder(path: str) -> str:
    """Return the real path of a folder. Cached, because a large suite imports thousands of modules."""
    return os.path.realpath(path)


def real_file(path: str) -> str:
    """Return the real path of a file."""
    folder, name = os.path.split(path)
    candidate = os.path.join(real_folder(folder), name)
    return os.path.realpath(candidate) if os.path.islink(candidate) else candidate


def is_below(path: str, folder: str) -> bool:
    """Return whether the real path `path` is in `folder`."""
    return bool(folder) and path.startswith(real_folder(folder) + os.sep)


def has_module(name: str) -> bool:
    """Return whether the tree has a file for the module `name`."""
    relative = name.replace(".", os.sep)
    return any(
        os.path.exists(os.path.join(root, relative + ending))
        for root in ROOTS
        for ending in (".py", os.sep + "__init__.py")
    )


def imported_from() -> dict[str, str]:
    """Return modules imported from elsewhere although the tree has them, or from the user's working tree.

    The environment may be in the working tree, and so are submodules, which the tree doesn't contain.
    """
    outside = {}
    first = {entry.partition(".")[0] for root in ROOTS if os.path.isdir(root) for entry in os.listdir(root)}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # A package may re-export another module under its own name; that legitimately comes from elsewhere.
        if not isinstance(file, str) or getattr(module, "__name__", "") != name:
            continue
        real = real_file(file)
        if is_below(real, ROOT):
            continue
        is_own = name not in BEFORE and name.partition(".")[0] in first and has_module(name)
        if is_own or (is_below(real, AWAY) and not any(is_below(real, folder) for folder in LENT)):
            outside[name] = real
    return outside
