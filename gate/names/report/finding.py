"""Findings at the place of what they are about."""

from __future__ import annotations

from typing import Protocol

from gate.finding import Edit, Finding


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
    """A finding at `at`. `suggested` are the words that may be meant; `fix` is a certain one: the old and the new."""
    edits = () if fix is None else (Edit(at.line, at.column, *fix),)
    return Finding(
        path, at.line, at.column, at.end_line, rule, "error", message, hint_of(suggested), fix=edits
    )
