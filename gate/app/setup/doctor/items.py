"""Result types of `gate doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MISTAKE = "fix the line, and merge that into the default branch"
"""The hint for a mistake in a rules file."""

Level = Literal["ok", "note", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Item:
    """One observation. `fix` says what to do if something is wrong."""

    level: Level
    text: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """The observations about one subject."""

    name: str
    items: tuple[Item, ...]

    @property
    def failed(self) -> bool:
        """Whether anything in the section keeps gate from working."""
        return any(item.level == "error" for item in self.items)
