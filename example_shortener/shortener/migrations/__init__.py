"""The steps that change the tables, forward and back.

`NUMBER-NAME.forward.sql` and `NUMBER-NAME.back.sql` are one statement each. Never change a released step. After a step
forward, the previous release must still work, since both run side by side during a deploy: add, and remove only what no
running release needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that migrates the tables forward, and one that reverts it."""

    forward: str
    back: str


def steps(folder: Path = Path(__file__).parent) -> tuple[Step, ...]:
    """Return every step, in order. Raises ValueError if one is missing or can't be reverted."""
    found = sorted(folder.glob("*.forward.sql"))
    for number, path in enumerate(found, start=1):
        if not path.name.startswith(f"{number:04}-"):
            raise ValueError(f"{path}: expected the name to start with {number:04}-")
    return tuple(Step(path.read_text("utf-8"), _back(path).read_text("utf-8")) for path in found)


def _back(path: Path) -> Path:
    back = path.with_name(path.name.replace(".forward.", ".back."))
    if not back.is_file():
        raise ValueError(f"{back}: expected a file that takes {path.name} back")
    return back
