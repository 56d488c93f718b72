"""A problem of a policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem of a policy. An `error` locks people out; a `note` is worth knowing but not necessarily a mistake.

    `affects` contains the people an error locks out, or the files nobody could change, with the branch. Two policies
    are compared by it.
    """

    level: Level
    message: str
    help: str = ""
    affects: frozenset[tuple[str, str]] = field(default=frozenset(), compare=False)
