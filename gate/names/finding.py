"""What the `names` check prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """`new` belongs where `old` stands on `line`, from `column` on; both count from 1, columns in characters."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding. `fix` is what surely mends it, all of it together; empty where nothing does surely."""

    path: str
    line: int
    column: int
    end_line: int
    rule: str
    message: str
    hint: str = ""
    fix: tuple[Edit, ...] = ()


def hint_of(right: list[str]) -> str:
    """A question for the reader: the likeliest word, and the next if there is one."""
    return f"did you mean {' or '.join(f'`{word}`' for word in right[:2])}?" if right else ""
