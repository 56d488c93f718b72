"""What the `names` check prints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Edit:
    """`new` belongs where `old` stands on `line`, from `column` on; both count from 1, columns in characters."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `fix` has the edits that certainly fix it, all of them together; empty if none do."""

    path: str
    line: int
    column: int
    end_line: int
    rule: str
    message: str
    hint: str = ""
    fix: tuple[Edit, ...] = ()


def hint_of(suggested: list[str]) -> str:
    """A question for the reader: the likeliest word, and the next if there is one."""
    return f"did you mean {' or '.join(f'`{word}`' for word in suggested[:2])}?" if suggested else ""


class Placed(Protocol):
    """Something that has a place in a file."""

    @property
    def line(self) -> int:
        """The first line, from 1."""

    @property
    def column(self) -> int:
        """In bytes, from 1."""

    @property
    def end_line(self) -> int:
        """The last line."""


def finding_at(
    path: str, at: Placed, rule: str, message: str, suggested: list[str], fix: tuple[str, str] | None = None
) -> Finding:
    """`right` are the words that may be meant; `fix` is what surely belongs in the place of what."""
    edits = () if fix is None else (Edit(at.line, at.column, *fix),)
    return Finding(path, at.line, at.column, at.end_line, rule, message, hint_of(suggested), edits)
