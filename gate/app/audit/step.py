"""The result of verifying one move of a branch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NOT_ENFORCED = "not enforced: "
"""The prefix of a step's reason that names an unmet requirement which isn't enforced."""
QUARANTINED = "failed, but quarantined: "
"""The prefix of a step's reason that names a failed test which didn't block."""


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the branch, and whether it was verified. `title` is that of the commit it moved to.

    `reasons` say why, one sentence each. `waived` is True if a guardian's waiver replaces something that was missing,
    and `afterwards` if somebody approved what had bypassed gate, or revoked an objection to it. `base` is the commit
    that the branch moved from, whose policy applied. `change` is the digest of the change, and `approvers` are the
    people whose approval counted.
    """

    commit: str
    title: str
    outcome: Literal["passed", "failed"]
    reasons: tuple[str, ...]
    waived: bool = False
    base: str = ""
    change: str = ""
    approvers: tuple[str, ...] = ()
    afterwards: bool = False

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return "; ".join(self.reasons)

    @property
    def unenforced(self) -> bool:
        """Whether requirements were not met that weren't enforced at the time."""
        return any(part.startswith(NOT_ENFORCED) for part in self.reasons)

    @property
    def quarantined(self) -> bool:
        """Whether a test failed that was quarantined at the time."""
        return any(part.startswith(QUARANTINED) for part in self.reasons)
