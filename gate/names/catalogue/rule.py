"""What a rule of the catalogue is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MARK = "# <- "
"""Marks the line of an invalid example at which the finding is; the finding's hint comes after it, if it has one."""
ONE_FILE = "example.py"

Example = Mapping[str, str]
"""A small project: files by their path."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    `summary` is a sentence, `why` says how the mistake fails late. Each example of `invalid` yields this rule
    once, at the line with the mark, and nothing else; one of `valid` yields nothing at all.
    """

    id: str
    summary: str
    why: str
    invalid: tuple[Example, ...]
    valid: tuple[Example, ...]


def code(text: str) -> Example:
    """An example of a single Python file."""
    return {ONE_FILE: text}
