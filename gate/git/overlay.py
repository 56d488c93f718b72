"""Where git and gate write for a repository that they may only read: a snapshot, a mount, somebody else's folder.

To merge two commits, git has to write objects. They go to a temporary folder then, which ends with gate.
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
"""What must not run there: it would move refs to objects that are about to go."""


@cache
def overlay_of(common_dir: Path) -> Path | None:
    """The temporary folder for a repository that cannot be written to; None for one that can be.

    Raises CannotDecide where no temporary folder can be made either.
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
    """Raise CannotDecide for a command of git that would move refs."""
    if command in MOVING:
        raise CannotDecide(
            f"{common_dir} cannot be written to",
            "gate can check there, but not fetch, record or merge; use a clone of your own",
        )
