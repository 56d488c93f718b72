"""A temporary object directory for repositories that gate may only read, such as snapshots or read-only mounts.

Merging two commits writes objects. In such a repository they go to a temporary folder that is deleted when gate exits.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from gate.errors import CannotDecide

MOVING = frozenset({"update-ref", "fast-import", "fetch", "merge"})
"""Commands that must not run in an overlay: they would move refs to objects that are about to be deleted."""


@cache
def overlay_of(common_dir: Path) -> Path | None:
    """Return a temporary folder for a read-only repository, or None for a writable one.

    Raises CannotDecide if no temporary folder can be created.
    """
    if "GIT_QUARANTINE_PATH" in os.environ or all(
        os.access(folder, os.W_OK) for folder in (common_dir, common_dir / "objects")
    ):
        return None
    try:
        folder = Path(tempfile.mkdtemp(prefix="gate-aside-"))
        (folder / "objects").mkdir()
    except OSError as error:
        raise CannotDecide(
            f"neither {common_dir} nor a temporary folder can be written to: {error.strerror or error}",
            "set TMPDIR to a folder with free space",
        ) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def refuse_to_move(command: str, common_dir: Path) -> None:
    """Raise CannotDecide for a git command that would move refs."""
    if command in MOVING:
        raise CannotDecide(
            f"{common_dir} cannot be written to",
            "gate can check this repository, but not fetch, record, or merge; use your own clone",
        )
