"""What a check reports about one place, from the tool that reports it to every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


FEWER_TESTS = "fewer-tests"
"""The rule of a finding that blocks nothing by itself: the change lets fewer tests run, which is a weakening."""


@dataclass(frozen=True, slots=True)
class Edit:
    """`new` belongs where `old` stands on `line`, from `column` on; both count from 1, columns in characters."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check says about one place. `new` is False where the base tree has it as well.

    `line`, `column` and `end_line` count from 1; 0 means the whole file (some tools report -1), and an
    empty `path` for the whole tree. `fix` has the edits that certainly fix it, all of them together; empty if none do.
    `test` is what the runner of the tests calls the one that failed; it is `flaky` if it passed when it was run again.
    """

    path: str
    line: int
    column: int
    end_line: int
    rule: str
    severity: Severity
    message: str
    hint: str = ""
    new: bool = True
    fix: tuple[Edit, ...] = ()
    test: str = ""
    flaky: bool = False

    def __post_init__(self) -> None:
        """No report has a place for a line before the first, whatever a tool says."""
        for name in ("line", "column", "end_line"):
            if getattr(self, name) < 0:
                object.__setattr__(self, name, 0)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Finding:
        """The finding of which `data` holds the fields, as JSON has them; raises TypeError if they are others."""
        return cls(**{**data, "fix": tuple(Edit(**edit) for edit in data.get("fix", ()))})
