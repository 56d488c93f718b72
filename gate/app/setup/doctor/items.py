"""The values that the sections of `gate doctor` are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MISTAKE = "fix the line, and merge that into the default branch"
"""What to do about a mistake in a file of rules."""

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was found. Of what is not right, `fix` is what to do about it."""

    level: Level
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What was found about one subject."""

    name: str
    items: tuple[Item, ...]

    @property
    def failed(self) -> bool:
        """Whether anything in it keeps gate from working."""
        return any(item.level == "error" for item in self.items)
