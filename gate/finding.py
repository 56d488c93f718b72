"""The finding: what a check reports about a position, from the tool to every report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


OWN_FILE = "guarded-"
"""The prefix of rules about changes to gate's own files: its policy, code owners, CI, and git attributes."""
TEST_FAILED = "test-failed"
"""The rule of a finding about a test that ran and failed."""
OWN_QUARANTINE = "own-quarantine"
"""The rule of a finding about a failure that only a quarantine by an author of the change lets pass: a weakening."""
FEWER_TESTS = "fewer-tests"
"""The rule of a finding that doesn't block by itself: fewer tests run after the change, which is a weakening."""
SKIPPED_NOW = "skipped now, and not at the base"
"""How the message of such a finding begins if the tests are collected, but skipped."""
NEW_SKIP = "new-skip"
"""The rule of a finding about code that skips a test."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace `old` by `new` on `line`, at `column`. Both start at 1; columns count characters."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Finding:
    """A single report by a check. `new` is False if the base has it too.

    `line`, `column`, and `end_line` start at 1. 0 means the whole file, and an empty `path` the whole tree. `fix`
    contains the edits that certainly fix it if applied together, or is empty. `test` is the id of the failed test; it
    is `flaky` if it passed when rerun. `quarantined` says who lets it fail without blocking, until when, and why.
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
    quarantined: str = ""

    def __post_init__(self) -> None:
        """Correct lines before the first, which some tools report and no report format accepts."""
        for name in ("line", "column", "end_line"):
            if getattr(self, name) < 0:
                object.__setattr__(self, name, 0)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Finding:
        """Create a finding from its fields as in JSON. Raises TypeError if they don't match."""
        return cls(**{**data, "fix": tuple(Edit(**edit) for edit in data.get("fix", ()))})
