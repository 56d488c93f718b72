"""Create findings at the position of the code they are about."""

from __future__ import annotations

from typing import Protocol

from gate.finding import Edit, Finding

_INSTEAD_OF_CALLS = {"__len__": "len(…)", "__contains__": "in"}
"""What code uses instead of calling a special method."""


def hint_of(suggested: list[str]) -> str:
    """Return a question that suggests the one or two likeliest words, or "" if there are none."""
    shown = [f"`{_INSTEAD_OF_CALLS.get(word, word)}`" for word in suggested[:2]]
    return f"did you mean {' or '.join(shown)}?" if shown else ""


class Placed(Protocol):
    """Something with a position in a file."""

    @property
    def line(self) -> int:
        """The first line, starting at 1."""

    @property
    def column(self) -> int:
        """The column in bytes, starting at 1."""

    @property
    def end_line(self) -> int:
        """The last line."""


def finding_at(
    path: str, at: Placed, rule: str, message: str, suggested: list[str], fix: tuple[str, str] | None = None
) -> Finding:
    """Return a finding at `at`. `suggested` are words that may be meant; `fix` is a certain fix: the old and new
    word.
    """
    edits = () if fix is None else (Edit(at.line, at.column, *fix),)
    return Finding(
        path, at.line, at.column, at.end_line, rule, "error", message, hint_of(suggested), fix=edits
    )
