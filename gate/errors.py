"""The errors with which gate stops before a verdict. The command line maps each to its exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """A mistake at a position in a file that a person wrote, with what was expected.

    `line` and `column` start at 1; 0 means the whole file.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`gate.yaml:3:5: protect.main: expected a mapping, got a list`."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}"


def first_of(mistakes: Sequence[Mistake]) -> str:
    """Return the first of several mistakes, and how many more there are."""
    return f"{mistakes[0]}{f' (and {len(mistakes) - 1} more)' if mistakes[1:] else ''}"


class GateError(Exception):
    """An error with one clear sentence for the user, displayed without a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        """Create the error. `message` says what is wrong; `hint`, if any, says what to do."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GateError):
    """An option, revision, or path that makes no sense here. Exit code 2."""


class InvalidInput(UsageError):
    """All mistakes in a policy or CODEOWNERS file. Exit code 2."""

    def __init__(self, mistakes: Iterable[Mistake], hint: str = "") -> None:
        """Create the error. `mistakes` must not be empty."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes), hint)

    @property
    def in_one_line(self) -> str:
        """The first mistake, and how many more there are."""
        return first_of(self.mistakes)


class CannotDecide(GateError):
    """The facts for a verdict aren't available: shallow clone, broken git, or unreachable forge. Exit code 3."""
