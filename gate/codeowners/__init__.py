"""Code owners: which file counts, what it says, and who owns a path. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a CODEOWNERS file: who must approve what it matches.

    `owners` is empty where the line takes ownership away. `section` is empty outside GitLab's sections;
    `required` is the number of approvals that it asks for, `optional` means that none is needed.
    """

    file: str
    line: int
    column: int
    section: str
    pattern: str
    owners: tuple[str, ...]
    required: int = 1
    optional: bool = False

    @property
    def place(self) -> str:
        """`.github/CODEOWNERS:3`."""
        return f"{self.file}:{self.line}"
