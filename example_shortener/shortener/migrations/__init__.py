"""The steps by which the tables change, forward and back.

`NUMBER-NAME.forward.sql` and `NUMBER-NAME.back.sql` are one statement each. What has been released never
changes. A step forward must leave the release before it working, since both run side by side while a release
is put out: add, and take away only what no release in use needs any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Step:
    """One statement that takes the tables a step forward, and one that takes them back."""

    forward: str
    back: str


def steps(folder: Path = Path(__file__).parent) -> tuple[Step, ...]:
    """Every step, in order; raises ValueError if one is missing or cannot be undone."""
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
