"""The two sides of a changed file, as the detectors get them."""

from __future__ import annotations

from dataclasses import dataclass

from gate.model import Finding


@dataclass(frozen=True, slots=True)
class Sides:
    """A changed path with its content before and after; None where it does not exist.

    `renamed_from` names the path that it had before, where git sees a rename; `old` is then its content
    there. That path has sides of its own, since what a file there decided, it no longer does.
    `link` is True if either side is a symbolic link or a submodule.
    """

    path: str
    old: bytes | None
    new: bytes | None
    renamed_from: str = ""
    link: bool = False

    @property
    def old_text(self) -> str:
        """The content before, as text; bytes that are no UTF-8 survive."""
        return (self.old or b"").decode("utf-8", "surrogateescape")

    @property
    def new_text(self) -> str:
        """The content after, as text; bytes that are no UTF-8 survive."""
        return (self.new or b"").decode("utf-8", "surrogateescape")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


def weakening(path: str, rule: str, message: str, line: int = 0, hint: str = "") -> Finding:
    """One weakening; `message` says what would no longer be seen."""
    return Finding(path, line, 1 if line else 0, line, rule, "error", message, hint)
