"""The few ways in which gate stops before a verdict; the command line maps each to its exit code."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in a file that a person wrote, at a place, in a sentence that says what was meant.

    `line` and `column` count from 1; 0 means that the place is the file as a whole.
    """

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        """`gate.yaml:3:5: protect.main: expected a mapping, got a list`."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return f"{place}: {self.message}"


class GateError(Exception):
    """One clear sentence for the person at the terminal; never a traceback."""

    def __init__(self, message: str, hint: str = "") -> None:
        """`message` says what is wrong; `hint`, where there is one, says what to do."""
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(GateError):
    """Usage error: an option, a revision or a path that makes no sense here. Exit 2."""


class InvalidInput(UsageError):
    """A policy or CODEOWNERS with mistakes: all of them, at once. Exit 2."""

    def __init__(self, mistakes: Iterable[Mistake], hint: str = "") -> None:
        """`mistakes` must not be empty."""
        self.mistakes = tuple(mistakes)
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes), hint)


class CannotDecide(GateError):
    """The facts that a verdict needs cannot be had: shallow clone, broken git, unreachable forge. Exit 3."""
